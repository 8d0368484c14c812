"""What a session is asked for beyond its role: tags, external id, MFA, held to STS's limits."""

from __future__ import annotations

from aws_role_exec.errors import UsageError
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_EMPTY_HINT = "the value is empty; is a variable unset?"


@record
class Limit:
    """What STS takes for one value: its length, and its pattern as the API reference has it.

    A test compares the numbers and patterns with botocore's model of STS. `others` has
    what the pattern takes beside word characters, `letters` says it in words.
    """

    shortest: int
    longest: int
    pattern: str
    others: str
    letters: str


EXTERNAL_ID = Limit(2, 1224, r"[\w+=,.@:\/-]*", "+=,.@:/-", "letters, digits and _+=,.@:/-")
SOURCE_IDENTITY = Limit(2, 256, r"[\w+=,.@-]*", "+=,.@-", "letters, digits and _+=,.@-")
MFA_SERIAL = Limit(9, 256, r"[\w+=/:,.@-]*", "+=/:,.@-", "letters, digits and _+=/:,.@-")
MFA_CODE = Limit(6, 6, r"[\d]*", "", "digits")
_TAG_LETTERS = "letters, digits, spaces and _.:/=+-@"
TAG_KEY = Limit(1, 128, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", "_.:/=+-@", _TAG_LETTERS)
TAG_VALUE = Limit(0, 256, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "_.:/=+-@", _TAG_LETTERS)
TAGS_AT_MOST = 50
POLICY_ARNS_AT_MOST = 10
POLICY_CHARACTERS_AT_MOST = 2048
"""Of the inline policy and the ARNs of the managed ones together (STS: AssumeRole, Policy)."""

TAKEN_WITH_A_TOKEN = frozenset({"Policy", "PolicyArns"})
"""The session options of AssumeRoleWithWebIdentity; a token brings the others, or has none."""

_LOWER_CASE = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_POLICY_PATH_AT_MOST = 64  # parts before the name
_POLICY_ARN_LONGEST = 2048


def check_external_id(text: str) -> str:
    """Return it if STS would take it, else raise UsageError."""
    return _check(text, EXTERNAL_ID)


def check_source_identity(text: str) -> str:
    """Return it if STS would take it, else raise UsageError."""
    return _check(text, SOURCE_IDENTITY)


def check_mfa_serial(text: str) -> str:
    """Return the MFA device's ARN or serial number if it could be one, else raise UsageError."""
    hint = (
        "use an ARN such as arn:aws:iam::123456789012:mfa/name, or a hardware token's serial number"
    )
    return _check(text, MFA_SERIAL, hint)


def check_mfa_code(text: str) -> str:
    """Return the code if it is one, else raise UsageError, which does not show it."""
    if len(text) != MFA_CODE.longest or not (text.isascii() and text.isdigit()):
        raise UsageError(
            f"a code is {MFA_CODE.longest} digits",
            hint=None if text else "without --mfa-code you are prompted on the terminal",
        )
    return text


def parse_tag(text: str) -> tuple[str, str]:
    """Return the key and value of `K=V`; raises UsageError for what STS would not take."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"'{text[:200]}' has no =", hint="write --tag key=value")
    _check_tag(key, TAG_KEY, "the key")
    _check_tag(value, TAG_VALUE, f"the value of {key}")
    if key.lower().startswith("aws:"):
        raise UsageError(f"'{key}': keys that begin with aws: are reserved for AWS")
    return key, value


def check_tags(tags: Sequence[tuple[str, str]]) -> None:
    """Raise UsageError for more tags than STS takes, and for keys that differ in case at most."""
    if len(tags) > TAGS_AT_MOST:
        raise UsageError(f"{len(tags)} tags; STS accepts {TAGS_AT_MOST}")
    seen: set[str] = set()
    for key, _ in tags:
        if key.lower() in seen:
            raise UsageError(f"'{key}' is given twice", hint="STS ignores case in tag keys")
        seen.add(key.lower())


def check_transitive_tags(keys: Sequence[str], tags: Sequence[tuple[str, str]]) -> None:
    """Raise UsageError for a key that no tag of this request has."""
    known = {key.lower() for key, _ in tags}
    for key in keys:
        if key.lower() not in known:
            raise UsageError(
                f"'{key[:200]}' is not a tag of this session", hint="set its value with --tag"
            )


def check_policy_arn(arn: str, role_arn: str) -> str:
    """Return the managed policy's ARN if the role could be narrowed by it, else raise UsageError.

    It must be one of AWS's own, or stand in the role's account (STS: AssumeRole, PolicyArns).
    """
    policy_partition, owner = _split_policy_arn(arn)
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
    if policy_partition != partition or owner not in ("aws", account):
        raise UsageError(
            f"'{arn[:200]}' is not in the role's account",
            hint=f"use a policy of AWS or of account {account}",
        )
    return arn


def _split_policy_arn(arn: str) -> tuple[str, str]:
    """Return the partition and the account, or `aws`, of a managed policy; raises UsageError."""
    fields = arn.split(":", 5)
    if len(fields) == 6 and len(arn) <= _POLICY_ARN_LONGEST:
        prefix, partition, service, region, account, resource = fields
        words = partition.split("-")
        kind, *path, name = resource.split("/")
        if (
            (prefix, words[0], service, region, kind) == ("arn", "aws", "iam", "", "policy")
            and all(word and _LOWER_CASE.issuperset(word) for word in words)
            and (account == "aws" or (len(account) == 12 and _DIGITS.issuperset(account)))
            and len(path) <= _POLICY_PATH_AT_MOST
            and all(part and all("!" <= c <= "~" for c in part) for part in path)
            and name
            and all(_is_word(c) or c in "+=,.@-" for c in name)
        ):
            return partition, account
    hint = "use arn:aws:iam::aws:policy/Name or arn:aws:iam::123456789012:policy/name"
    if not arn:
        hint = _EMPTY_HINT
    elif arn.lstrip().startswith("{") or arn.startswith("file:"):
        hint = "for the text of a policy, use --policy"
    raise UsageError(f"'{arn[:200]}' is not the ARN of a managed policy", hint=hint)


def check_policy_sizes(policy: str | None, arns: Sequence[str]) -> None:
    """Raise UsageError for more or longer session policies than STS takes together."""
    if len(arns) > POLICY_ARNS_AT_MOST:
        raise UsageError(f"{len(arns)} managed policies; STS accepts {POLICY_ARNS_AT_MOST}")
    total = policy_characters(policy, arns)
    if total > POLICY_CHARACTERS_AT_MOST:
        raise UsageError(
            f"{total} characters together with --policy; STS accepts {POLICY_CHARACTERS_AT_MOST}",
            hint="shorten the inline policy, or use fewer managed policies",
        )


def policy_characters(policy: str | None, arns: Sequence[str]) -> int:
    """Return how many characters the session policies take of those STS allows."""
    return len(policy or "") + sum(map(len, arns))


# What follows is for the rows of `request.options`: values as parameters of AssumeRole, and what
# these, by their names there, have to do with each other.


def tag(text: str) -> dict[str, str]:
    """Return a member of `Tags`."""
    key, value = parse_tag(text)
    return {"Key": key, "Value": value}


def tags_agree(parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for tags that STS does not take together."""
    check_tags(_tags(parameters))


def transitive_tags_agree(parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for a transitive tag that is no tag of this session."""
    check_transitive_tags(parameters["TransitiveTagKeys"], _tags(parameters))


def managed_policy(arn: str) -> dict[str, str]:
    """Return a member of `PolicyArns`."""
    _split_policy_arn(arn)
    return {"arn": arn}


def policies_agree(parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for policies of other accounts, for too many and for too long ones."""
    arns = [member["arn"] for member in parameters["PolicyArns"]]
    for arn in arns:
        check_policy_arn(arn, parameters["RoleArn"])
    check_policy_sizes(parameters.get("Policy"), arns)


def _tags(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(member["Key"], member["Value"]) for member in parameters.get("Tags", ())]


def _check(text: str, limit: Limit, hint: str | None = None) -> str:
    _check_length(text, limit)
    for character in text:
        if not _is_word(character) and character not in limit.others:
            raise _wrong_character(character, limit, hint)
    return text


def _check_tag(text: str, limit: Limit, what: str) -> None:
    try:
        _check_length(text, limit)
        for character in text:
            # \p{L}, \p{Z} and \p{N} are Unicode's general categories.
            if (
                character not in limit.others
                and not _is_word(character)
                and not _is_letter(character)
            ):
                raise _wrong_character(character, limit, None)
    except UsageError as error:
        raise UsageError(f"{what}: {error}", hint=error.hint) from None


def _is_word(character: str) -> bool:
    """Tell whether this is a word character, which means ASCII to STS."""
    return character.isascii() and (character.isalnum() or character == "_")


def _is_letter(character: str) -> bool:
    """Tell whether Unicode counts it to the letters, numbers or separators (L, N, Z)."""
    import unicodedata  # for other than ASCII

    return unicodedata.category(character)[0] in "LNZ"


def _check_length(text: str, limit: Limit) -> None:
    if limit.shortest <= len(text) <= limit.longest:
        return
    plural = "" if len(text) == 1 else "s"
    raise UsageError(
        f"{len(text)} character{plural}; STS accepts {limit.shortest} to {limit.longest}",
        hint=None if text else _EMPTY_HINT,
    )


def _wrong_character(character: str, limit: Limit, hint: str | None) -> UsageError:
    return UsageError(f"'{character}' is not one of {limit.letters}", hint=hint)
