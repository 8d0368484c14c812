"""The credentials that a helper serves, and their renewal: one at a time, ahead of expiry."""

from __future__ import annotations

import os
import sys
import time

from aws_role_exec.network.patience import between
from aws_role_exec.renewal import protocol, schedule
from aws_role_exec.renewal.again import Renewal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.renewal.readable import Readable
    from aws_role_exec.request.request import Request

_BETWEEN_LINES_SECONDS = 60.0  # on the job's stderr
_OF_USE_SECONDS = 2.0  # credentials that end sooner are not handed out if there are new ones soon


class Renewing:
    """The credentials as they are now, in the protocol's words, and what renews them.

    `say` prints a line for the job's user, and tells whether that could be done.
    """

    def __init__(
        self,
        request: Request,
        environ: Mapping[str, str],
        readable: Readable,
        say: Callable[[str], bool],
    ) -> None:
        self._request = request
        self._environ = environ
        self._directory = _working_directory()
        self._readable = readable
        self._say = say
        self._renewal: Renewal | None = None
        self._failures = 0
        self._retry_at = 0.0  # on the monotonic clock
        self._why = ""
        self._told_at: float | None = None

    def take(self, credentials: Credentials) -> None:
        """Serve these from now on."""
        self._session = schedule.Session(_now(), credentials.expires_at(), between(0.0, 1.0))
        self._answer = protocol.success(credentials)
        self._failures = 0

    def answer(self) -> bytes | None:
        """Return what a client gets: credentials while they are good, else why there are none.

        None when new ones are under way.
        """
        left = self._session.left(_now())
        if left > _OF_USE_SECONDS or (left > 0 and self._failures):
            return self._answer
        if self._failures and self._renewal is None:
            message = f"the credentials expired and cannot be renewed: {self._why}"
            return protocol.failure(500, "RenewalFailed", message)
        return None

    def start_if_due(self) -> None:
        """Start a renewal when it is time, and end one that takes too long."""
        if self._renewal is not None:
            if time.monotonic() >= self._renewal.until:
                self._finish(self._renewal)
        elif self.seconds_left() <= 0:
            try:
                self._renewal = Renewal(self._request, self._environ, self._directory)
            except OSError as error:
                self._fail(f"it could not be started: {error.strerror}", None)
            else:
                self._readable.add(self._renewal.outcome)

    def hear(self, descriptor: int) -> bool:
        """Read what a renewal says; True when it has ended, so that there is an answer."""
        renewal = self._renewal
        if renewal is None or descriptor != renewal.outcome or not renewal.read():
            return False
        self._finish(renewal)
        return True

    def seconds_left(self) -> float:
        """Return the seconds until there is something to do: a renewal to start, or to end."""
        if self._renewal is not None:
            return self._renewal.until - time.monotonic()
        until_retry = self._retry_at - time.monotonic() if self._failures else 0.0
        return max(self._session.until_renewal(_now()), until_retry)

    def end(self) -> None:
        """End a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.end()

    def _finish(self, renewal: Renewal) -> None:
        self._readable.remove(renewal.outcome)
        self._renewal = None
        credentials, said, hint = renewal.result()
        if credentials is None:
            self._fail(said, hint)
            return
        self.take(credentials)
        if self._told_at is not None:
            self._told_at = None
            self._say(f"renewal succeeded; the credentials now last until {credentials.expiration}")

    def _fail(self, said: str, hint: str | None) -> None:
        self._failures += 1
        self._why = said
        left = self._session.left(_now())
        wait = schedule.pause(self._failures, has_credentials=left > 0, jitter=between(0.0, 1.0))
        now = time.monotonic()
        self._retry_at = now + wait
        if self._told_at is not None and now - self._told_at < _BETWEEN_LINES_SECONDS:
            return
        state = (
            f"the current credentials last {left:.0f}s more"
            if left > 0
            else "the credentials expired"
        )
        line = f"renewal failed, {state}: {said}"
        if self._say(f"{line}; hint: {hint}" if hint else line):
            self._told_at = now


def _now() -> schedule.Moment:
    return schedule.Moment(time.time(), _running())


if sys.platform == "win32":
    _running = time.monotonic  # QueryPerformanceCounter or GetTickCount64: go on in a suspend
else:

    def _running() -> float:
        clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on in a suspend
        return time.clock_gettime(clock)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "/"  # it was removed; nothing is found by a relative path
