"""Medians, ratios and the requirements that they are held against."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


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
    """What came of one subject, a figure a round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    delayed: list[float] = field(default_factory=list)
    crowd: list[float] = field(default_factory=list)
    crowd_failures: int = 0
    peak: int = 0
    system_calls: int = 0
    requests: int = 0


@dataclass(frozen=True)
class Requirement:
    """A bound, what was found, and whether it holds; None if it could not be measured."""

    text: str
    found: str
    holds: bool | None


def requirements(results: dict[str, Measured]) -> list[Requirement]:
    """Hold the medians against what is required."""

    def ratio(
        text: str,
        one: str,
        other: str,
        fits: Callable[[float], bool],
        what: str = "wall",
    ) -> Requirement:
        series = [getattr(results.get(name, Measured()), what) for name in (one, other)]
        if not all(series):
            return Requirement(text, "not measured", None)
        found = ratios(*series)
        return Requirement(text, found.text(2), fits(found.median))

    found = [
        ratio("plain case ≤ 4 × reference", "plain", "reference", lambda x: x <= 4),
        ratio("plain case ≤ 2 × reference (the aim)", "plain", "reference", lambda x: x <= 2),
        ratio("any other case ≤ 12 × reference", "other", "reference", lambda x: x <= 12),
        ratio("`--version` ≤ 2 × empty program", "version", "empty", lambda x: x <= 2),
        ratio("AWS CLI v1 ≥ 12 × plain case", "cli1", "plain", lambda x: x >= 12),
        ratio("AWS CLI v2 ≥ 12 × plain case", "cli2", "plain", lambda x: x >= 12),
        ratio("awsume ≥ 12 × plain case", "awsume", "plain", lambda x: x >= 12),
        ratio(
            "plain case ≤ 1.15 × reference, 80 ms round trips",
            "plain",
            "reference",
            lambda x: x <= 1.15,
            "delayed",
        ),
    ]
    peaks = [results[name].peak for name in ("plain", "other", "instance") if name in results]
    text = "peak memory of every case ≤ 40 MiB"
    if any(peaks):
        found.append(Requirement(text, f"{max(peaks) / 1024:.1f} MiB", max(peaks) <= 40 * 1024))
    else:
        found.append(Requirement(text, "not measured", None))
    plain = results.get("plain", Measured())
    text = "starts at once: all succeed"
    if plain.crowd:
        found.append(Requirement(text, f"{plain.crowd_failures} failed", not plain.crowd_failures))
    else:
        found.append(Requirement(text, "not measured", None))
    return found
