"""Lines for people, on stderr."""

from __future__ import annotations

import os

from aws_role_exec import __version__
from aws_role_exec.errors import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str], None]

PROGRAM = "aws-role-exec"
VERSION_LINE = f"{PROGRAM} {__version__}"


def say(line: str) -> None:
    """Print one line, without secrets, and without line breaks and escape sequences in it.

    A stderr that is closed or full is no reason to fail.
    """
    line = redact(line)
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)
    left = memoryview((printable + "\n").encode("utf-8", "backslashreplace"))
    try:
        while left:
            left = left[os.write(2, left) :]
    except OSError:
        pass


def tell(line: str) -> None:
    """Print a line about what is being done, for `--verbose`."""
    say(f"{PROGRAM}: {line}")


def keep_quiet(_: str) -> None:
    """Print nothing, without `--verbose`."""
