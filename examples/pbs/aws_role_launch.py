"""OpenPBS hook: start every job of this site under a role, without a change to its script.

PBS runs an execjob_launch hook as root, just before the job's shell and each task started through
the task manager, and lets it set their environment. (A prologue cannot: it has no way to
change the job's environment.) Needs: aws-role-exec on every node and a base identity for root.

    qmgr -c "create hook aws_role event=execjob_launch"
    qmgr -c "import hook aws_role application/x-python default aws_role_launch.py"
"""

# ruff: noqa: UP021, UP022 (PBS may bring a Python as old as 3.6)
import json
import re
import subprocess

import pbs

ROLE_ARN = "arn:aws:iam::123456789012:role/hpc-pbs-worker"
PROGRAM = "/usr/local/bin/aws-role-exec"
LONGEST_SECONDS = 3600  # raise it, up to 43200, if the base identity is not itself a role
STALE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN", "AWS_SHARED_CREDENTIALS_FILE")

event = pbs.event()
job = event.job
walltime = job.Resource_List["walltime"]
seconds = min(int(walltime), LONGEST_SECONDS) if walltime is not None else LONGEST_SECONDS
answer = subprocess.run(
    [
        PROGRAM,
        "--role-arn",
        ROLE_ARN,
        "--duration",
        str(seconds),  # a bare number is a walltime: below 15 minutes it is rounded up
        "--session-name",
        "pbs-" + re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", str(job.id))[:60],
        "--sts-timeout",
        "20s",
        "--format",
        "json",
    ],
    check=False,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    universal_newlines=True,
)
if answer.returncode != 0:
    # Better no job than a job under the node's own identity.
    event.reject("no AWS role for this job: " + answer.stderr.strip())
keys = json.loads(answer.stdout)
for name in STALE:
    event.env.pop(name, None)
event.env["AWS_ACCESS_KEY_ID"] = keys["AccessKeyId"]
event.env["AWS_SECRET_ACCESS_KEY"] = keys["SecretAccessKey"]
event.env["AWS_SESSION_TOKEN"] = keys["SessionToken"]
event.env["AWS_REGION"] = keys["Region"]
event.env["AWS_DEFAULT_REGION"] = keys["Region"]
event.env["AWS_CREDENTIAL_EXPIRATION"] = keys["Expiration"]
event.accept()
