# %% [markdown]
# Assume a role for the rest of this notebook.
# Needs: aws-role-exec on the kernel's PATH, boto3. Paste the next two cells above the section that
# needs the role. Run both again when the credentials have expired.

# %%
import json
import os
import subprocess

# The environment that the kernel started with has the source credentials, also if you run this cell
# again.
first_environ = globals().get("first_environ") or dict(os.environ)
answer = subprocess.run(
    [
        "aws-role-exec",
        "--role-arn",
        "arn:aws:iam::123456789012:role/ml-training-role",
        "--duration",
        "1h",
        "--format",
        "json",
    ],
    capture_output=True,
    check=False,
    env=first_environ,
    text=True,
)
if answer.returncode:  # show the reason under the cell, not in the log of the server
    raise RuntimeError(answer.stderr)
role = json.loads(answer.stdout)
del answer
os.environ.pop("AWS_PROFILE", None)
os.environ.update(
    AWS_ACCESS_KEY_ID=role["AccessKeyId"],
    AWS_SECRET_ACCESS_KEY=role["SecretAccessKey"],
    AWS_SESSION_TOKEN=role["SessionToken"],
    AWS_DEFAULT_REGION=role["Region"],
)
print("role until", role["Expiration"])

# %%
# Sessions created before this point keep their old identity: create a new one.
import boto3  # noqa: E402

session = boto3.Session()
print(session.client("sts").get_caller_identity()["Arn"])
s3 = session.client("s3")
