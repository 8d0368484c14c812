"""The child's environment: the caller's, with one identity taken out and another put in."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

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


def child_environment(caller: Mapping[str, str], handed_over: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment with its AWS identity replaced by the one handed over."""
    # A variable without a name (`=x`) is none, and Python's execve takes no such thing.
    kept = {name: value for name, value in caller.items() if name and not selects_identity(name)}
    if os.name == "nt":
        new = {name.upper() for name in handed_over}
        kept = {name: value for name, value in kept.items() if name.upper() not in new}
    return {**kept, **handed_over}


def caller_environment() -> dict[str, str]:
    """Return the environment as the caller left it.

    Under a C locale Python sets LC_CTYPE for itself and its children (PEP 538). Whether it
    was the caller instead stands in /proc, where the first environment is kept.
    """
    environ = dict(os.environ)
    if environ.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8"):
        try:
            with open("/proc/self/environ", "rb") as file:
                first = file.read()
        except OSError:
            return environ
        if not any(entry.startswith(b"LC_CTYPE=") for entry in first.split(b"\0")):
            del environ["LC_CTYPE"]
    return environ
