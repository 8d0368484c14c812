"""Asking again: the one loop of attempts, for STS and for every source of credentials."""

from __future__ import annotations

import os
import time

from aws_role_exec.errors import Fault, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from aws_role_exec.messages import Tell
    from aws_role_exec.network.deadline import Deadline

    T = TypeVar("T")

# Decorrelated jitter: of the strategies tried with 1000 clients against 100 requests/s, the one
# by which all got their credentials within 30 s with the fewest requests.
SHORTEST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 5.0
# A host that cannot be reached at all is more likely misspelt than busy, and one that talks
# nonsense more likely another's than the one meant.
DOUBTFUL_KINDS = ("unreachable", "garbled")
DOUBTFUL_ATTEMPTS = 3
_RESERVE_SECONDS = 0.25  # at the end, in which no further attempt begins


def insist(
    call: Callable[[], T],
    deadline: Deadline,
    tell: Tell,
    passing: Callable[[Fault | Refusal], str | None],
) -> T:
    """Return what the call returns, calling again after what passes until the deadline.

    `passing` says of a fault or a refusal whether it passes, as `sts.diagnose.passing` does.
    All the time is used: where a wait would end after the deadline, the next attempt is made
    somewhere in the second half of what is left. Raises the Fault or Refusal that does not pass,
    and TimeoutError.
    """
    delay = SHORTEST_DELAY_SECONDS
    reserve = min(_RESERVE_SECONDS, deadline.seconds / 20)
    deadline.answers, deadline.last_error = 0, None
    while True:
        try:
            return call()
        except (Fault, Refusal) as error:
            kind = passing(error)
            deadline.answers += 1
            attempts = deadline.answers
            if kind is None or (kind in DOUBTFUL_KINDS and attempts >= DOUBTFUL_ATTEMPTS):
                raise
            deadline.last_error = error
            left = deadline.remaining()
            if left < 2 * reserve:
                raise TimeoutError from None
            delay = min(between(SHORTEST_DELAY_SECONDS, delay * 3), LONGEST_DELAY_SECONDS)
            wait = delay
            if wait > left - reserve:
                wait = between(left / 2, left - reserve)
            tell(f"attempt {attempts}: {error}; retrying in {wait:.1f}s")
        time.sleep(wait)


def between(shortest: float, longest: float) -> float:
    """Return a random number of seconds; the module `random` takes longer than the request."""
    return shortest + (longest - shortest) * int.from_bytes(os.urandom(4), "big") / 2**32
