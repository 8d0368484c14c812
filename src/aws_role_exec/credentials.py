"""Keys and tokens, checked for their form in this one place, and kept out of every repr."""

from __future__ import annotations

import time

from aws_role_exec.errors import IdentityError, StsError
from aws_role_exec.records import record

VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CREDENTIAL_EXPIRATION",
)
"""The environment variables that hand credentials to an AWS SDK."""

_LONGEST_ARN = 2048  # characters (IAM User Guide, quotas)


def find_fault(text: str) -> tuple[str, str] | None:
    """Return why a text cannot be a key or a token, and a hint; None if it can be.

    AWS itself uses base64's characters; compatible services add a few. What is found here is
    what goes wrong when values are copied, templated or read from files. Nothing of the text is
    quoted, since the rest of it may be a secret.
    """
    if not text:
        return "is empty", "was it set from a secret or a file that does not exist?"
    if "\n" in text or "\r" in text:
        return (
            "contains a line break",
            "remove it; does the value come from a file with Windows line endings?",
        )
    if '"' in text or "'" in text:
        return "contains quotes", "write the value without quotes: no shell removes them here"
    if _is_unexpanded(text):
        return (
            "contains an unexpanded variable",
            "nothing expanded it: set the value itself",
        )
    if any(character.isspace() for character in text):
        return "contains whitespace", "remove it, or copy the value again"
    if not text.isascii() or not text.isprintable():
        return (
            "contains a character that cannot be part of a key"
        ), "copy the value again, as plain text"
    return None


def _is_unexpanded(text: str) -> bool:
    """Tell whether this is `${X}`, `$(x)`, `{{ x }}`, `%X%` or `$X`, to be expanded by somebody."""
    if "${" in text or "$(" in text or "{{" in text:
        return True
    name = text[1:-1] if text[0] == "%" and text[-1] == "%" else text[1:] * (text[0] == "$")
    return name.isidentifier() and name.isupper()


def check_key(text: str, what: str) -> str:
    """Return an access key ID, a secret key or a token if it has the form of one.

    `what` names the variable, the setting of a profile or the file that it comes from. Raises
    IdentityError, which does not quote it.
    """
    fault = find_fault(text)
    if fault is not None:
        why, hint = fault
        raise IdentityError(f"source credentials: {what} {why}", hint=hint)
    return text


def check_token(text: str, what: str) -> str:
    """Return a session token without blanks around it, as it is signed and sent by botocore.

    Raises IdentityError as `check_key` does.
    """
    return check_key(text.strip(" \t"), what)


def is_word(text: str) -> bool:
    """Tell whether a text is printable ASCII without blanks, as every key is, and not empty.

    That can stand in a header, an environment variable, an INI value and a shell word.
    """
    return bool(text) and min(text) >= "!" and max(text) <= "~"


@record
class Keys:
    """What a request is signed with. `session_token` is "" for long-lived keys.

    Raises IdentityError for a value that no header may hold: wherever keys come from, nothing
    else reaches the wire. Where a person wrote them, `check_key` finds more, and tells the place.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str

    def __post_init__(self) -> None:
        """Refuse what would break a header."""
        for value in (self.access_key_id, self.secret_access_key, self.session_token or "-"):
            if not is_word(value):
                raise IdentityError("source credentials: a key is not printable text")

    def __repr__(self) -> str:
        """Show which key this is, and no secret."""
        return f"Keys({self.access_key_id})"


@record
class Credentials:
    """What STS answered. `expiration` is ISO 8601 in UTC, as in `2026-03-21T20:00:00Z`.

    `assumed_role_arn` is "" where a compatible service gives none. Raises StsError when a value
    has not the form of its kind: a line break in one would become a line of its own in a
    shell, a file or a log.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str
    assumed_role_arn: str

    def __post_init__(self) -> None:
        """Refuse what no service should answer and no consumer could be given safely."""
        for value in (self.access_key_id, self.secret_access_key, self.session_token):
            if not is_word(value):
                raise StsError("STS: the response contains a credential that is not printable text")
        if not is_time(self.expiration):
            raise StsError("STS: the Expiration in the response is not a UTC time", hint=_NOT_STS)
        if self.assumed_role_arn and not is_arn(self.assumed_role_arn):
            raise StsError("STS: the Arn in the response is not an ARN", hint=_NOT_STS)

    def __repr__(self) -> str:
        """Show which credentials these are, and no secret."""
        return f"Credentials({self.access_key_id}, {self.assumed_role_arn})"

    def keys(self) -> Keys:
        """Return what the next request is signed with."""
        return Keys(self.access_key_id, self.secret_access_key, self.session_token)

    def check_not_expired(self, now: float) -> None:
        """Raise StsError if these have expired already; `now` is in seconds since the epoch."""
        if has_passed(self.expiration, now):
            raise StsError(
                f"STS: the new credentials expired at {self.expiration}",
                hint="check whether this machine's clock is ahead (date -u, timedatectl)",
            )

    def expires_at(self) -> float:
        """Return the expiration in seconds since the epoch."""
        from datetime import datetime  # for those who renew

        return datetime.fromisoformat(self.expiration).timestamp()

    def describe(self) -> str:
        """Say which role was assumed, with which key and until when, without a secret."""
        return f"assumed {self.assumed_role_arn}, key {self.access_key_id} until {self.expiration}"

    def values(self) -> tuple[str, ...]:
        """Return the fields in order, of which another process makes the same Credentials."""
        return (
            self.access_key_id,
            self.secret_access_key,
            self.session_token,
            self.expiration,
            self.assumed_role_arn,
        )

    def variables(self, region: str) -> dict[str, str]:
        """Return `VARIABLES` with their values."""
        keys = (self.access_key_id, self.secret_access_key, self.session_token)
        values = (*keys, region, region, self.expiration)
        return dict(zip(VARIABLES, values, strict=True))


_NOT_STS = "is that endpoint STS? See AWS_ENDPOINT_URL_STS"


def is_time(text: str) -> bool:
    """Tell whether a text is a time as AWS writes it: `2026-03-21T20:00:00Z`."""
    marks = (text[4:5], text[7:8], text[10:11], text[13:14], text[16:17], text[19:])
    numbers = (text[:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19])
    if marks != ("-", "-", "T", ":", ":", "Z"):
        return False
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        return False
    _, month, day, hour, minute, second = map(int, numbers)
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61


def has_passed(expiration: str, now: float) -> bool:
    """Tell whether such a time has come; `now` is in seconds since the epoch."""
    return expiration <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


def is_arn(text: str) -> bool:
    """Tell whether a text has the form of an ARN: six parts, in printable ASCII."""
    return (
        text.startswith("arn:")
        and text.count(":") >= 5
        and len(text) <= _LONGEST_ARN
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )
