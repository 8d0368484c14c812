"""A line on the terminal that says what is being waited for, and goes away again."""

from __future__ import annotations

import os
import time

from aws_role_exec.messages import PROGRAM, printable
from aws_role_exec.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.network.deadline import Deadline

_PATIENCE_SECONDS = 2.0  # before a word is said
_AGAIN_SECONDS = 1.0
_CLEAR = "\r\x1b[K"  # ECMA-48: to the line's beginning, and erase what follows


class Waiting:
    """The line about a deadline, on stderr, which is a terminal.

    It is first due after two seconds, then every second, and not while the clock stands still for
    a person who is asked for something.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._due = time.monotonic() + _PATIENCE_SECONDS
        self._is_shown = False

    def due_in(self) -> float:
        """Return the seconds until the line is to be written, at least a little."""
        return max(self._due - time.monotonic(), 0.001)

    def is_due(self) -> bool:
        """Tell whether it is time for the line."""
        return not self._deadline.is_stopped() and time.monotonic() >= self._due

    def show(self) -> None:
        """Write the line, in the place of the one before."""
        left = max(0, round(self._deadline.remaining()))
        text = f"{PROGRAM}: waiting for {self._deadline.waiting_for} (at most {left}s more)"
        try:
            columns = os.get_terminal_size(2).columns or 80
        except OSError:
            columns = 80
        text = printable(redact(text))
        _write(_CLEAR + (text if len(text) < columns else f"{text[: columns - 4]}..."))
        self._is_shown = True
        self._due = time.monotonic() + _AGAIN_SECONDS

    def clear(self) -> None:
        """Take the line away, if there is one."""
        if self._is_shown:
            _write(_CLEAR)
            self._is_shown = False
            self._due = time.monotonic() + _PATIENCE_SECONDS


def _write(text: str) -> None:
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass
