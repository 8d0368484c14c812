"""One deadline for everything on the network, whichever library happens to be waiting."""

from __future__ import annotations

import _socket
import _thread
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from aws_role_exec.errors import Fault, Refusal

    T = TypeVar("T")

_STACK_BYTES = 1 << 20  # musl would give a thread 128 KiB
_ALARM_REPEAT_SECONDS = 0.02  # until it gets through to us: a library may swallow an exception
_HELPERS_GRACE_SECONDS = 0.05


class Deadline:
    """A point in time, and what was being waited for last, to be named when it passes.

    `answers` counts the attempts that failed so far, `last_error` is what the last one met.
    """

    def __init__(self, seconds: float) -> None:
        """Start the clock; `seconds` is positive."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._stopped_at: float | None = None
        self._on_change: Callable[[], None] = _nothing
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
        self._on_change()

    def go_on(self) -> None:
        """Let the clock run again after `stop`."""
        if self._stopped_at is not None:
            self._end += time.monotonic() - self._stopped_at
            self._stopped_at = None
            self._on_change()

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
        found: list[list[Any] | OSError] = []
        done = _thread.allocate_lock()
        done.acquire()

        def run() -> None:
            try:
                found.append(look_up())
            except OSError as error:
                found.append(error)
            finally:
                done.release()

        _thread.stack_size(_STACK_BYTES)
        try:
            _thread.start_new_thread(run, ())
        except RuntimeError:  # at the limit of processes
            return look_up()
        done.acquire()  # the alarm gets through here
        if isinstance(found[0], OSError):
            raise found[0]
        return found[0]


def _nothing() -> None:
    pass


class _Passed(BaseException):
    """The deadline has passed; no `except Exception` on the way may take it for its own."""


if os.name == "nt":  # pragma: no cover - needs Windows

    def run_until(deadline: Deadline, work: Callable[[], T]) -> T:
        """Run the work in a thread and return what it returns, or raise what it raises.

        Raises TimeoutError when the deadline passes first; then the process must end without
        waiting for the thread (os._exit).
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
            finished = done.acquire(timeout=min(remaining, _thread.TIMEOUT_MAX))
        if not finished:
            raise TimeoutError
        if failure:
            raise failure[0]
        return outcome[0]

else:
    # Its C part: the Python part is made of enumerations (docs/adr/0001-imports.md).
    import _signal as signal  # type: ignore[import-not-found]

    def run_until(deadline: Deadline, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise what it raises, before the deadline.

        A socket time-out bounds one read and a helper program has none at all; an alarm bounds
        the whole. A caller's own alarm (`perl -e 'alarm 10; exec ...'`) goes on meanwhile and
        is there again afterwards, with the time passed taken off. Raises TimeoutError when the
        deadline passes.
        """
        mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
        handler = signal.getsignal(signal.SIGALRM)
        callers_end = time.monotonic() + left if left else None
        rings_for_us = callers_end is not None and handler != signal.SIG_IGN

        def restore() -> None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            if callers_end is not None:
                soon = max(callers_end - time.monotonic(), 1e-6)
                signal.setitimer(signal.ITIMER_REAL, soon, interval)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

        def arm() -> None:
            ends = [] if deadline.is_stopped() else [deadline.remaining()]
            if rings_for_us and callers_end is not None:
                ends.append(callers_end - time.monotonic())
            soonest = max(min(ends), 1e-6) if ends else 0
            signal.setitimer(signal.ITIMER_REAL, soonest, _ALARM_REPEAT_SECONDS)

        is_over = False

        def ring(*_: object) -> None:
            if is_over:
                return
            if rings_for_us and time.monotonic() >= (callers_end or 0):
                restore()  # the caller's alarm is due, and does with us what it would have done
            elif not deadline.is_stopped() and deadline.remaining() <= 0:
                raise _Passed
            elif handler == signal.SIG_IGN or deadline.remaining() < _ALARM_REPEAT_SECONDS:
                arm()
            else:  # somebody else's, and it does what it would have done without us
                signal.signal(signal.SIGALRM, handler)
                os.kill(os.getpid(), signal.SIGALRM)

        signal.signal(signal.SIGALRM, ring)
        deadline._on_change = arm
        try:
            try:
                arm()
                return work()
            finally:
                is_over = True  # from here on the alarm says nothing any more
        except _Passed:
            _end_helpers()
            raise TimeoutError from None
        finally:
            deadline._on_change = _nothing
            restore()


def _end_helpers() -> None:
    """End a credential_process that did not answer, so that it does not outlive us (Linux)."""
    import signal as names  # noqa: PLC0415 - only when something failed

    processes = _descendants("self")
    for number in (names.SIGTERM, names.SIGKILL) if processes else ():
        for process in processes:
            try:
                os.kill(process, number)
            except OSError:
                continue
        time.sleep(_HELPERS_GRACE_SECONDS)


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
