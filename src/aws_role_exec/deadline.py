"""One deadline for everything on the network, whichever library happens to be waiting."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


class Deadline:
    """A point in time, and what was being waited for last, to be named when it passes."""

    def __init__(self, seconds: float) -> None:
        """Start the clock; `seconds` is positive."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self.waiting_for = "base credentials"
        self.last_error: Exception | None = None

    def remaining(self) -> float:
        """Return the seconds left, negative once it has passed."""
        return self._end - time.monotonic()


def run_until(deadline: Deadline, work: Callable[[], T]) -> T:
    """Run the work in a thread and return what it returns, or raise what it raises.

    A socket time-out bounds one read and a helper program has none at all; leaving the thread
    behind bounds the whole. Raises TimeoutError when the deadline passes first; then the
    process must end without waiting for the thread (os._exit).
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0, min(deadline.remaining(), threading.TIMEOUT_MAX)))
    if thread.is_alive():
        _end_helpers()
        raise TimeoutError
    if failure:
        raise failure[0]
    return outcome[0]


def _end_helpers() -> None:
    """End a credential_process that did not answer, so that it does not outlive us (Linux)."""
    for process in _descendants("self"):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGTERM)


def _descendants(process: str) -> list[int]:
    """Return the children of a process and theirs: a helper is often a shell and its command."""
    children: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/children", "rb") as file:
                children += map(int, file.read().split())
    return children + [below for child in children for below in _descendants(str(child))]
