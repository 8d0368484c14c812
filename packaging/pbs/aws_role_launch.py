"""OpenPBS hook: give jobs that roles.map lists a role, without a change to their scripts.

PBS runs an execjob_launch hook as root, just before the job's shell and each task started through
the task manager, and lets it set their environment. (A prologue cannot: it has no way to
change the job's environment.) docs/pbs.md says how to install it.

A job that should have had a role and has none is started as a shell that says why in the job's
output, and ends with 125. (Rejecting the launch, which is what PBS does when a hook fails or takes
more than 30 seconds, would end the job too, with the reason in MoM's log alone.)
"""

# ruff: noqa: UP021, UP022 (PBS may bring a Python as old as 3.6)
import json
import os
import re
import shlex
import stat
import subprocess

import pbs

JOBS = "/usr/libexec/aws-role-exec/job-credentials"
MAP = "/etc/aws-role-exec/roles.map"
SETTINGS = "/etc/aws-role-exec/base.env"  # AWS_CA_BUNDLE=..., HTTPS_PROXY=..., AWS_REGION=...
PATH = "/usr/local/bin:/usr/bin:/bin"
LONGEST_SECONDS = 3600  # raise it, up to 43200, unless root's credentials are a role's
# identity variables: made by packaging/generate.py
IDENTITY = {
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
}
PREFIXES = (
    "AWS_BEARER_TOKEN_",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_",
    "AWS_ROLE_EXEC_",
    "AWS_VAULT",
)
# end

event = pbs.event()
job = event.job


def refuse(reason):
    # Better no job than a job under the node's own identity.
    told = f"aws-role-exec: no credentials for this job: {reason}"
    pbs.logmsg(pbs.EVENT_ERROR, f"{job.id}: {told}".replace("\n", "; "))
    event.progname = "/bin/sh"
    event.argv = ["sh", "-c", 'echo "$1" >&2; exit 125', "sh", told]
    event.accept()


def answer(command, environ, statuses=(0,)):
    try:
        told = subprocess.run(
            command,
            env=environ,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
    except OSError as error:
        return refuse(error)
    words = told.stderr.strip()
    if told.returncode not in statuses:
        return refuse(words or "no answer")
    if words:
        pbs.logmsg(pbs.EVENT_ERROR, f"{job.id}: {words}")
    return told.stdout


def owned(path):
    # Whoever can write to it, or put another in its place, decides whom root asks.
    path = os.path.realpath(path)
    while True:
        status = os.stat(path)
        if status.st_uid not in (0, os.geteuid()):
            return refuse(path + " is not root's")
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_mode & 0o022 and not sticky:
            return refuse(path + " may be written to by others than root")
        if path == "/":
            return None
        path = os.path.dirname(path)


def settings():
    if not os.path.lexists(SETTINGS):
        return {}
    found = {}
    try:
        owned(SETTINGS)
        with open(SETTINGS, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
        for number, line in enumerate(lines, 1):
            for word in shlex.split(line, comments=True):
                name, equals, value = word.partition("=")
                if equals and re.match(r"[A-Za-z_][A-Za-z0-9_]*\Z", name):
                    found[name] = value
                elif word != "export":
                    # Not told what it is: a blank too many, and it is a secret.
                    return refuse(f"{SETTINGS}:{number}: this is not NAME=value")
    except OSError as error:
        return refuse(error)
    except ValueError as error:  # a quotation that does not end
        return refuse(f"{SETTINGS}:{number}: {error}")
    return found


if not os.path.lexists(MAP):
    event.accept()  # a node without roles
facts = {
    "queue": job.queue,
    "account": job.Account_Name,
    "project": job.project,
    "user": job.euser,
}
find = [JOBS, "find"]
find += [f"{name}={'' if value is None else value}" for name, value in facts.items()]
role = answer(find, os.environ, statuses=(0, 3, 4)).strip()  # 3: denied; 4: no line fits
if not role:
    event.accept()

walltime = job.Resource_List["walltime"]
seconds = LONGEST_SECONDS if walltime is None else min(int(walltime), LONGEST_SECONDS)
environ = {
    "HOME": "/",
    # A bare number is a walltime: below 15 minutes it is rounded up.
    "AWS_ROLE_EXEC_DURATION": str(seconds),
    "AWS_ROLE_EXEC_SESSION_NAME": "auto",
    "AWS_ROLE_EXEC_STS_TIMEOUT": "20s",
}
environ.update(os.environ, PATH=PATH, PBS_JOBID=str(job.id))
environ.update(settings())
keys = json.loads(answer(["aws-role-exec", "--role-arn", role, "--format", "json"], environ))
for name in [name for name in event.env if name in IDENTITY or name.startswith(PREFIXES)]:
    del event.env[name]
event.env["AWS_ACCESS_KEY_ID"] = keys["AccessKeyId"]
event.env["AWS_SECRET_ACCESS_KEY"] = keys["SecretAccessKey"]
event.env["AWS_SESSION_TOKEN"] = keys["SessionToken"]
event.env["AWS_REGION"] = keys["Region"]
event.env["AWS_DEFAULT_REGION"] = keys["Region"]
event.env["AWS_CREDENTIAL_EXPIRATION"] = keys["Expiration"]
event.accept()
