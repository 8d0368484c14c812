"""An alarm of ours beside one that the caller may have set (`perl -e 'alarm 10; exec ...'`).

Of POSIX: setitimer(2), SIGALRM.
"""

from __future__ import annotations

# Its C part: the Python part is made of enumerations (docs/adr/0001-imports.md).
import _signal as signal  # type: ignore[import-not-found]
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.network.deadline import Deadline
    from aws_role_exec.network.waiting import Waiting

# A library may swallow an exception, so it comes again; not so soon that what tidies up because
# of the first is interrupted by the second (a helper has 50 ms to end by itself).
_REPEAT_SECONDS = 0.15
_AT_ONCE_SECONDS = 0.001
_LATER = float("inf")
_NEAR_SECONDS = 0.02  # that an alarm comes before the deadline and is taken for it


class Passed(BaseException):
    """The deadline has passed; no `except Exception` on the way may take it for its own."""


class Alarm:
    """Raises Passed in the main thread when a deadline passes, from `start` to `restore`.

    In between it also rings for the line that tells a person what is being waited for, if any.
    The caller's own alarm goes on meanwhile, and does with us what it would have done. After
    `restore` everything is as it was, with the time passed taken off. An alarm that comes while
    the caller blocks the signal waits until then.
    """

    def __init__(self, deadline: Deadline, waiting: Waiting | None = None) -> None:
        self._waiting = waiting
        self.is_over = False  # then the alarm says nothing any more
        self._deadline = deadline
        left, self._interval = signal.setitimer(signal.ITIMER_REAL, 0)
        self._callers_end = time.monotonic() + left if left else None
        self._handler = signal.getsignal(signal.SIGALRM)
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        self._is_blocked = signal.SIGALRM in self._mask
        self._rings_for_us = bool(left) and not self._is_blocked and self._handler != signal.SIG_IGN
        self._is_owed = False
        self._shown_at = 0.0
        self._report = sys.unraisablehook

    def start(self) -> None:
        """Take the signal over and set the alarm."""
        signal.signal(signal.SIGALRM, self._ring)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        self._report = sys.unraisablehook
        sys.unraisablehook = self._raise_again
        self._deadline.on_change = self._arm
        self._arm()

    def restore(self) -> None:
        """Give the signal back, and the caller's alarm with what is left of it."""
        self._deadline.on_change = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = self._report
        signal.signal(signal.SIGALRM, self._handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if self._is_owed:
            os.kill(os.getpid(), signal.SIGALRM)
        if self._callers_end is not None:
            soon = max(self._callers_end - time.monotonic(), 1e-6)
            signal.setitimer(signal.ITIMER_REAL, soon, self._interval)

    def _arm(self) -> None:
        ends = [] if self._deadline.is_stopped() else [self._deadline.remaining()]
        if self._rings_for_us and self._callers_end is not None:
            ends.append(self._callers_end - time.monotonic())
        if self._waiting is not None:
            if self._deadline.is_stopped():
                self._waiting.clear()
            else:
                ends.append(self._waiting.due_in())
        soonest = max(min(ends), 1e-6) if ends else 0
        signal.setitimer(signal.ITIMER_REAL, soonest, _REPEAT_SECONDS)

    def _is_ours(self) -> bool:
        """Tell whether a ring that comes for nothing is ours: early, or once more.

        It comes once more if the terminal took its time for the line.
        """
        if self._deadline.remaining() < _NEAR_SECONDS:
            return True
        return time.monotonic() < self._shown_at + _REPEAT_SECONDS

    def _ring(self, *_: object) -> None:
        deadline = self._deadline
        if self.is_over:
            return
        if self._rings_for_us and time.monotonic() >= (self._callers_end or 0):
            self.restore()  # and it rings at once, for the caller
        elif not deadline.is_stopped() and deadline.remaining() <= 0:
            raise Passed
        elif self._waiting is not None and self._waiting.due_in() < _NEAR_SECONDS:
            self._shown_at = _LATER  # it may ring meanwhile
            self._waiting.show()
            self._shown_at = time.monotonic()
            self._arm()
        elif self._handler == signal.SIG_IGN or self._is_ours():
            self._arm()
        elif self._is_blocked:
            self._is_owed = True
        else:  # somebody else's, and it does what it would have done without us
            signal.signal(signal.SIGALRM, self._handler)
            os.kill(os.getpid(), signal.SIGALRM)

    def _raise_again(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Ring again where Python has nobody to raise to: in a finalizer, in a weak reference's.

        importlib has such ones for each module that is imported; Python reports there and goes on.
        """
        if unraisable.exc_type is Passed:
            signal.setitimer(signal.ITIMER_REAL, _AT_ONCE_SECONDS, _REPEAT_SECONDS)
        else:
            self._report(unraisable)
