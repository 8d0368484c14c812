"""Durations as people write them: Go's `1h30m` and the walltimes of batch schedulers."""

from __future__ import annotations

from aws_role_exec.errors import UsageError
from aws_role_exec.records import record

SESSION_MINIMUM_SECONDS = 15 * 60
"""The shortest session STS gives (API reference: AssumeRole, DurationSeconds)."""
SESSION_MAXIMUM_SECONDS = 12 * 3600
"""The longest session STS gives to any role (same source)."""
CHAINED_MAXIMUM_SECONDS = 3600
"""The longest session STS gives to a role assumed with a role's credentials (same source)."""

_SECOND = 10**9
_GO_UNITS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,  # U+00B5
    "μs": 1000,  # U+03BC
    "ms": 10**6,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_GO_UNIT_LETTERS = frozenset("".join(_GO_UNITS))
_DIGITS = frozenset("0123456789")  # str.isdigit takes those of every script
_LONGEST_TEXT = 40  # nobody writes more; keeps arithmetic on silly input cheap

_HOW_TO_WRITE = "write it as in 45m, 1h30m, 04:00:00 or 1-12:00:00"


@record
class Duration:
    """A length of time, and whether it was written as a walltime.

    A walltime says how long a job may run, not how long a key should live; the
    two are held to STS's limits differently (see `session_seconds`).
    """

    nanoseconds: int
    is_walltime: bool

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.nanoseconds / _SECOND


def parse(text: str) -> Duration:
    """Read a Go duration, `HH:MM:SS`, `D-HH[:MM[:SS]]` or a bare number of seconds.

    Go durations are those of Go's time.ParseDuration; walltimes those of sbatch(1)
    `--time` and of PBS's `walltime`, less the forms in which they contradict each other.

    Raises UsageError for anything else, for `MM:SS`/`HH:MM` (which of the two cannot be
    told), for `UNLIMITED`, and for zero or negative values.
    """
    shown = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."
    if is_unlimited(text):
        raise UsageError(
            f"'{shown}': a session cannot be unlimited",
            hint="for a job without a time limit, add --renew; otherwise use at most 12h",
        )
    duration = None
    if len(text) <= _LONGEST_TEXT:
        duration = _parse_go(text) or _parse_walltime(text)
    if duration is None:
        raise UsageError(f"'{shown}' is not a duration", hint=_HOW_TO_WRITE)
    if duration.nanoseconds <= 0:
        raise UsageError(f"'{shown}' is not a positive duration", hint=_HOW_TO_WRITE)
    return duration


def is_unlimited(text: str) -> bool:
    """Tell whether this is Slurm's or LSF's word for a job without a time limit."""
    return text.strip().upper() in ("UNLIMITED", "INFINITE")


def _parse_go(text: str) -> Duration | None:
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    nanoseconds = 0
    if not rest:
        return None
    while rest:
        whole, rest = _split(rest, _DIGITS)
        fraction = ""
        if rest.startswith("."):
            fraction, rest = _split(rest[1:], _DIGITS)
        unit, rest = _split(rest, _GO_UNIT_LETTERS)
        if not whole + fraction or unit not in _GO_UNITS:
            return None
        nanoseconds += int(whole + fraction) * _GO_UNITS[unit] // 10 ** len(fraction)
    return Duration(sign * nanoseconds, is_walltime=False)


def _split(text: str, characters: frozenset[str]) -> tuple[str, str]:
    """Return the longest beginning made of these characters, and the rest."""
    end = 0
    while end < len(text) and text[end] in characters:
        end += 1
    return text[:end], text[end:]


def _parse_walltime(text: str) -> Duration | None:
    days, dash, clock = text.rpartition("-")
    fields = clock.split(":")
    if not 1 <= len(fields) <= 3 or not all(
        field and _DIGITS.issuperset(field) for field in ([days, *fields] if dash else fields)
    ):
        return None
    numbers = [int(field) for field in fields]
    limits = [24 if dash else None, 60, 60]
    if any(limit and number >= limit for number, limit in zip(numbers, limits, strict=False)):
        raise UsageError(
            f"'{text}': after days, hours go up to 23; minutes and seconds go up to 59",
            hint=_HOW_TO_WRITE,
        )
    if not dash and len(numbers) == 2:
        first, second = numbers
        raise UsageError(
            f"'{text}' is ambiguous: minutes and seconds, or hours and minutes?",
            hint=f"write 00:{first:02}:{second:02} or {first}m{second}s for the first,"
            f" {first:02}:{second:02}:00 or {first}h{second}m for the second",
        )
    if not dash and len(numbers) == 1:
        seconds = numbers[0]
    else:
        hours, minutes, rest = numbers + [0] * (3 - len(numbers))
        seconds = int(days or 0) * 86400 + hours * 3600 + minutes * 60 + rest
    return Duration(seconds * _SECOND, is_walltime=True)


def session_seconds(duration: Duration) -> tuple[int, str | None]:
    """Hold a duration to what STS gives, 900 to 43200 seconds.

    Returns whole seconds (a fraction counts as a second more, so that a key never lives
    shorter than asked) and, where a walltime was rounded up to the minimum, the notice to
    print. Raises UsageError for a Go duration outside the limits and for a walltime above
    them: shortening that one silently would take the key from the job halfway.
    """
    seconds = -(-duration.nanoseconds // _SECOND)
    if seconds < SESSION_MINIMUM_SECONDS:
        if not duration.is_walltime:
            raise UsageError(
                f"{format_go(duration)} is shorter than STS's minimum of 15m",
                hint="use 15m to 12h",
            )
        return SESSION_MINIMUM_SECONDS, (
            f"a walltime of {format_go(duration)} is shorter than STS's minimum;"
            " the credentials will last 15m"
        )
    if seconds > SESSION_MAXIMUM_SECONDS:
        raise UsageError(
            f"{format_go(duration)} is longer than STS's maximum of 12h",
            hint="for a longer job, add --renew; otherwise use 15m to 12h",
        )
    return seconds, None


def renewed_session_seconds(text: str) -> int:
    """Return how long each session lasts that is renewed, in whole seconds.

    A Go duration says so itself. A walltime, `auto` and UNLIMITED say how long the job is: its
    sessions last 1h, which every role gives however it is assumed, or less for a shorter job.
    Raises UsageError as `parse` does, and for a Go duration outside STS's limits.
    """
    if text == "auto" or is_unlimited(text):
        return CHAINED_MAXIMUM_SECONDS
    duration = parse(text)
    if duration.is_walltime and duration.seconds > CHAINED_MAXIMUM_SECONDS:
        return CHAINED_MAXIMUM_SECONDS
    return session_seconds(duration)[0]


def from_seconds(seconds: int) -> Duration:
    """Return that many whole seconds as a Duration."""
    return Duration(seconds * _SECOND, is_walltime=False)


def format_go(duration: Duration) -> str:
    """Write a duration as Go's Duration.String writes it, in seconds below one second too.

    >>> format_go(from_seconds(4 * 3600))
    '4h0m0s'
    """
    minutes, rest = divmod(duration.nanoseconds, 60 * _SECOND)
    whole, fraction = divmod(rest, _SECOND)
    text = f"{whole}.{fraction:09}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
