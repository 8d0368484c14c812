"""When to renew: ahead of expiry, and again after a failure. Seconds everywhere; no clock here."""

from __future__ import annotations

from aws_role_exec.records import record

AHEAD_AT_MOST_SECONDS = 20 * 60
"""How long before the end credentials are renewed, at most; SDKs begin to ask 15 minutes before."""
_SHORTEST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_WITHOUT_CREDENTIALS_SECONDS = 5.0  # somebody waits then


@record
class Moment:
    """A moment by two clocks.

    `real` is in seconds since the epoch, which people and daemons set; `running` only goes on,
    during a suspend too, but starts anew when the machine does.
    """

    real: float
    running: float


@record
class Session:
    """How long credentials live: from when they were fetched, by both clocks, to their expiry.

    `jitter`, from 0 to 1, spreads the renewals of jobs that started together.
    """

    fetched: Moment
    expires: float
    jitter: float

    @property
    def life(self) -> float:
        """The whole life."""
        return max(self.expires - self.fetched.real, 0.0)

    def left(self, now: Moment) -> float:
        """Return the seconds left, by whichever clock says less.

        A clock that was set back, or a container that was restored from a checkpoint, must not
        make credentials live longer than they do.
        """
        age = now.running - self.fetched.running
        by_running = self.life - age if age >= 0 else 0.0
        return min(self.expires - now.real, by_running)

    def until_renewal(self, now: Moment) -> float:
        """Return the seconds until these should be renewed, 0 or less when they should be now.

        That is when a third of their life is left, or 20 minutes where that is less; up to a
        quarter of this later, by the jitter.
        """
        ahead = min(self.life / 3, AHEAD_AT_MOST_SECONDS) * (1 - self.jitter / 4)
        return self.left(now) - ahead


def pause(failures: int, *, has_credentials: bool, jitter: float) -> float:
    """Return how long to wait after so many failures in a row; `jitter` is from 0 to 1."""
    longest = (
        _LONGEST_PAUSE_SECONDS if has_credentials else _LONGEST_PAUSE_WITHOUT_CREDENTIALS_SECONDS
    )
    grown = _SHORTEST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10)
    return float(min(grown, longest) * (0.5 + jitter / 2))
