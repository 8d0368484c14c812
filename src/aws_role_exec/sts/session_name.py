"""Role session names: the word by which CloudTrail tells one job from another."""

from __future__ import annotations

import os
import sys

from aws_role_exec.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 64
SHORTEST = 2
LEGAL_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-"
)
"""STS API reference, AssumeRole, RoleSessionName; `\\w` there means ASCII."""
_PREFIX = "aws-role-exec-"
_RANDOM_BYTES = 4


def check(name: str) -> str:
    """Return the name if STS would take it, else raise UsageError showing the nearest legal one."""
    if SHORTEST <= len(name) <= LONGEST and LEGAL_CHARACTERS.issuperset(name):
        return name
    if len(name) < SHORTEST:
        why = f"a session name has at least {SHORTEST} characters"
    elif len(name) > LONGEST:
        why = f"a session name has at most {LONGEST} characters, this one {len(name)}"
    else:
        why = "a session name can have only letters, digits and _+=,.@-"
    nearest = sanitize(name)
    shown = name if len(name) <= 2 * LONGEST else name[: 2 * LONGEST] + "..."
    raise UsageError(
        f"'{shown}': {why}",
        hint=f"the nearest valid name is {nearest}" if len(nearest) >= SHORTEST else None,
    )


def sanitize(name: str) -> str:
    """Put `-` for each character STS refuses and cut to 64, keeping the end that tells jobs apart.

    >>> sanitize("pbs-1234[5].srv")
    'pbs-1234-5-.srv'
    """
    legal = _replace_illegal(name)
    if len(legal) <= LONGEST:
        return legal
    tail = LONGEST // 2
    return legal[: LONGEST - tail - 1] + "-" + legal[-tail:]


def _replace_illegal(name: str) -> str:
    return "".join(c if c in LEGAL_CHARACTERS else "-" for c in name)


def default(environ: Mapping[str, str]) -> str:
    """Return `aws-role-exec-<user>-<8 random hex digits>`, at most 64 characters."""
    suffix = "-" + os.urandom(_RANDOM_BYTES).hex()
    room = LONGEST - len(_PREFIX) - len(suffix)
    return _PREFIX + _replace_illegal(user(environ))[:room] + suffix


def user(environ: Mapping[str, str]) -> str:
    """Return who runs this: the passwd entry, else $USER, $LOGNAME or `uid<N>`; never raises.

    Containers and, for a static binary, LDAP accounts have no passwd entry.
    """
    named = environ.get("USER") or environ.get("LOGNAME")
    if sys.platform == "win32":
        return environ.get("USERNAME") or named or "unknown"
    import pwd  # POSIX only

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError):
        return named or f"uid{os.getuid()}"
