"""One deadline for everything on the network, whichever library happens to be waiting."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    T = TypeVar("T")


class Deadline:
    """A point in time, and what was being waited for last, to be named when it passes."""

    def __init__(self, seconds: float) -> None:
        """Start the clock; `seconds` is positive."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._stopped_at: float | None = None
        self.waiting_for = "base credentials"
        self.last_error: Exception | None = None

    def remaining(self) -> float:
        """Return the seconds left, negative once it has passed."""
        stopped_at = self._stopped_at
        return self._end - (time.monotonic() if stopped_at is None else stopped_at)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the clock stand still meanwhile: for a person, who is no network."""
        begin = self._stopped_at = time.monotonic()
        try:
            yield
        finally:
            self._end += time.monotonic() - begin
            self._stopped_at = None


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
    while (remaining := deadline.remaining()) > 0 and thread.is_alive():
        thread.join(min(remaining, threading.TIMEOUT_MAX))
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
