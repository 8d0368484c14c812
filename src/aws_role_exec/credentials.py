"""Temporary credentials, kept out of every repr."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_role_exec.errors import StsError

if TYPE_CHECKING:
    from datetime import datetime

# What can stand in an environment variable, an INI value and a shell word without harm.
# STS itself answers with base64 characters; compatible services add a few.
_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What STS answered. `expiration` is an aware datetime in UTC.

    Raises StsError when a value holds anything but printable ASCII: a line break in a key
    would become a line of its own in a shell, a file or a log.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: datetime
    assumed_role_arn: str

    def __post_init__(self) -> None:
        """Refuse what no service should answer and no consumer could be given safely."""
        for value in (self.access_key_id, self.secret_access_key, self.session_token):
            if not _PRINTABLE.fullmatch(value):
                raise StsError("STS: the answer holds a credential that is not printable text")

    @property
    def expiration_text(self) -> str:
        """The expiration as ISO 8601 in UTC to the second, as in `2026-03-21T20:00:00Z`."""
        return self.expiration.strftime("%Y-%m-%dT%H:%M:%SZ")

    def variables(self, region: str) -> dict[str, str]:
        """Return the environment variables that hand these credentials to an AWS SDK."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_CREDENTIAL_EXPIRATION": self.expiration_text,
        }
