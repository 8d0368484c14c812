"""Where printed credentials go: which place is meant by `--output`, and whether it is safe.

The place is looked at, and its directory held open, before STS is asked; nothing is created
until there is something to write. Comments name the attack that a line stops.
"""

from __future__ import annotations

import errno
import os
import stat

from aws_role_exec.errors import UsageError
from aws_role_exec.output.files import NewFile, Special, Stream, WindowsFile
from aws_role_exec.output.ownership import Ownership, others_who_may_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.output.files import Destination

_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")
_STREAMS = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}
# Holding a directory needs no right to list it: /home and /run/... may be mode 0711.
_DIRECTORY = (
    getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_SYMLINKS_AT_MOST = 40  # as in Linux's path_resolution(7)


def find_destination(path: str, ownership: Ownership | None = None) -> Destination:
    """Look at the place and return it, creating nothing.

    `-`, `/dev/stdout`, `/dev/fd/N`, FIFOs and character devices are written to directly, and
    then an `ownership` is refused. Anything else becomes a regular file: one's own with mode
    0600, unless the ownership says otherwise.

    Raises UsageError, with the reason, where writing would be unsafe or cannot work.
    """
    if not path or "\0" in path:
        raise UsageError(
            "the file name is empty" if not path else "a file name cannot contain a null byte",
            hint=None if path else "is a variable unset?",
        )
    descriptor = _descriptor(path)
    if descriptor is not None:
        _refuse_ownership(path, ownership)
        return Stream(descriptor)
    if os.name == "nt":
        _refuse_ownership(path, ownership)
        return WindowsFile(path)
    try:
        return _find_place(path, ownership)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def standard_output() -> Destination:
    """Return stdout. Raises UsageError where it is closed, or open for reading only."""
    return Stream(_STREAMS["-"])


def _refuse_ownership(path: str, ownership: Ownership | None) -> None:
    if ownership is not None:
        where = " on POSIX systems" if os.name == "nt" else ""
        raise UsageError(f"{path}: --owner and --mode are for regular files{where}")


def _descriptor(path: str) -> int | None:
    if path in _STREAMS:
        return _STREAMS[path]
    for prefix in _DESCRIPTORS:
        number = path.removeprefix(prefix)
        if number != path and number.isascii() and number.isdigit() and len(number) < 10:
            return int(number)
    return None


def _find_place(path: str, ownership: Ownership | None) -> Destination:
    parent, name = os.path.split(path)
    if name in ("", ".", ".."):
        raise UsageError(f"{path} names a directory, not a file")
    directory = _open_directory(path, parent or ".")
    status = os.fstat(directory)
    writers = None if status.st_mode & stat.S_ISVTX else others_who_may_write(directory, status)
    if writers is not None:
        # They could put a file of their own in the place of ours.
        raise UsageError(
            f"{path}: its directory is writable by {writers}",
            hint="use a directory of your own, or set its sticky bit (chmod +t), as /tmp has",
        )
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=_CAN_ASK_EFFECTIVE):
        raise UsageError(f"{path}: you cannot write to its directory")
    try:
        existing = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return NewFile(path, directory, name, ownership or Ownership())
    if stat.S_ISFIFO(existing.st_mode) or stat.S_ISCHR(existing.st_mode):
        if existing.st_uid not in (0, os.geteuid()):
            raise UsageError(f"{path} belongs to another user (uid {existing.st_uid})")
        _refuse_ownership(path, ownership)
        return Special(path, directory, name)
    file = NewFile(path, directory, name, ownership or Ownership())
    file.refuse_unless_replaceable(existing)
    return file


_CAN_ASK_EFFECTIVE = os.access in os.supports_effective_ids


def _open_directory(path: str, parent: str) -> int:
    """Open the directory component by component; a symlink counts only if root's or ours.

    Someone who can plant a link in a shared directory could otherwise have us write into
    any directory that we, but not they, may write to.
    """
    directory = os.open("/" if parent.startswith("/") else ".", _DIRECTORY)
    pending = parent.split("/")[::-1]
    links = 0
    try:
        while pending:
            component = pending.pop()
            if component in ("", "."):
                continue
            try:
                inner = os.open(component, _DIRECTORY | _NOFOLLOW, dir_fd=directory)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                    raise
                status = os.stat(component, dir_fd=directory, follow_symlinks=False)
                if not stat.S_ISLNK(status.st_mode):
                    raise
                if status.st_uid not in (0, os.geteuid()):
                    raise UsageError(
                        f"{path}: '{component}' is a symbolic link made by another"
                        f" user (uid {status.st_uid})"
                    ) from None
                links += 1
                if links > _SYMLINKS_AT_MOST:
                    raise
                target = os.readlink(component, dir_fd=directory)
                pending.extend(target.split("/")[::-1])
                inner = os.open(
                    "/" if target.startswith("/") else ".", _DIRECTORY, dir_fd=directory
                )
            os.close(directory)
            directory = inner
    except BaseException:
        os.close(directory)
        raise
    return directory
