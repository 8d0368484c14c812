"""Role ARNs: which role, in which account and partition."""

from __future__ import annotations

import re

from aws_role_exec.errors import UsageError

# IAM User Guide, "IAM identifiers": path up to 512 characters of ! to DEL, name up to 64.
_ROLE_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):iam::[0-9]{12}:role/"
    r"(?:[!-.0-~]+/){0,64}[A-Za-z0-9_+=,.@-]{1,64}"
)
_ASSUMED_ROLE_ARN = re.compile(r"arn:([a-z-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.*")
_LONGEST = 2048


def check_arn(arn: str) -> str:
    """Return the ARN if it names an IAM role, else raise UsageError."""
    if len(arn) <= _LONGEST and _ROLE_ARN.fullmatch(arn):
        return arn
    hint = "a role's ARN is written arn:aws:iam::123456789012:role/name"
    if not arn:
        hint = "it is empty; is a variable not set?"
    elif assumed := _ASSUMED_ROLE_ARN.fullmatch(arn):
        partition, account, name = assumed.groups()
        hint = f"that is a session; its role is arn:{partition}:iam::{account}:role/{name}"
    raise UsageError(f"'{arn[:200]}' is not the ARN of an IAM role", hint=hint)


def partition(arn: str) -> str:
    """Return the partition of a checked role ARN: `aws`, `aws-cn`, `aws-us-gov`, ..."""
    return arn.split(":", 2)[1]
