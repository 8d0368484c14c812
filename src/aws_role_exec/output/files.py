"""What takes the credentials: a file that appears whole or not at all, or a stream.

`output` finds one for `--output`; nothing is created before `write`. Comments name the attack or
fault that a line stops.
"""

from __future__ import annotations

# The C part alone, as in handover/signals.py.
import _signal as signal  # type: ignore[import-not-found]
import errno
import os
import stat

from aws_role_exec.errors import OutputError, UsageError
from aws_role_exec.handover import descriptors
from aws_role_exec.messages import write_all
from aws_role_exec.output import sections
from aws_role_exec.output.ownership import FILE_MODE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from aws_role_exec.output.ownership import Ownership

    class Destination(Protocol):
        """A place that was found usable and will take the credentials later."""

        def write(self, text: str) -> None:
            """Write the whole text; raises OutputError, and then leaves nothing behind."""


_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | _NOFOLLOW
# A file without a name. Where the flag is unknown, opening a directory for writing fails.
_UNNAMED = os.O_WRONLY | getattr(os, "O_TMPFILE", 0) | getattr(os, "O_CLOEXEC", 0)
# What linking to it may answer: there is no /proc, or only the file's owner may link to it and
# we have given it away.
_CANNOT_LINK = (errno.ENOENT, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.EXDEV)
_ASIDE = ".aws-role-exec-"
_STANDARD = {1: "stdout", 2: "stderr"}
_STALE_SECONDS = 60


class Stream:
    """A descriptor that is open already."""

    def __init__(self, descriptor: int) -> None:
        """Raise UsageError when the descriptor is not open, or not for writing."""
        self._name = _STANDARD.get(descriptor, f"descriptor {descriptor}")
        if not descriptors.can_write(descriptor):
            raise UsageError(f"{self._name}: it is closed, or open for reading only")
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        """Write the text to the descriptor."""
        try:
            write_all(self._descriptor, os.fsencode(text))
        except OSError as error:
            raise OutputError(f"writing to {self._name}: {error.strerror}") from None


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
                    raise OutputError(f"{self._path}: was replaced during the call to STS")
                write_all(descriptor, os.fsencode(text))
            finally:
                _close(descriptor)
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from None


class NewFile:
    """A regular file in a directory that is held open, new or in the place of one of ours."""

    def __init__(self, path: str, directory: int, name: str, ownership: Ownership) -> None:
        self._path, self._directory, self._name = path, directory, name
        self._ownership = ownership

    def refuse_unless_replaceable(self, existing: os.stat_result) -> None:
        """Raise UsageError unless what stands there is a regular file of one's own (mktemp's).

        Whom the new file is given to may well own the one of the run before.
        """
        path = self._path
        if stat.S_ISLNK(existing.st_mode):
            raise UsageError(f"{path}: it is a symbolic link; links are not followed")
        if stat.S_ISDIR(existing.st_mode):
            raise UsageError(f"{path}: it is a directory")
        if not stat.S_ISREG(existing.st_mode):
            raise UsageError(f"{path}: it is neither a regular file nor a FIFO")
        if not self._is_ours(existing):
            raise UsageError(f"{path}: it belongs to another user (uid {existing.st_uid})")
        if existing.st_size:
            self._refuse_sections_of_others(existing)

    def _refuse_sections_of_others(self, existing: os.stat_result) -> None:
        """Raise UsageError for a file of profiles, which the new one would not have."""
        flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | _NOFOLLOW
        try:
            descriptor = os.open(self._name, os.O_RDONLY | flags, dir_fd=self._directory)
            try:
                content = os.read(descriptor, sections.READ_BYTES)
            finally:
                os.close(descriptor)
        except PermissionError:
            if existing.st_uid != os.geteuid():  # of the run before, which gave it away
                return
            raise UsageError(
                f"{self._path}: you cannot read it, and its contents would be lost"
            ) from None
        found = sections.of_others(content)
        if found:
            raise UsageError(
                f"{self._path}: it has sections that would be lost ({found})",
                hint="write to a separate file, and name it in AWS_SHARED_CREDENTIALS_FILE",
            )

    def write(self, text: str) -> None:
        """Write the whole file and only then let it have its name; signals wait meanwhile."""
        with _SignalsHeld():
            try:
                if not self._write_unnamed(text):
                    self._write_aside(text)
            except UsageError as error:  # the place was changed while STS was asked
                raise OutputError(f"writing {error}") from None
            except OSError as error:
                raise OutputError(f"{self._path}: {error.strerror}") from None

    def _write_unnamed(self, text: str) -> bool:
        """Write a file that has no name, and so is gone if we are killed; then name it.

        Returns False, having written nothing, where that cannot be: NFS has no such files.
        """
        try:
            descriptor = os.open(".", _UNNAMED, FILE_MODE, dir_fd=self._directory)
        except OSError:
            return False
        try:
            self._fill(descriptor, text)
            # Some file systems report a full disk at close only, and then it has no name yet.
            os.close(os.dup(descriptor))
            unnamed = f"/proc/self/fd/{descriptor}"
            try:
                try:  # linking never replaces anything, so it needs no look before
                    os.link(unnamed, self._name, dst_dir_fd=self._directory)
                except FileExistsError:
                    self._refuse_if_changed()
                else:
                    return True
                aside = self._beside(
                    lambda name: os.link(unnamed, name, dst_dir_fd=self._directory)
                )
            except OSError as error:
                if error.errno in _CANNOT_LINK:
                    return False
                raise
            self._move_in_place(aside)  # at once: killed before it, we leave a whole file aside
            return True
        finally:
            _close(descriptor)

    def _write_aside(self, text: str) -> None:
        descriptor = -1

        def create(name: str) -> None:
            nonlocal descriptor
            # O_EXCL and O_NOFOLLOW: a name planted by someone who guesses is not written to.
            # Relative to the open directory: one swapped meanwhile gets nothing.
            descriptor = os.open(name, _NEW, FILE_MODE, dir_fd=self._directory)

        aside = self._beside(create)
        try:
            try:
                self._fill(descriptor, text)
            finally:
                os.close(descriptor)  # on NFS, a full disk may show only here
            self._refuse_if_changed()
        except BaseException:
            self._remove(aside)
            raise
        self._move_in_place(aside)

    def _beside(self, create: Callable[[str], None]) -> str:
        """Create the file under another name in the same directory, and return the name.

        It is always the same, so that what a run that was killed left there is removed by the
        next one a minute later; when it is taken, another run may be at work, or an attacker.
        """
        name = _ASIDE + self._name
        try:
            status = os.stat(name, dir_fd=self._directory, follow_symlinks=False)
            if self._is_ours(status) and stat.S_ISREG(status.st_mode) and _is_stale(status):
                os.unlink(name, dir_fd=self._directory)
        except OSError:
            pass  # nothing is there, or the name is too long, which `create` says
        try:
            create(name)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP):
                raise
            name = _ASIDE + os.urandom(8).hex()
            create(name)
        return name

    def _fill(self, descriptor: int, text: str) -> None:
        """Set owner and mode, then write: who had no right to open it never sees a byte."""
        os.fchmod(descriptor, FILE_MODE)  # whatever the umask and a default ACL made of it
        owner = self._ownership
        if owner.user_id is not None or owner.group_id is not None:
            os.fchown(descriptor, _id(owner.user_id), _id(owner.group_id))
        if owner.mode != FILE_MODE:
            try:  # rights for the group are rights for all whom a default ACL names
                os.removexattr(descriptor, "system.posix_acl_access")
            except (OSError, AttributeError):
                pass  # it has no ACL, or the system has none
            os.fchmod(descriptor, owner.mode)
        write_all(descriptor, os.fsencode(text))
        os.fsync(descriptor)  # a full disk or NFS may fail only here, or at close

    def _refuse_if_changed(self) -> None:
        """Look at the place again: it may have changed while STS was asked."""
        try:
            self.refuse_unless_replaceable(
                os.stat(self._name, dir_fd=self._directory, follow_symlinks=False)
            )
        except FileNotFoundError:
            pass  # nothing is there

    def _move_in_place(self, aside: str) -> None:
        try:
            os.rename(aside, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except BaseException:
            self._remove(aside)
            raise

    def _is_ours(self, status: os.stat_result) -> bool:
        return status.st_uid in (os.geteuid(), self._ownership.user_id)

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._directory)
        except OSError:
            pass  # what made us remove it is told


