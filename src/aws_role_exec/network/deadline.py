"""One deadline for everything on the network, whichever library happens to be waiting."""

from __future__ import annotations

import _thread
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_STACK_BYTES = 4 << 20  # musl would give a thread 128 KiB


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

    def for_one_attempt(self) -> float:
        """Return the seconds one attempt may wait: half of all, so that there can be another."""
        return max(1.0, self.seconds / 2)

    def stop(self) -> None:
        """Let the clock stand still until `go_on`: for a person, who is no network."""
        self._stopped_at = time.monotonic()

    def go_on(self) -> None:
        """Let the clock run again after `stop`."""
        if self._stopped_at is not None:
            self._end += time.monotonic() - self._stopped_at
            self._stopped_at = None


def run_until(deadline: Deadline, work: Callable[[], T]) -> T:
    """Run the work in a thread and return what it returns, or raise what it raises.

    A socket time-out bounds one read and a helper program has none at all; leaving the thread
    behind bounds the whole. Raises TimeoutError when the deadline passes first; then the
    process must end without waiting for the thread (os._exit).
    """
    outcome: list[T] = []
    failure: list[BaseException] = []
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)
        finally:
            done.release()

    _thread.stack_size(_STACK_BYTES)
    _thread.start_new_thread(run, ())
    finished = False
    while not finished and (remaining := deadline.remaining()) > 0:
        finished = done.acquire(timeout=min(remaining, _thread.TIMEOUT_MAX))
    if not finished:
        _end_helpers()
        raise TimeoutError
    if failure:
        raise failure[0]
    return outcome[0]


def _end_helpers() -> None:
    """End a credential_process that did not answer, so that it does not outlive us (Linux)."""
    import signal  # noqa: PLC0415 - only when something failed

    for process in _descendants("self"):
        try:
            os.kill(process, signal.SIGTERM)
        except OSError:
            continue


def _descendants(process: str) -> list[int]:
    """Return the children of a process and theirs: a helper is often a shell and its command."""
    children: list[int] = []
    try:
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/children", "rb") as file:
                children += map(int, file.read().split())
    except (OSError, ValueError):
        pass
    return children + [below for child in children for below in _descendants(str(child))]
