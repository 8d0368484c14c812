"""List what a role may read. Needs: the Python package aws-role-exec, and boto3."""

import boto3

import aws_role_exec
from aws_role_exec.errors import AwsRoleExecError

try:
    session = boto3.Session(
        botocore_session=aws_role_exec.session(
            "arn:aws:iam::123456789012:role/reader",
            duration="1h",
            external_id="reports-42",
            tags={"project": "quarterly"},
        )
    )
except AwsRoleExecError as error:
    raise SystemExit(f"report: {error}\n{error.hint or ''}") from None

print(session.client("sts").get_caller_identity()["Arn"])
