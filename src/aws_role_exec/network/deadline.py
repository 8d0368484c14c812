"""One deadline for everything on the network, whichever library happens to be waiting."""

from __future__ import annotations

import _socket
import _thread
import os
import sys
import time

from aws_role_exec.messages import PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from aws_role_exec.errors import Fault, Refusal
    from aws_role_exec.network.waiting import Waiting

    T = TypeVar("T")

_STACK_BYTES = 1 << 20  # musl would give a thread 128 KiB


class Deadline:
    """A point in time, and what was being waited for last, to be named when it passes.

    `answers` counts the attempts that failed so far, `last_error` is what the last one met.
    `on_change` is called when the clock was stopped or goes on.
    """

    def __init__(self, seconds: float) -> None:
        """Start the clock; `seconds` is positive."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._stopped_at: float | None = None
        self.on_change: Callable[[], None] | None = None
        self.waiting_for = "source credentials"
        self.answers = 0
        self.last_error: Fault | Refusal | None = None

    def remaining(self) -> float:
        """Return the seconds left, negative once it has passed."""
        stopped_at = self._stopped_at
        return self._end - (time.monotonic() if stopped_at is None else stopped_at)

    def for_one_attempt(self) -> float:
        """Return the seconds one attempt may wait: half of all, so that there can be another."""
        return max(0.001, min(max(1.0, self.seconds / 2), self.remaining()))

    def stop(self) -> None:
        """Let the clock stand still until `go_on`: for a person, who is no network."""
        self._stopped_at = time.monotonic()
        self._tell()

    def go_on(self) -> None:
        """Let the clock run again after `stop`."""
        if self._stopped_at is not None:
            self._end += time.monotonic() - self._stopped_at
            self._stopped_at = None
            self._tell()

    def _tell(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def is_stopped(self) -> bool:
        """Tell whether the clock stands still."""
        return self._stopped_at is not None

    def resolve(self, host: str, port: int) -> list[Any]:
        """Return the addresses of a host, as getaddrinfo(3) does, before the deadline.

        A C library that waits for a name server is not to be interrupted, so a thread of its
        own waits, where there may be one. Raises OSError.
        """
        name = host.encode("ascii")  # as text it would be encoded by IDNA's tables, an import

        def look_up() -> list[Any]:
            return _socket.getaddrinfo(name, port, 0, _socket.SOCK_STREAM)

        if ":" in host or host.rpartition(".")[2].isdecimal() or host == "localhost":
            return look_up()
        found: list[list[Any]] = []
        failure: list[Exception] = []
        done = _thread.allocate_lock()
        done.acquire()

        def run() -> None:
            try:
                found.append(look_up())
            except Exception as error:
                failure.append(error)
            finally:
                done.release()

        _thread.stack_size(_STACK_BYTES)
        try:
            _thread.start_new_thread(run, ())
        except RuntimeError:  # at the limit of processes
            return self._without_interpreter(look_up, host)
        done.acquire()  # the alarm gets through here
        if failure:
            raise failure[0]
        return found[0]

    def _without_interpreter(self, look_up: Callable[[], T], host: str) -> T:
        """Return what the look-up returns; at the deadline the executable ends without Python.

        Elsewhere there is no such way, and the C library gives up by itself.
        """
        if self.on_change is None or not getattr(sys, "frozen", False) or sys.platform != "linux":
            return look_up()
        import _signal as signal  # type: ignore[import-not-found]  # as in `alarm`

        from _launcher import end_at_alarm  # type: ignore[import-not-found]  # linked in

        end_at_alarm(f"{PROGRAM}: {host}: no response within {self.seconds:g}s")
        signal.setitimer(signal.ITIMER_REAL, max(self.remaining(), 1e-6))
        try:
            return look_up()
        finally:
            signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGALRM))
            self._tell()


def run_in_thread(deadline: Deadline, work: Callable[[], T], waiting: Waiting | None = None) -> T:
    """Run the work in a thread and return what it returns, or raise what it raises.

    `waiting` is the line that a person at the terminal sees meanwhile. Raises TimeoutError
    when the deadline passes first. The thread then goes on until what it waits for gives up: a
    process that is at its end does not wait for it (os._exit).
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

    _thread.start_new_thread(run, ())
    finished = False
    while not finished and (remaining := deadline.remaining()) > 0:
        until = remaining if waiting is None else min(remaining, waiting.due_in())
        finished = done.acquire(timeout=min(until, _thread.TIMEOUT_MAX))
        if waiting is not None and not finished and waiting.is_due():
            waiting.show()
    if waiting is not None:
        waiting.clear()
    if not finished:
        raise TimeoutError
    if failure:
        raise failure[0]
    return outcome[0]


if os.name == "nt":  # pragma: no cover - needs Windows
    run_until = run_in_thread

else:
    from aws_role_exec.network.alarm import Alarm, Passed

    def run_until(deadline: Deadline, work: Callable[[], T], waiting: Waiting | None = None) -> T:
        """Return what the work returns, or raise what it raises, before the deadline.

        A socket time-out bounds one read and a helper program has none at all; an alarm bounds
        the whole. `waiting` is the line that a person at the terminal sees meanwhile. Raises
        TimeoutError when the deadline passes.
        """
        alarm = Alarm(deadline, waiting)
        try:
            try:
                alarm.start()
                return work()
            finally:
                alarm.is_over = True
        except Passed:
            from aws_role_exec.network import ending  # only when something failed

            ending.end(*ending.below(os.getpid()))
            raise TimeoutError from None
        finally:
            alarm.restore()
            if waiting is not None:
                waiting.clear()
