"""The private directory on Windows: the access list that os.mkdir gives it keeps others out.

A file in it is open as long as the run lives, and Windows deletes no file that Python has open
(CreateFile: without FILE_SHARE_DELETE); so the next run can tell what is left over.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedWriter

PLACES = ("LOCALAPPDATA",)
"""Variables. %TEMP% may be one for all users, where others could put a link in our way."""
_HELD = "held"
_RANDOM_BYTES = 8
_ATTEMPTS = 100
_EXPANDED = frozenset("$%")  # by SDKs, in the name of a file


class Private:
    """A directory of this process that its user alone can open, besides administrators."""

    def __init__(self, path: str, held: BufferedWriter) -> None:
        self.path = path
        self._held = held

    def write(self, name: str, content: bytes) -> str:
        """Write a file and return its path. Raises OSError."""
        path = os.path.join(self.path, name)
        with open(path, "xb") as file:
            file.write(content)
        return path

    def remove(self) -> None:
        """Remove it and all that is in it, as far as it is still there and nobody reads it."""
        self._held.close()
        try:
            remove_if_left_over(self.path)
        except OSError:
            pass  # the next run will


def obstacle(place: str) -> str | None:
    """Return why no private directory can be made in this place; None where one can."""
    if not os.path.isabs(place) or not _EXPANDED.isdisjoint(place):
        return "SDKs do not read a path that is relative, or has $ or % in it"
    return None if os.path.isdir(place) else os.strerror(errno.ENOENT)


def make_in(place: str, prefix: str) -> Private:
    """Make a new one whose name begins so, in this place. Raises OSError.

    Its mode is an access list for the user and administrators (os.mkdir, since Python 3.13,
    3.12.4 and 3.11.10); before, it has that of LOCALAPPDATA, which is the same. Python from the
    Microsoft Store has another LOCALAPPDATA than other programs, and realpath tells where it is.
    """
    for _ in range(_ATTEMPTS):
        path = os.path.join(place, f"{prefix}{os.getpid()}-{os.urandom(_RANDOM_BYTES).hex()}")
        os.mkdir(path, 0o700)
        try:
            held = open(os.path.join(path, _HELD), "xb")  # noqa: SIM115 - as long as we live
        except FileNotFoundError:
            continue  # another run took it for a leftover
        return Private(os.path.realpath(path), held)
    raise FileNotFoundError(errno.ENOENT, "it is removed as soon as it is created")


def remove_if_left_over(path: str) -> None:
    """Remove a directory whose run has ended. Raises OSError where it has not."""
    try:
        os.unlink(os.path.join(path, _HELD))
    except FileNotFoundError:
        pass  # it was removed in part already
    for name in os.listdir(path):
        os.unlink(os.path.join(path, name))
    os.rmdir(path)
