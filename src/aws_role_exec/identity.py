"""The base identity: who asks STS. botocore finds it, with its whole chain of providers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import botocore.exceptions
import botocore.session

from aws_role_exec import diagnose, trust
from aws_role_exec.errors import IdentityError, UsageError

if TYPE_CHECKING:
    from botocore.credentials import Credentials as BotocoreCredentials
    from botocore.session import Session

    from aws_role_exec.diagnose import Tell


def configured_region() -> str | None:
    """Return the region of the profile in use, None if it names none.

    Raises UsageError when the profile does not exist or a file cannot be parsed.
    """
    try:
        return botocore.session.Session().get_config_variable("region")  # type: ignore[no-any-return]
    except botocore.exceptions.BotoCoreError as error:
        raise _configuration_error(error) from None


def open_session(region: str) -> Session:
    """Return a botocore session for the region that trusts the system's authorities.

    Raises UsageError when the profile does not exist or a file cannot be parsed.
    """
    session = botocore.session.Session()
    try:
        session.set_config_variable("region", region)
        if not session.get_config_variable("ca_bundle"):
            store = trust.find_trust_store(os.environ)
            if store is not None:
                session.set_config_variable("ca_bundle", store)
    except botocore.exceptions.BotoCoreError as error:
        raise _configuration_error(error) from None
    return session


def _configuration_error(error: Exception) -> UsageError:
    return UsageError(
        f"configuration: {error}",
        hint="see AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE",
    )


def find_credentials(session: Session, tell: Tell) -> BotocoreCredentials:
    """Return the base credentials, fetched and fresh.

    Raises IdentityError, with where was looked or what to do, when there are none.
    """
    try:
        credentials = session.get_credentials()
        if credentials is not None:
            tell(f"base credentials come from {diagnose.describe_provider(credentials.method)}")
            credentials.get_frozen_credentials()  # fetches those that are fetched on first use
    except Exception as error:  # providers run foreign code and let its errors through
        raise diagnose.identity_error(error) from error
    if credentials is None:
        raise IdentityError("base credentials: none found", hint=diagnose.where_was_looked(session))
    return credentials
