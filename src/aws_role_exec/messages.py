"""Lines for people, on stderr."""

from __future__ import annotations

import os

from aws_role_exec import __version__
from aws_role_exec.redaction import redact

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


def say_short(line: str) -> None:
    """Print one line likewise, with the middle of what is too long to be read left out.

    A path, an ARN or a policy that an error quotes may have thousands of characters.
    """
    words = (_shorten(word, _WORD_AT_MOST) for word in redact(line).split(" "))
    say(_shorten(" ".join(words), _LINE_AT_MOST))


def _shorten(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    end = characters // 3
    return f"{text[: characters - end - 3]}...{text[-end:]}"


_WORD_AT_MOST = 200
_LINE_AT_MOST = 1000


def tell(line: str) -> None:
    """Print a line about what is being done, for `--verbose`."""
    say(f"{PROGRAM}: {line}")


def keep_quiet(_: str) -> None:
    """Print nothing, without `--verbose`."""
