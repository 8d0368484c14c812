"""Where printed credentials go: a file that appears whole or not at all, or a stream.

The place is looked at, and its directory held open, before STS is asked; nothing is created
until there is something to write. Comments name the attack or fault that a line stops.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import stat
from typing import TYPE_CHECKING, Protocol

from aws_role_exec.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_MODE = 0o600

_DESCRIPTOR = re.compile(r"/dev/fd/([0-9]{1,9})|/proc/self/fd/([0-9]{1,9})")
_STREAMS = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}
# Holding a directory needs no right to list it: /home and /run/... may be mode 0711.
_DIRECTORY = (
    getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_SYMLINKS_AT_MOST = 40  # as in Linux's path_resolution(7)


class Destination(Protocol):
    """A place that was found usable and will take the credentials later."""

    def write(self, text: str) -> None:
        """Write the whole text; raises OutputError, and then leaves nothing behind."""


def find_destination(path: str) -> Destination:
    """Look at the place and return it, creating nothing.

    `-`, `/dev/stdout`, `/dev/fd/N`, FIFOs and character devices are written to directly.
    Anything else becomes a regular file with mode 0600.

    Raises UsageError, with the reason, where writing would be unsafe or cannot work.
    """
    if not path or "\0" in path:
        raise UsageError(
            "--output: an empty name is not a file",
            hint=None if path else "is a variable not set?",
        )
    descriptor = _descriptor(path)
    if descriptor is not None:
        return Stream(descriptor)
    if os.name == "nt":
        return WindowsFile(path)
    try:
        return _find_place(path)
    except OSError as error:
        raise UsageError(f"--output: {path}: {error.strerror}") from None


def _descriptor(path: str) -> int | None:
    if path in _STREAMS:
        return _STREAMS[path]
    match = _DESCRIPTOR.fullmatch(path)
    return int(match[1] or match[2]) if match else None


def _find_place(path: str) -> Destination:
    parent, name = os.path.split(path)
    if name in ("", ".", ".."):
        raise UsageError(f"--output: {path} names a directory, not a file")
    directory = _open_directory(path, parent or ".")
    status = os.fstat(directory)
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        # Anyone could put a file of their own in the place of ours.
        raise UsageError(
            f"--output: {path}: its directory may be written by everyone",
            hint="use a directory of your own, or set its sticky bit (chmod +t), as /tmp has",
        )
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=_CAN_ASK_EFFECTIVE):
        raise UsageError(f"--output: {path}: its directory cannot be written to by you")
    try:
        existing = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return NewFile(path, directory, name)
    if stat.S_ISFIFO(existing.st_mode) or stat.S_ISCHR(existing.st_mode):
        if existing.st_uid not in (0, os.geteuid()):
            raise UsageError(f"--output: {path} belongs to someone else (uid {existing.st_uid})")
        return Special(path, directory, name)
    _refuse_unless_replaceable(path, existing)
    return NewFile(path, directory, name)


_CAN_ASK_EFFECTIVE = os.access in os.supports_effective_ids


def _refuse_unless_replaceable(path: str, existing: os.stat_result) -> None:
    """Raise UsageError unless what stands there is a regular file of one's own (mktemp's)."""
    if stat.S_ISLNK(existing.st_mode):
        raise UsageError(f"--output: {path} is a symbolic link, which is not followed")
    if stat.S_ISDIR(existing.st_mode):
        raise UsageError(f"--output: {path} is a directory")
    if not stat.S_ISREG(existing.st_mode):
        raise UsageError(f"--output: {path} is neither a regular file nor a FIFO")
    if existing.st_uid != os.geteuid():
        raise UsageError(f"--output: {path} belongs to someone else (uid {existing.st_uid})")


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
                        f"--output: {path}: '{component}' is a symbolic link made by someone"
                        f" else (uid {status.st_uid})"
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


class Stream:
    """A descriptor that is open already."""

    def __init__(self, descriptor: int) -> None:
        """Raise UsageError when the descriptor is not open."""
        try:
            os.fstat(descriptor)
        except OSError as error:
            raise UsageError(f"--output: descriptor {descriptor}: {error.strerror}") from None
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        """Write the text to the descriptor."""
        try:
            _write_all(self._descriptor, text)
        except OSError as error:
            raise OutputError(
                f"writing to descriptor {self._descriptor}: {error.strerror}"
            ) from None


class Special:
    """A FIFO or character device, by name."""

    def __init__(self, path: str, directory: int, name: str) -> None:
        self._path, self._directory, self._name = path, directory, name

    def write(self, text: str) -> None:
        """Open it, which waits for a FIFO's reader, and write the text."""
        try:
            descriptor = os.open(
                self._name, os.O_WRONLY | os.O_CLOEXEC | _NOFOLLOW, dir_fd=self._directory
            )
            try:
                status = os.fstat(descriptor)
                # Swapped since we looked: what is open now is not what was allowed.
                if stat.S_ISREG(status.st_mode) or status.st_uid not in (0, os.geteuid()):
                    raise OutputError(f"{self._path}: was replaced while STS was asked")
                _write_all(descriptor, text)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from None


class NewFile:
    """A regular file in a directory that is held open, new or in the place of one of ours."""

    def __init__(self, path: str, directory: int, name: str) -> None:
        self._path, self._directory, self._name = path, directory, name

    def write(self, text: str) -> None:
        """Write a temporary file beside it and rename that; signals wait meanwhile."""
        with _signals_held():
            try:
                self._replace(text)
            except OSError as error:
                raise OutputError(f"{self._path}: {error.strerror}") from None

    def _replace(self, text: str) -> None:
        temporary = ".aws-role-exec-" + os.urandom(8).hex()
        # O_EXCL and O_NOFOLLOW: a name planted by someone who guesses is an error, not a leak.
        # Relative to the open directory: one swapped meanwhile gets nothing.
        descriptor = os.open(
            temporary,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | _NOFOLLOW,
            FILE_MODE,
            dir_fd=self._directory,
        )
        try:
            try:
                os.fchmod(descriptor, FILE_MODE)  # whatever the umask and a default ACL made of it
                _write_all(descriptor, text)
                os.fsync(descriptor)  # a full disk or NFS may fail only here, or at close
            finally:
                os.close(descriptor)
            with contextlib.suppress(FileNotFoundError):
                _refuse_unless_replaceable(
                    self._path, os.stat(self._name, dir_fd=self._directory, follow_symlinks=False)
                )
            os.rename(temporary, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except UsageError as error:
            self._remove(temporary)
            raise OutputError(str(error)) from None
        except BaseException:
            self._remove(temporary)
            raise

    def _remove(self, temporary: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=self._directory)


class WindowsFile:
    """A file on Windows, where the directory's inherited ACL, not a mode, says who may read."""

    def __init__(self, path: str) -> None:
        """Raise UsageError when the place cannot be a file."""
        parent = os.path.dirname(path) or "."
        if os.path.isdir(path):
            raise UsageError(f"--output: {path} is a directory")
        if not os.path.isdir(parent):
            raise UsageError(f"--output: {parent} is not a directory")
        self._path = path

    def write(self, text: str) -> None:
        """Write a temporary file beside it and rename that."""
        temporary = f"{self._path}.{os.urandom(8).hex()}"
        try:
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
                try:
                    _write_all(descriptor, text)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                os.replace(temporary, self._path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from None


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let signals wait, so that one cannot end us between creating a file and renaming it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _write_all(descriptor: int, text: str) -> None:
    left = memoryview(os.fsencode(text))
    while left:
        left = left[os.write(descriptor, left) :]
