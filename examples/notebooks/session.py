# %% [markdown]
# A role for everything that this notebook does with `session`, renewed while the kernel runs.
# Needs: the Python package aws-role-exec and boto3 in the kernel.

# %%
import boto3

import aws_role_exec

session = boto3.Session(
    botocore_session=aws_role_exec.session(
        "arn:aws:iam::123456789012:role/ml-training-role", duration="1h"
    )
)
print(session.client("sts").get_caller_identity()["Arn"])
s3 = session.client("s3")
