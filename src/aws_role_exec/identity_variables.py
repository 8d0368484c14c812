"""Which environment variables carry or select an AWS identity: the one list.

From it the command's environment is made, what formats take out, and, by `make generate`, the
lists in the schedulers' scripts.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

IDENTITY_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_CREDENTIAL_FILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
"""Variables that carry or select an AWS identity. All others are the caller's business."""
IDENTITY_PREFIXES = (
    "AWS_BEARER_TOKEN_",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_",
    "AWS_ROLE_EXEC_",
    "AWS_VAULT",
)
IDENTITY_SETTINGS = frozenset(
    {
        "aws_access_key_id",
        "aws_account_id",
        "aws_secret_access_key",
        "aws_security_token",
        "aws_session_token",
        "credential_process",
        "credential_source",
        "duration_seconds",
        "external_id",
        "login_session",
        "mfa_serial",
        "role_arn",
        "role_session_name",
        "source_profile",
        "sso_account_id",
        "sso_region",
        "sso_registration_scopes",
        "sso_role_name",
        "sso_session",
        "sso_start_url",
        "web_identity_token_file",
    }
)
"""The settings by which a profile carries or selects an identity."""
RENEWED_SETTING = "aws_role_exec_renewed"
"""Ours, and unknown to SDKs: marks the profile that a command has under `--renew`, which has no
credentials since the container endpoint has them."""


def selects_identity(name: str) -> bool:
    """Tell whether a variable of this name carries or selects an AWS identity."""
    if os.name == "nt":  # names compare without case there
        name = name.upper()
    return name in IDENTITY_VARIABLES or name.startswith(IDENTITY_PREFIXES)


def selected_beside(
    new: Collection[str], environ: Iterable[str], *, token_variables: Iterable[str] = ()
) -> list[str]:
    """Return the variables there are that select an identity other than in the `new` ones.

    For formats, whose lines take them out of a shell. `token_variables` go with them, and our
    own options stay: they say how to ask again. A name that no shell could have given a variable
    is left out; it might be code.
    """
    also = set(token_variables)
    return sorted(
        name
        for name in environ
        if (name in also or (selects_identity(name) and not name.startswith(_OPTIONS_PREFIX)))
        and name not in new
        and name.isascii()
        and name.isidentifier()
    )


_OPTIONS_PREFIX = "AWS_ROLE_EXEC_"
