"""docs/performance.md and its plot, out of what was measured."""

import datetime
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import chart
import cold
from cases import Case, cases
from figures import Bound, Measured, ratios, spread
from subjects import REFERENCE, Subject

MIB = 1 << 20
THEIRS = "plain" + REFERENCE
STEPS = (
    ("start a process and end it (`/bin/true`)", "true", None),
    ("start the interpreter", "empty", "true"),
    ("import what every run needs, read the command line", "version", "empty"),
    ("check, find the keys, sign, connect, send, read, become the command", "clear", "version"),
    ("TLS, with one certificate to trust", "one", "clear"),
    ("Debian's trust store instead", "plain", "one"),
)
"""Parts of a plain run, each the difference of two subjects."""
REASONS = {
    "Tab": "click handles completion for the four shells, and importing it takes most of the time",
    "plain, one certificate": "[the rest](#where-the-time-of-a-plain-run-goes) is Python itself",
}
"""Why a bound does not hold, by case."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, and an empty one."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


@dataclass
class Run:
    """One run of `make bench`."""

    subjects: list[Subject]
    absent: dict[str, str]
    results: dict[str, Measured]
    sizes: dict[str, tuple[int, int]]
    bounds: list[Bound]
    rounds: int
    load: float
    original: str | None

    @property
    def reference(self) -> str:
        return "the Go original" if self.original else "the Go stand-in"

    def markdown(self) -> str:
        """Return the page: what is slower first."""
        sections: tuple[tuple[str, Callable[[], list[str]]], ...] = (
            ("Where aws-role-exec is slower", self.slower),
            ("Requirements", self.required),
            ("Every case", self.every_case),
            ("Where the time of a plain run goes", self.steps),
            ("A real round trip of 80 ms", self.far),
            ("200 starts at once", self.crowd),
            ("A cold executable", self.cold),
            ("Other programs, and floors", self.others),
            ("Not measured", self.not_measured),
            ("How it is measured", self.method),
        )
        lines = [
            "# Performance",
            "",
            "<!-- Written by `make bench`; changes by hand are lost. -->",
            "",
            f"Measured on {datetime.datetime.now(datetime.UTC):%Y-%m-%d} on {machine()}.",
            f"The reference is {self.reference}"
            + (
                ", built from its own source and not part of this repository."
                if self.original
                else ": `bench/reference/main.go`, the same work with the current AWS SDK for Go"
                " and without the original's options."
            ),
            "Times are medians (minimum to maximum) of"
            f" {self.rounds} rounds, each in a random order; ratios are computed within a"
            " round.",
            "Other work shared the machine: the load average was"
            f" {self.load:.1f} before and {os.getloadavg()[0]:.1f} at the end, of which the"
            " run itself causes 1 to 2.",
            "",
        ]
        for title, section in sections:
            if text := section():
                lines += [f"## {title}", "", *text]
        return "\n".join(lines).rstrip("\n") + "\n"

    def name(self, one: Subject) -> str:
        """Return what a subject is called outside of the tables of cases."""
        names = {"plain": "aws-role-exec, plain", THEIRS: f"{self.reference}, plain"}
        return names.get(one.key, one.title)

    def ratio(self, key: str, other: str, series: str) -> str:
        """Return a cell: how many times the other's figure."""
        values = [getattr(self.results.get(k, Measured()), series) for k in (key, other)]
        return ratios(*values).text(2) if all(values) else "–"

    def cell(self, key: str, series: str, digits: int = 1) -> str:
        """Return a cell: milliseconds."""
        values = getattr(self.results.get(key, Measured()), series)
        return spread(values).text(digits, 1000) if values else "–"

    def measured(self) -> list[Case]:
        """Return the cases, those first that compare worst with the reference."""
        known = [case for case in cases() if case.key in self.results]
        return sorted(known, key=lambda case: -(self.times(case) or 0.0))

    def times(self, case: Case) -> float | None:
        """Return a case's wall time in the reference's, None if that has no such thing."""
        theirs = self.results.get(case.key + REFERENCE)
        return ratios(self.results[case.key].wall, theirs.wall).median if theirs else None

    def slower(self) -> list[str]:
        lines = []
        for case in self.measured():
            times = self.times(case)
            if times is not None and times > 1:
                walls = (
                    statistics.median(self.results[key].wall) * 1000
                    for key in (case.key, case.key + REFERENCE)
                )
                ours, theirs = walls
                lines.append(
                    f"* {case.title}: {times:.2f} times the reference's wall time,"
                    f" {ours:.1f} against {theirs:.1f} ms"
                )
        lines = lines or ["* in no case"]
        missed = [one for one in self.bounds if one.holds is False]
        if missed:
            lines += ["", "Bounds that are not met:", ""]
            lines += [
                f"* {one.case}: {one.bound}: {one.found}"
                + (f"; {REASONS[one.case]}" if one.case in REASONS else "")
                for one in missed
            ]
        exempt = [one for one in self.bounds if one.bound.startswith("none: ")]
        if exempt:
            lines += ["", "No bound on CPU time:", ""]
            lines += [
                f"* {one.case}: {one.found} × plain: {one.bound.removeprefix('none: ')}"
                for one in exempt
            ]
        return [*lines, ""]

    def required(self) -> list[str]:
        state = {True: "yes", False: "**no**", None: "–"}
        rows = [(one.case, one.bound, one.found, state[one.holds]) for one in self.bounds]
        return table(("case", "bound", "measured", "holds"), rows)

    def every_case(self) -> list[str]:
        rows = []
        for case in self.measured():
            theirs = case.key + REFERENCE
            peak = self.results[case.key].peak
            their_peak = self.results[theirs].peak if theirs in self.results else 0
            rows.append(
                (
                    case.title,
                    str(case.calls),
                    self.cell(case.key, "wall"),
                    self.cell(theirs, "wall"),
                    self.ratio(case.key, theirs, "wall"),
                    self.cell(case.key, "cpu"),
                    self.cell(theirs, "cpu"),
                    self.ratio(case.key, "plain", "cpu"),
                    f"{peak / 1024:.1f}",
                    f"{their_peak / 1024:.1f}" if their_peak else "–",
                )
            )
        head = (
            *("case", "calls", "wall, ms", "reference's", "× reference"),
            *("CPU, ms", "reference's", "× plain", "peak, MiB", "reference's"),
        )
        return [
            "![Wall time of every case](performance.svg)",
            "",
            *table(head, rows),
            "Calls are those to STS and to the SSO portal, counted by the server (without"
            " GetCallerIdentity).",
            "A run that is throttled once makes two calls.",
            "If the reference lacks an option, it is measured without it.",
            "For two roles, the reference runs itself again as its command.",
            "Throttled once: the wait before the retry is subtracted from the wall time, but"
            " never to below the CPU time.",
            "",
        ]

    def steps(self) -> list[str]:
        rows = []
        known = [step for step in STEPS if {step[1], step[2] or step[1]} <= self.results.keys()]
        if len(known) < len(STEPS):
            return []
        for text, key, without in known:
            cells = []
            for series in ("wall", "cpu"):
                values = getattr(self.results[key], series)
                if without:
                    before = getattr(self.results[without], series)
                    values = [a - b for a, b in zip(values, before, strict=True)]
                cells.append(spread(values).text(1, 1000))
            rows.append((text, *cells))
        rows.append(("together", self.cell("plain", "wall"), self.cell("plain", "cpu")))
        lines = table(("part", "wall, ms", "CPU, ms"), rows)
        theirs = [
            (title, self.cell(key + REFERENCE, "wall"), self.cell(key + REFERENCE, "cpu"))
            for title, key in (
                ("`--dry-run`", "dry_run"),
                ("one certificate", "one"),
                ("Debian's trust store", "plain"),
            )
            if key + REFERENCE in self.results
        ]
        return [
            *lines,
            "The reference's:",
            "",
            *table(("whole run", "wall, ms", "CPU, ms"), theirs),
        ]

    def far(self) -> list[str]:
        keys = [one for one in self.subjects if self.results[one.key].far]
        ours = [one for one in keys if not one.is_reference]
        rows = []
        for one in sorted(ours, key=lambda one: -statistics.median(self.results[one.key].far)):
            theirs = one.key + REFERENCE if one.key + REFERENCE in self.results else THEIRS
            mark = "" if theirs.startswith(one.key) else " (of plain)"
            cells = (self.cell(one.key, "far", 0), self.cell(theirs, "far", 0) + mark)
            rows.append((one.title, *cells, self.ratio(one.key, theirs, "far")))
        if not rows:
            return []
        return [
            "Every IP packet takes 40 ms, including acknowledgments, between two ends of the"
            " kernel's own TCP.",
            "",
            *table(("", "wall, ms", "reference's", "× reference"), rows),
        ]

    def crowd(self) -> list[str]:
        keys = [one for one in self.subjects if self.results[one.key].crowd]
        rows = [
            (
                self.name(one),
                self.cell(one.key, "crowd", 0),
                self.ratio(one.key, THEIRS, "crowd"),
                str(self.results[one.key].crowd_failures),
            )
            for one in sorted(keys, key=lambda one: -statistics.median(self.results[one.key].crowd))
        ]
        if not rows:
            return []
        head = ("", "until the last one ended, ms", "× reference, plain", "failed")
        return table(head, rows)

    def cold(self) -> list[str]:
        rows = []
        for one in self.subjects:
            result = self.results[one.key]
            if result.cold_pages:
                pages = spread(result.cold_pages)
                rows.append(
                    (
                        self.name(one),
                        f"{result.pages * cold.PAGE / MIB:.1f}",
                        pages.text(1, cold.PAGE / MIB),
                        f"{pages.median / result.pages:.0%}",
                        spread(result.cold_bytes).text(1, 1 / MIB),
                        self.cell(one.key, "cold_wall"),
                    )
                )
        if not rows:
            return []
        head = ("", "size, MiB", "read of it, MiB", "part", "read from disk, MiB", "wall, ms")
        return [
            "Before each start, nothing of the executable is in memory; what was read of it"
            " is what is in memory afterwards, including the kernel's read-ahead.",
            "",
            *table(head, rows),
        ]

    def others(self) -> list[str]:
        keys = {case.key for case in cases()} - {"plain"}
        those = [
            one
            for one in self.subjects
            if one.key not in keys and (not one.is_reference or one.key == THEIRS)
        ]
        rows = []
        for one in sorted(those, key=lambda one: -spread(self.results[one.key].wall).median):
            result = self.results[one.key]
            disk, packed = self.sizes.get(one.key, (0, 0))
            rows.append(
                (
                    self.name(one),
                    self.cell(one.key, "wall"),
                    self.ratio(one.key, THEIRS, "wall"),
                    self.cell(one.key, "cpu"),
                    f"{result.peak / 1024:.1f}",
                    str(result.system_calls or "–"),
                    f"{disk / MIB:.1f}" if disk else "–",
                    f"{packed / MIB:.1f}" if packed else "–",
                )
            )
        head = (
            *("", "wall, ms", "× reference", "CPU, ms", "peak, MiB"),
            *("system calls", "size, MiB", "as .tar.gz, MiB"),
        )
        return [
            *table(head, rows),
            "AWS CLI and awsume print credentials; the others run `/bin/true`.",
            "Sizes do not include the interpreter: for pip, they are everything in"
            " `site-packages` except pip; for Debian, the package without its dependencies.",
            "",
        ]

    def not_measured(self) -> list[str]:
        lines = [f"* {name}: {why}" for name, why in self.absent.items()]
        return [*lines, ""] if lines else []

    def method(self) -> list[str]:
        return [
            "Every program calls a stub of STS on the same machine, over TLS, and verifies"
            " its certificate with the system's default trust store.",
            "The stub sends no session tickets, so that the times include a client's wait for"
            " an acknowledgment before it sends its request.",
            "The stub runs on the same processors, so every wall time includes its work.",
            "Go reads the whole trust store at each start;"
            " with one certificate, SSL_CERT_FILE and SSL_CERT_DIR are set for both programs.",
            "CPU time is the user and system time of the process and of the child processes"
            " that it waited for.",
            "Memory is the highest peak of all rounds, before execve.",
            "`make bench ORIGINAL=/path` compares with the Go original, `make bench` with a"
            " stand-in; see bench/README.md.",
            "",
        ]

    def plot(self) -> str:
        """Return the wall times of every case as bars."""
        rows = [
            (
                case.title,
                spread(self.results[case.key].wall).median * 1000,
                spread(self.results[case.key + REFERENCE].wall).median * 1000
                if case.key + REFERENCE in self.results
                else None,
            )
            for case in self.measured()
        ]
        title = f"Wall time, ms, median of {self.rounds} rounds"
        return chart.draw(title, ("aws-role-exec", self.reference.removeprefix("the ")), rows)


def machine() -> str:
    """Say what kind of machine this is."""
    model = "an unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = " ".join(line.partition(":")[2].split())
                break
    virtual = "a virtual machine with " if os.path.exists("/sys/hypervisor") else ""
    release = ".".join(platform.release().split(".")[:2])
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return f"{virtual}{os.cpu_count()} × {model}, Linux {release}, {system}"
