"""The private directory on POSIX systems: its mode keeps others out.

The helper holds a lock on it (flock(2)) as long as it lives, which the kernel takes back from one
that was killed; so the next run can tell what is left over, also in another PID namespace.
"""

from __future__ import annotations

import errno
import os
import stat

from aws_role_exec.messages import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PLACES = ("XDG_RUNTIME_DIR", "TMPDIR", "/tmp")  # noqa: S108 - its sticky bit keeps others out
"""Variables, and a path."""
_RANDOM_BYTES = 8
_ATTEMPTS = 100
_CAN_ASK_EFFECTIVE = os.access in os.supports_effective_ids


class Private:
    """A directory of mode 0700 with files of mode 0600, of this process."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._names: list[str] = []  # known, since listing them may fail at the limit of files

    def write(self, name: str, content: bytes) -> str:
        """Write a file and return its path. Raises OSError."""
        self._names.append(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        try:
            write_all(file, content)
        finally:
            os.close(file)
        return f"{self.path}/{name}"

    @property
    def descriptor(self) -> int:
        """What holds the directory, and with it the lock."""
        return self._descriptor

    def remove(self) -> None:
        """Remove it and what was written to it, as far as it is still there."""
        _remove(self.path, self._descriptor, self._names)


def obstacle(place: str) -> str | None:
    """Return why no private directory can be made in this place; None where one can.

    SDKs expand a `$` in a path, and some split one at a blank; and where others may write, they
    could put a directory of theirs in the place of ours.
    """
    if not place.startswith("/") or not _PLAIN.issuperset(place):
        return "SDKs cannot read a path with characters other than letters, digits, . _ - and /"
    from aws_role_exec.output.ownership import others_who_may_write

    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return error.strerror
    try:
        status = os.fstat(descriptor)
        if status.st_uid not in (0, os.geteuid()):
            return f"it belongs to another user (uid {status.st_uid})"
        if not os.access(place, os.W_OK | os.X_OK, effective_ids=_CAN_ASK_EFFECTIVE):
            return os.strerror(errno.EACCES)
        writers = others_who_may_write(descriptor, status)
        if writers is not None and not status.st_mode & stat.S_ISVTX:
            return f"it is writable by {writers}"
    finally:
        os.close(descriptor)
    return None


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


def make_in(place: str, prefix: str) -> Private:
    """Make a new one whose name begins so, in this place. Raises OSError."""
    for _ in range(_ATTEMPTS):
        path = f"{place.rstrip('/')}/{prefix}{os.getpid()}-{os.urandom(_RANDOM_BYTES).hex()}"
        os.mkdir(path, 0o700)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            _lock(descriptor, wait=True)
            if os.fstat(descriptor).st_nlink:
                return Private(path, descriptor)
            os.close(descriptor)
        except OSError as error:
            _remove(path, -1, ())
            if not isinstance(error, FileNotFoundError):
                raise
            # Another run took it for a leftover before it was locked.
    raise FileNotFoundError(errno.ENOENT, "it is removed as soon as it is created")


def remove_if_left_over(path: str) -> None:
    """Remove a directory that is ours and locked by nobody. Raises OSError where none is there."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        is_ours = status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == 0o700
        if is_ours and _lock(descriptor, wait=False):
            _remove(path, descriptor, os.listdir(descriptor))
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Lock the directory; False where another process has, or its file system has no locks."""
    import fcntl  # POSIX only

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _remove(path: str, descriptor: int, names: Iterable[str]) -> None:
    for name in names:
        try:
            os.unlink(name, dir_fd=descriptor)
        except OSError:
            continue
    try:
        os.rmdir(path)
    except OSError:
        pass  # who removed it was before us
