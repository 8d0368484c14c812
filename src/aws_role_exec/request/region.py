"""The region: where STS is asked, and what the command is given."""

from __future__ import annotations

from aws_role_exec.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.configuration.settings import Settings

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


def partition(region: str) -> str:
    """Return the partition of a region; AWS's commercial one where its name tells none."""
    place = region.rpartition("-")[0].rpartition("-")[0]
    for name, default in PARTITION_DEFAULTS.items():
        if default.startswith(f"{place}-") and default.count("-") == place.count("-") + 2:
            return name
    return "aws"


_LONGEST = 63  # one label of a host name (RFC 1123)
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")


def find(settings: Settings, partition: str) -> str:
    """Return the region by rank: AWS_DEFAULT_REGION, AWS_REGION, profile, partition.

    Raises UsageError for a name that cannot be a region's, saying where it is set.
    """
    found = settings.find("region")
    if found is None:
        return PARTITION_DEFAULTS.get(partition, PARTITION_DEFAULTS["aws"])
    name, place = found
    return check(name, f"{place}: ")


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
        raise UsageError(f"{label}the region is empty", hint="is a variable unset?")
    from aws_role_exec.request import regions  # only for an error

    raise UsageError(
        f"{label}'{region[:80]}' is not a region",
        hint=f"the nearest region is {regions.nearest(region)}",
    )
