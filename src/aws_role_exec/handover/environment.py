"""The child's environment: the caller's, with one identity taken out and another put in."""

from __future__ import annotations

import os

from aws_role_exec.identity_variables import selects_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def child_environment(
    caller: Mapping[str, str],
    handed_over: Mapping[str, str],
    token_variables: Collection[str] = (),
) -> dict[str, str]:
    """Return the caller's environment with its AWS identity replaced by the one handed over.

    `token_variables` carried the OIDC token that was asked with, or the right to one.
    """
    # A variable without a name (`=x`) is none, and Python's execve takes no such thing.
    kept = {
        name: value
        for name, value in caller.items()
        if name and not selects_identity(name) and name not in token_variables
    }
    if os.name == "nt":  # names are the same in any case
        handed_over = {name.upper(): value for name, value in handed_over.items()}
        kept = {name: value for name, value in kept.items() if name.upper() not in handed_over}
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
