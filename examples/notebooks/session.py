# %% [markdown]
# A role for what this notebook does with `session`, renewed for as long as the kernel runs.
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
