"""Files that the user names for us to read: bounded in size and in time."""

from __future__ import annotations

import os
import stat

from aws_role_exec.errors import UsageError

_PATIENCE_SECONDS = 5.0  # for the writer of a pipe, `<(command)` mostly


def read(path: str, most_bytes: int) -> bytes:
    """Return what the file holds, or all that a pipe gives.

    Raises UsageError, which begins with the path, for what cannot be read, is longer than
    `most_bytes`, or does not end in time: a FIFO nobody writes to, a terminal, a device.
    """
    descriptor = -1
    try:
        # O_NONBLOCK: opening a FIFO would wait for its writer, and nothing bounds that.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_TERMINAL)
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise UsageError(f"{path} cannot be read: it is a directory")
        if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
            raise UsageError(f"{path} cannot be read: it is neither a file nor a pipe")
        content = _read_all(descriptor, most_bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path} cannot be read: {reason}") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    if content is None:
        raise UsageError(f"{path} does not end: waited {_PATIENCE_SECONDS:.0f}s for its writer")
    if not content and stat.S_ISFIFO(kind):
        raise UsageError(f"{path} cannot be read: nothing was written to this pipe")
    if len(content) > most_bytes:
        raise UsageError(f"{path} is larger than {most_bytes} bytes")
    return content


def refuse_endless(path: str, most_bytes: int) -> None:
    """Raise UsageError, which begins with the path, for a file that a library should not read.

    It reads all there is, and a device has no end. What is not there is the library's to tell.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path} cannot be read: it is not a regular file")
    if found.st_size > most_bytes:
        raise UsageError(f"{path} is larger than {most_bytes} bytes")


_NO_TERMINAL = getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)


def _read_all(descriptor: int, most_bytes: int) -> bytes | None:
    """Return all there is, at most so many bytes; None when a pipe's writer takes too long."""
    import time  # loaded by most, needed by few

    until = time.monotonic() + _PATIENCE_SECONDS
    content = b""
    while len(content) < most_bytes:
        try:
            more = os.read(descriptor, most_bytes - len(content))
        except BlockingIOError:  # a pipe that has a writer, and nothing in it
            if not _wait(descriptor, until - time.monotonic()):
                return None
            continue
        if not more:
            break
        content += more
    return content


def _wait(descriptor: int, seconds: float) -> bool:
    """Wait until the pipe has something or is at its end; False when the time is over."""
    import select  # for pipes only

    return seconds > 0 and bool(select.select([descriptor], [], [], seconds)[0])
