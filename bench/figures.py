"""Medians, ratios and the bounds that they are held against."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cases import Case, cases
from subjects import REFERENCE

ONE_CALL, TWO_CALLS = 1.35, 1.9
"""A case's CPU time, in that of the plain case, by how many calls it makes."""
PEAK_MIB = 24


@dataclass(frozen=True)
class Spread:
    """The middle of some figures, and how far they lie apart."""

    least: float
    median: float
    most: float

    def text(self, digits: int, scale: float = 1.0) -> str:
        """Write it for a table."""
        low, mid, high = (f"{x * scale:.{digits}f}" for x in (self.least, self.median, self.most))
        return f"{mid} ({low} to {high})"


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one figure."""
    return Spread(min(values), statistics.median(values), max(values))


def ratios(values: Sequence[float], against: Sequence[float]) -> Spread:
    """Return the spread of the ratios round by round, which what slows a whole round leaves be."""
    return spread([one / other for one, other in zip(values, against, strict=True)])


@dataclass
class Measured:
    """What came of one subject: a figure a round, times in seconds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    far: list[float] = field(default_factory=list)
    crowd: list[float] = field(default_factory=list)
    cold_wall: list[float] = field(default_factory=list)
    cold_bytes: list[int] = field(default_factory=list)
    """Read from the disk by a cold start, of whatever file."""
    cold_pages: list[int] = field(default_factory=list)
    """Of the executable, in memory after a cold start."""
    pages: int = 0
    """That the executable has."""
    crowd_failures: int = 0
    peak: int = 0
    """KiB."""
    system_calls: int = 0
    calls: int = 0


@dataclass(frozen=True)
class Bound:
    """A bound, what was found, and whether it holds; None if it binds nobody or is not measured."""

    case: str
    bound: str
    found: str
    holds: bool | None

    @property
    def state(self) -> str:
        """Say it in a word."""
        return {True: "yes", False: "NO", None: "–"}[self.holds]


def bounds(results: dict[str, Measured], reference: str) -> list[Bound]:
    """Hold the medians against what is required."""
    found = []

    def ratio(
        case: str,
        bound: str,
        one: str,
        other: str,
        fits: Callable[[float], bool],
        *,
        what: str = "wall",
    ) -> None:
        series = [getattr(results.get(name, Measured()), what) for name in (one, other)]
        if not all(series):
            found.append(Bound(case, bound, "not measured", None))
            return
        value = ratios(*series)
        found.append(Bound(case, bound, value.text(2), fits(value.median)))

    theirs = "plain" + REFERENCE
    ratio("plain", f"wall ≤ 1.0 × {reference}", "plain", theirs, lambda x: x <= 1.0)
    ratio(
        "plain, round trips of 80 ms",
        f"wall ≤ 1.02 × {reference}",
        "plain",
        theirs,
        lambda x: x <= 1.02,
        what="far",
    )
    ratio(
        "plain, one certificate",
        f"wall ≤ 2.2 × {reference}",
        "one",
        "one" + REFERENCE,
        lambda x: x <= 2.2,
    )
    for case in cases():
        if case.calls and case.key != "plain":
            found.append(_of_case(case, results))
    for key in ("help", "tab"):
        title = {one.key: one.title for one in cases()}[key]
        ratio(title, "wall ≤ 2 × `--version`", key, "version", lambda x: x <= 2)
    ratio("`--version`", "wall ≤ 2 × empty program", "version", "empty", lambda x: x <= 2)
    for key, title in (("cli1", "AWS CLI v1"), ("cli2", "AWS CLI v2"), ("awsume", "awsume")):
        ratio(title, "wall ≥ 12 × plain", key, "plain", lambda x: x >= 12)
    return [*found, _peak(results), _crowd(results), _cold(results)]


def _of_case(case: Case, results: dict[str, Measured]) -> Bound:
    most = ONE_CALL if case.calls == 1 else TWO_CALLS
    calls = "one call" if case.calls == 1 else "two calls"
    bound = f"CPU ≤ {most} × plain ({calls})"
    if not (case.key in results and results["plain"].cpu):
        return Bound(case.title, bound, "not measured", None)
    value = ratios(results[case.key].cpu, results["plain"].cpu)
    if case.exempt:
        return Bound(case.title, f"none: {case.exempt}", value.text(2), None)
    return Bound(case.title, bound, value.text(2), value.median <= most)


def _peak(results: dict[str, Measured]) -> Bound:
    peaks = {case.title: results[case.key].peak for case in cases() if case.key in results}
    bound = f"peak memory ≤ {PEAK_MIB} MiB"
    if not any(peaks.values()):
        return Bound("every case", bound, "not measured", None)
    too_much = [title for title, peak in peaks.items() if peak > PEAK_MIB * 1024]
    text = f"{max(peaks.values()) / 1024:.1f} MiB at most"
    if too_much:
        text += "; above it: " + ", ".join(too_much)
    return Bound("every case", bound, text, not too_much)


def _crowd(results: dict[str, Measured]) -> Bound:
    crowds = [results[key] for key in ("plain", "config") if key in results and results[key].crowd]
    if not crowds:
        return Bound("200 at once", "all succeed", "not measured", None)
    failures = sum(one.crowd_failures for one in crowds)
    return Bound("200 at once", "all succeed", f"{failures} failed", not failures)


def _cold(results: dict[str, Measured]) -> Bound:
    bound = "less than the whole executable is read"
    plain = results.get("plain", Measured())
    if not plain.cold_pages:
        return Bound("cold start", bound, "not measured", None)
    part = spread([pages / plain.pages for pages in plain.cold_pages])
    return Bound("cold start", bound, f"{part.median:.0%} of it", part.median < 1)
