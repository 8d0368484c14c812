"""What people are told: lines on stderr, and on stdout what they asked for."""

from __future__ import annotations

import os

from aws_role_exec import __version__
from aws_role_exec.errors import OutputError
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
    _write(printable(redact(line)) + "\n")


def printable(text: str) -> str:
    """Return a text with what a terminal would not show, or would obey, in hexadecimal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def print_out(text: str) -> None:
    """Print a text on stdout. Raises OutputError where it cannot be written."""
    try:
        write_all(1, text.encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        pass  # who reads has read enough
    except OSError as error:
        raise OutputError(f"writing to stdout: {error.strerror}") from None


def _write(text: str) -> None:
    try:
        write_all(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it, however little write(2) takes at a time. Raises OSError."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def say_error(message: str, hint: str | None, *, is_colored: bool) -> None:
    """Print an error in one line, and its hint in another.

    Of what is too long to be read the middle is left out: a path, an ARN or a policy that an
    error quotes may have thousands of characters.
    """
    for label, text, color in ((PROGRAM, message, _RED), ("hint", hint, _CYAN)):
        if text is not None:
            words = (_shorten(word, _WORD_AT_MOST) for word in redact(text).split(" "))
            line = printable(_shorten(" ".join(words), _LINE_AT_MOST))
            _write(f"{color}{label}:{_PLAIN} {line}\n" if is_colored else f"{label}: {line}\n")


_RED, _CYAN, _PLAIN = "\x1b[1;31m", "\x1b[36m", "\x1b[0m"
"""ECMA-48's select graphic rendition; click, which has the words for it, is not imported here."""


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
