"""Role ARNs: which role, in which account and partition."""

from __future__ import annotations

from aws_role_exec.errors import UsageError
from aws_role_exec.sts.session_name import LEGAL_CHARACTERS

_LOWER_CASE = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
# IAM User Guide, "IAM identifiers": the path has up to 512 characters from ! to ~, the name up
# to 64 of those that a session name has.
_LONGEST_PATH = 512
_LONGEST_NAME = 64


def check_arn(arn: str) -> str:
    """Return the ARN if it names an IAM role, else raise UsageError."""
    if _is_role_arn(arn):
        return arn
    hint = "write it as in arn:aws:iam::123456789012:role/name"
    fields = arn.split(":", 5)
    if not arn:
        hint = "the value is empty; is a variable unset?"
    elif len(fields) == 6 and fields[2] == "sts" and fields[5].startswith("assumed-role/"):
        # IAM User Guide, "IAM identifiers": a session's ARN leaves out the path of its role.
        name = fields[5].split("/")[1]
        role = f"arn:{fields[1]}:iam::{fields[4]}:role/{name}"
        hint = f"that is the ARN of a session; its role is {role}, if it has no path"
        if name.startswith("AWSReservedSSO_"):
            hint = "that is a session of IAM Identity Center; use its profile with --profile"
    raise UsageError(f"'{arn[:200]}' is not the ARN of an IAM role", hint=hint)


def _is_role_arn(arn: str) -> bool:
    fields = arn.split(":", 5)
    if len(fields) != 6:
        return False
    prefix, partition_, service, region, account, resource = fields
    words = partition_.split("-")
    kind, _, path_and_name = resource.partition("/")
    path, _, name = path_and_name.rpartition("/")
    return (
        (prefix, words[0], service, region, kind) == ("arn", "aws", "iam", "", "role")
        and all(word and _LOWER_CASE.issuperset(word) for word in words)
        and len(account) == 12
        and _DIGITS.issuperset(account)
        and 1 <= len(name) <= _LONGEST_NAME
        and LEGAL_CHARACTERS.issuperset(name)
        and len(path) <= _LONGEST_PATH
        and "//" not in resource
        and all("!" <= character <= "~" for character in path)
    )


def partition(arn: str) -> str:
    """Return the partition of a checked role ARN: `aws`, `aws-cn`, `aws-us-gov`, ..."""
    return arn.split(":", 2)[1]