def _close(descriptor: int) -> None:
    """Close what is complete and in its place, or of which nothing is left."""
    try:
        os.close(descriptor)
    except OSError:
        pass  # whatever this is, the credentials are written: no run may fail that has given them


def _id(number: int | None) -> int:
    return -1 if number is None else number  # chown(2): "is not changed"


def _is_stale(status: os.stat_result) -> bool:
    import time  # only after a run that was killed

    return time.time() - status.st_mtime > _STALE_SECONDS


class Appended:
    """A regular file that is there already and grows by one write."""

    def __init__(self, path: str, label: str) -> None:
        """Open it; raise UsageError, beginning with the label, when it cannot be added to."""
        # O_NONBLOCK: a FIFO put there must not make us wait.
        flags = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | _NOFOLLOW
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | flags)
            regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        except OSError as error:
            raise UsageError(f"{label}: {path}: {error.strerror}") from None
        if not regular:
            raise UsageError(f"{label}: {path} is not a regular file")
        self._path = path

    def write(self, text: str) -> None:
        """Add the text, on a line of its own, in one write; raises OutputError."""
        descriptor = self._descriptor
        with _SignalsHeld():
            try:
                size = os.fstat(descriptor).st_size
                if size:
                    os.lseek(descriptor, size - 1, os.SEEK_SET)
                    if os.read(descriptor, 1) != b"\n":
                        text = "\n" + text
                data = os.fsencode(text)
                written = os.write(descriptor, data)
                if written < len(data):  # the disk is full: take back what it had room for
                    os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
            except OSError as error:
                raise OutputError(f"{self._path}: {error.strerror}") from None
        if written < len(data):
            raise OutputError(f"{self._path}: {os.strerror(errno.ENOSPC)}")


class WindowsFile:
    """A file on Windows, where the directory's inherited ACL, not a mode, says who may read."""

    def __init__(self, path: str) -> None:
        """Raise UsageError when the place cannot be a file."""
        parent = os.path.dirname(path) or "."
        if os.path.isdir(path):
            raise UsageError(f"{path}: it is a directory")
        if not os.path.isdir(parent):
            raise UsageError(f"{parent}: it is not a directory")
        self._path = path

    def write(self, text: str) -> None:
        """Write a temporary file beside it and rename that."""
        temporary = f"{self._path}.{os.urandom(8).hex()}"
        try:
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
                try:
                    write_all(descriptor, os.fsencode(text))
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                os.replace(temporary, self._path)
            except BaseException:
                try:
                    os.unlink(temporary)
                except OSError:
                    pass  # what made us remove it is told
                raise
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from None


class _SignalsHeld:
    """Lets signals wait, so that one cannot end us between creating a file and renaming it."""

    def __enter__(self) -> None:
        """Hold all that can be."""
        if os.name != "nt":
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

    def __exit__(self, *error: Any) -> None:
        """Let those through that the caller lets through, and that waited."""
        if os.name != "nt":
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
