"""Owner and mode of the output file, checked while nothing is written yet.

Set through the descriptor (`destinations.NewFile`), so what is given away is the file we made.
"""

from __future__ import annotations

import os
import stat

from aws_role_exec.errors import UsageError
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_HIGHEST_ID = 2**32 - 2  # one more means "leave it as it is" to fchown(2)
FILE_MODE = 0o600
MODES = (0o400, 0o440, 0o600, 0o640)
_CAP_CHOWN = 1 << 0  # capabilities(7)
_ACL_USER, _ACL_GROUP_OBJ, _ACL_GROUP, _ACL_MASK = 0x02, 0x04, 0x08, 0x10  # acl(5)
_ACL_WRITE = 0x02


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
        raise UsageError("not supported on Windows")
    user_name, colon, group_name = text.partition(":")
    if not user_name:
        raise UsageError(
            f"'{text[:80]}' has no user",
            hint="write USER or USER:GROUP; is a variable unset?",
        )
    user, login_group = _look_up("user", user_name, _user)
    group: int | None = None
    if group_name:
        group, _ = _look_up("group", group_name, _group)
    elif colon:
        if login_group is None:
            raise UsageError(f"'{user_name}:' has no group, and a numeric ID has no default group")
        group = login_group
    _refuse_unless_allowed(user, group)
    return user, group


def _look_up(
    kind: str, name: str, find: Callable[[str], tuple[int, int | None]]
) -> tuple[int, int | None]:
    if name.isascii() and name.isdigit():
        if len(name) > len(str(_HIGHEST_ID)) or int(name) > _HIGHEST_ID:
            raise UsageError(f"{name[:20]} is too large for a {kind} ID")
        return int(name), None
    try:
        return find(name)
    except (KeyError, OSError, ValueError, UnicodeError):
        raise UsageError(
            f"no such {kind} '{name[:80]}'",
            hint=f"a numeric ID always works: id -{kind[0]} NAME prints a user's",
        ) from None


def _user(name: str) -> tuple[int, int | None]:
    import pwd  # POSIX only

    entry = pwd.getpwnam(name)
    return entry.pw_uid, entry.pw_gid


def _group(name: str) -> tuple[int, int | None]:
    import grp  # POSIX only

    return grp.getgrnam(name).gr_gid, None


def _refuse_unless_allowed(user: int, group: int | None) -> None:
    if _may_give_away():
        return
    if user != os.geteuid():
        raise UsageError(
            f"only root can give a file to another user (uid {user})",
            hint=f"you are uid {os.geteuid()}; in a container, root also needs CAP_CHOWN",
        )
    if group not in (None, os.getegid(), *os.getgroups()):
        raise UsageError(f"you are not in the group (gid {group})")


def others_who_may_write(directory: int, status: os.stat_result) -> str | None:
    """Return who else may write in the open directory, in words; None if it is ours alone.

    Root's rights count for none: root may write anywhere. What it means that a directory is
    someone else's is not asked here.
    """
    if status.st_mode & stat.S_IWOTH:
        return "everyone"
    if not status.st_mode & stat.S_IWGRP:
        return None
    entries = _access_control_list(directory)
    if not entries:
        return None if _is_private(status.st_gid) else f"its group (gid {status.st_gid})"
    mask = next((bits for tag, bits, _ in entries if tag == _ACL_MASK), _ACL_WRITE)
    for tag, bits, number in entries:
        if not bits & mask & _ACL_WRITE:
            continue
        if tag == _ACL_USER and number not in (0, os.geteuid()):
            return f"another user (uid {number}, by its access control list)"
        if tag == _ACL_GROUP and not _is_private(number):
            return f"a group (gid {number}, by its access control list)"
        if tag == _ACL_GROUP_OBJ and not _is_private(status.st_gid):
            return f"its group (gid {status.st_gid})"
    return None


def _is_private(group: int) -> bool:
    """Tell whether the group is the user's own, in which there is nobody else.

    Many systems make one with each user, of the user's name or number (useradd(8), -U).
    """
    if group != os.getegid():
        return False
    import grp  # POSIX only
    import pwd  # POSIX only

    user = os.geteuid()
    try:
        user_name = pwd.getpwuid(user).pw_name
    except (KeyError, OSError):
        user_name = ""
    try:
        entry = grp.getgrgid(group)
    except (KeyError, OSError):
        return group == user
    return set(entry.gr_mem) <= {user_name} and (group == user or entry.gr_name == user_name)


def _access_control_list(directory: int) -> list[tuple[int, int, int]]:
    """Return tag, permission bits and id of each entry; none where there is no list."""
    try:
        # By way of /proc, since a descriptor that only holds a directory has no attributes.
        value = os.getxattr(f"/proc/self/fd/{directory}", "system.posix_acl_access")
    except (OSError, AttributeError):
        return []
    # linux/posix_acl_xattr.h: a version of four bytes, then entries of eight, little-endian.
    return [
        (
            int.from_bytes(value[place : place + 2], "little"),
            int.from_bytes(value[place + 2 : place + 4], "little"),
            int.from_bytes(value[place + 4 : place + 8], "little"),
        )
        for place in range(4, len(value) - 7, 8)
    ]


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
