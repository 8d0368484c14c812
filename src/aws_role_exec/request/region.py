"""The region: where STS is asked, and what the command is given."""

from __future__ import annotations

import os

from aws_role_exec.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PARTITION_DEFAULTS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-us-gov": "us-gov-west-1",
}
"""The region whose STS is asked when nothing names one; another would not know the role."""

_LONGEST = 63  # one label of a host name (RFC 1123)
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")


def find(
    option: str | None, environ: Mapping[str, str], partition: str, profile: str | None = None
) -> str:
    """Return the region by rank: option, AWS_DEFAULT_REGION, AWS_REGION, profile, partition.

    The profile is the one named, else the one that the environment selects. Raises UsageError
    for a name that cannot be a region's, and for a configuration file or profile that cannot
    be read.
    """
    if option is not None:
        return check(option)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        if environ.get(name):
            return check(environ[name], f"{name}: ")
    configured = _from_profile(environ, profile)
    if configured:
        return check(configured, "the profile's region: ")
    return PARTITION_DEFAULTS.get(partition, PARTITION_DEFAULTS["aws"])


def check(region: str, label: str = "") -> str:
    """Return the region if it has a region's form, else raise UsageError beginning with the label.

    Words of lower-case letters and a number, as in `us-gov-east-1`: it becomes part of a host
    name and of lines in files. One that is not known is taken: it may be new.
    """
    *words, number = region.split("-")
    if (
        len(words) >= 2
        and all(word and _LETTERS.issuperset(word) for word in words)
        and number
        and _DIGITS.issuperset(number)
        and len(region) <= _LONGEST
    ):
        return region
    if not region:
        raise UsageError(f"{label}an empty name is no region", hint="is a variable not set?")
    from aws_role_exec.request import regions  # noqa: PLC0415 - only for an error

    raise UsageError(
        f"{label}'{region[:80]}' is not a region",
        hint=f"the nearest region is {regions.nearest(region)}",
    )


def _from_profile(environ: Mapping[str, str], profile: str | None) -> str | None:
    config = environ.get("AWS_CONFIG_FILE") or os.path.expanduser("~/.aws/config")
    credentials = environ.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.expanduser(
        "~/.aws/credentials"
    )
    if profile is None and not os.path.exists(config) and not os.path.exists(credentials):
        return None
    from aws_role_exec.identity import botocore_chain  # noqa: PLC0415 - botocore, only if there is a file

    return botocore_chain.configured_region(profile)
