"""Owner and mode of the output file, checked while nothing is written yet.

Set through the descriptor (`destinations.NewFile`), so what is given away is the file we made.
"""

from __future__ import annotations

import os

from aws_role_exec.errors import UsageError
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_HIGHEST_ID = 2**32 - 2  # one more means "leave it as it is" to fchown(2)
FILE_MODE = 0o600
MODES = (0o400, 0o440, 0o600, 0o640)
_CAP_CHOWN = 1 << 0  # capabilities(7)


@record
class Ownership:
    """Whose the file is to be, and its mode; None leaves the user or group as it is made."""

    user_id: int | None = None
    group_id: int | None = None
    mode: int = FILE_MODE


def parse_mode(text: str) -> int:
    """Return the mode; only the owner may write, and others than owner and group never read."""
    digits = text.removeprefix("0o")
    if 3 <= len(digits) <= 4 and set(digits) <= set("01234567") and int(digits, 8) in MODES:
        return int(digits, 8)
    raise UsageError(
        f"'{text[:20]}' is not a mode for credentials",
        hint=f"one of {', '.join(f'{mode:04o}' for mode in MODES)}",
    )


def parse_owner(text: str) -> tuple[int, int | None]:
    """Return the ids for USER[:GROUP]; `USER:` is the user's login group, as in chown(1).

    Digits are an id and are never looked up, so they work where names do not: in a static
    binary, whose names are those in /etc/passwd and /etc/group alone.
    """
    if os.name == "nt":
        raise UsageError("files have no owner of this kind on Windows")
    user_name, colon, group_name = text.partition(":")
    if not user_name:
        raise UsageError(
            f"'{text[:80]}' names no user",
            hint="write USER or USER:GROUP; is a variable not set?",
        )
    user, login_group = _look_up("user", user_name, _user)
    group: int | None = None
    if group_name:
        group, _ = _look_up("group", group_name, _group)
    elif colon:
        if login_group is None:
            raise UsageError(f"'{user_name}:' names no group, and a number has none")
        group = login_group
    _refuse_unless_allowed(user, group)
    return user, group


def _look_up(
    kind: str, name: str, find: Callable[[str], tuple[int, int | None]]
) -> tuple[int, int | None]:
    if name.isascii() and name.isdigit():
        if len(name) > len(str(_HIGHEST_ID)) or int(name) > _HIGHEST_ID:
            raise UsageError(f"{name[:20]} is too high for a {kind} id")
        return int(name), None
    try:
        return find(name)
    except (KeyError, OSError, ValueError, UnicodeError):
        raise UsageError(
            f"there is no {kind} '{name[:80]}' here",
            hint=f"a number always works: id -{kind[0]} NAME prints a user's",
        ) from None


def _user(name: str) -> tuple[int, int | None]:
    import pwd  # noqa: PLC0415 - POSIX only

    entry = pwd.getpwnam(name)
    return entry.pw_uid, entry.pw_gid


def _group(name: str) -> tuple[int, int | None]:
    import grp  # noqa: PLC0415 - POSIX only

    return grp.getgrnam(name).gr_gid, None


def _refuse_unless_allowed(user: int, group: int | None) -> None:
    if _may_give_away():
        return
    if user != os.geteuid():
        raise UsageError(
            f"only root may give a file to another user (uid {user})",
            hint=f"you are uid {os.geteuid()}; in a container, root also needs CAP_CHOWN",
        )
    if group not in (None, os.getegid(), *os.getgroups()):
        raise UsageError(f"you are not in the group (gid {group})")


def _may_give_away() -> bool:
    """Tell whether we have CAP_CHOWN: containers drop it from root, and may give it to others."""
    try:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(b"CapEff:"):
                    return bool(int(line.split()[1], 16) & _CAP_CHOWN)
    except OSError:
        pass
    return os.geteuid() == 0
