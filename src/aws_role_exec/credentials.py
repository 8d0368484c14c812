"""Temporary credentials, kept out of every repr."""

from __future__ import annotations

from aws_role_exec.errors import StsError
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


@record
class Keys:
    """What a request is signed with. `session_token` is "" for long-lived keys."""

    access_key_id: str
    secret_access_key: str
    session_token: str

    def __repr__(self) -> str:
        """Show which key this is, and no secret."""
        return f"Keys({self.access_key_id})"


@record
class Credentials:
    """What STS answered. `expiration` is ISO 8601 in UTC, as in `2026-03-21T20:00:00Z`.

    Raises StsError when a value holds anything but printable ASCII: a line break in a key
    would become a line of its own in a shell, a file or a log.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str
    assumed_role_arn: str

    def __post_init__(self) -> None:
        """Refuse what no service should answer and no consumer could be given safely."""
        for value in (self.access_key_id, self.secret_access_key, self.session_token):
            # What can stand in an environment variable, an INI value and a shell word. STS
            # itself answers with base64 characters; compatible services add a few.
            if not value or min(value) < "!" or max(value) > "~":
                raise StsError("STS: the answer holds a credential that is not printable text")

    def __repr__(self) -> str:
        """Show which credentials these are, and no secret."""
        return f"Credentials({self.access_key_id}, {self.assumed_role_arn})"

    def describe(self) -> str:
        """Say which role was assumed, with which key and until when, without a secret."""
        return f"assumed {self.assumed_role_arn}, key {self.access_key_id} until {self.expiration}"

    def variables(self, region: str) -> dict[str, str]:
        """Return `VARIABLES` with their values."""
        keys = (self.access_key_id, self.secret_access_key, self.session_token)
        values = (*keys, region, region, self.expiration)
        return dict(zip(VARIABLES, values, strict=True))
