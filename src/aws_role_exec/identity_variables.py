"""Which environment variables carry or select an AWS identity: the one list.

From it the command's environment is made, what formats take out, and, by `make generate`, the
lists in the schedulers' scripts.
"""

from __future__ import annotations

import os

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


def selects_identity(name: str) -> bool:
    """Tell whether a variable of this name carries or selects an AWS identity."""
    if os.name == "nt":  # names compare without case there
        name = name.upper()
    return name in IDENTITY_VARIABLES or name.startswith(IDENTITY_PREFIXES)
