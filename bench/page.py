"""docs/performance.md and its plot, out of what was measured."""

import datetime
import os
import platform
from dataclasses import dataclass
from html import escape

from figures import Measured, Requirement, ratios, spread
from subjects import Subject

MIB = 1 << 20


@dataclass
class Run:
    """One run of `make bench`."""

    subjects: list[Subject]
    absent: dict[str, str]
    results: dict[str, Measured]
    sizes: dict[str, tuple[int, int]]
    required: list[Requirement]
    rounds: int
    load: float

    def ordered(self) -> list[Subject]:
        """Return the subjects, fastest first."""
        return sorted(self.subjects, key=lambda one: spread(self.results[one.key].wall).median)

    def ratio(self, key: str, series: str) -> str:
        """Return a cell: how many times the reference's wall time."""
        values = getattr(self.results[key], series)
        reference = self.results.get("reference")
        if reference is None or not values:
            return "–"
        return ratios(values, getattr(reference, series)).text(2)

    def markdown(self) -> str:
        """Return the page."""
        names = {one.key: one.title for one in self.subjects}
        lines = [
            "# Performance",
            "",
            "<!-- Written by `make bench`; changes by hand are lost. -->",
            "",
            f"Measured on {datetime.datetime.now(datetime.UTC):%Y-%m-%d} on {machine()}.",
            "The machine was shared with other work:"
            f" its load average was {self.load:.1f} before and"
            f" {os.getloadavg()[0]:.1f} at the end, of which 1 to 2 are the run's own.",
            "Ratios are taken within a round, so they suffer less from that than times do.",
            "",
            "Every program assumes one role at a stub of STS on loopback over TLS, verifies its"
            " certificate, and becomes `/bin/true`;",
            "AWS CLI and awsume print credentials instead.",
            "The stub runs on the same processors and its work is in the wall time of all.",
            f"{self.rounds} rounds, each in an order of its own; medians (least to most).",
            "Memory is the highest peak of all rounds, before the program became another.",
            "All verify against the system's authorities as a user has them.",
            "Go reads all of those at each start, which is half of its time:",
            "with `SSL_CERT_FILE` naming a file of one certificate, the ratios to it are twice"
            " these.",
            "",
        ]
        if "Go original" not in names.get("reference", "Go original"):
            lines += [
                "**The Go original could not be built here"
                f" ({self.absent.get('the Go original')}).**",
                "Its place is taken by a stand-in of ours, `bench/reference/main.go`: the same work"
                " with the current AWS SDK for Go and without the original's options.",
                "All that is said of the reference below is said of this stand-in.",
                "",
            ]
        lines += [
            "![Wall time of a whole run](performance.svg)",
            "",
            "## A whole run",
            "",
            "| | wall, ms | × reference | CPU, ms | peak MiB | system calls | size, MiB"
            " | as .tar.gz, MiB |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for one in self.ordered():
            result = self.results[one.key]
            disk, packed = self.sizes.get(one.key, (0, 0))
            cells = [
                one.title,
                spread(result.wall).text(1, 1000),
                self.ratio(one.key, "wall"),
                spread(result.cpu).text(1, 1000),
                f"{result.peak / 1024:.1f}",
                f"{result.system_calls}" if result.system_calls else "–",
                f"{disk / MIB:.1f}" if disk else "–",
                f"{packed / MIB:.1f}" if packed else "–",
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines += [
            "",
            "Sizes are of what is installed beside an interpreter that is there already:"
            " for pip everything in `site-packages` but pip,"
            " for Debian the package without those it depends on.",
            "",
        ]
        if any(result.delayed for result in self.results.values()):
            lines += self.table(
                "With 80 ms added to each round trip",
                "A relay in front of the stub delivers every byte 40 ms later, both ways,"
                " and the first one a further 80 ms later for TCP's own handshake.",
                "delayed",
            )
        if any(result.crowd for result in self.results.values()):
            lines += self.table(
                "200 starts at once",
                "Until the last one was done. Failed: "
                + ", ".join(
                    f"{names[key]} {result.crowd_failures}"
                    for key, result in self.results.items()
                    if result.crowd
                )
                + ".",
                "crowd",
            )
        if self.absent:
            lines += ["## Not measured", ""]
            lines += [f"* {name}: {why}" for name, why in self.absent.items()]
            lines.append("")
        lines += ["## What is required", "", "| requirement | found | |", "|---|---|---|"]
        for required in self.required:
            state = {True: "holds", False: "**does not hold**", None: "–"}[required.holds]
            lines.append(f"| {required.text} | {required.found} | {state} |")
        return "\n".join(lines) + "\n"

    def table(self, title: str, text: str, series: str) -> list[str]:
        """Return the lines of a section of one series."""
        lines = [f"## {title}", "", text, "", "| | wall, ms | × reference |", "|---|---|---|"]
        for one in self.ordered():
            values = getattr(self.results[one.key], series)
            if values and (one.asks or series != "delayed"):
                cells = (one.title, spread(values).text(0, 1000), self.ratio(one.key, series))
                lines.append(f"| {' | '.join(cells)} |")
        return [*lines, ""]

    def plot(self) -> str:
        """Return the wall times as bars."""
        rows = self.ordered()
        most = max(spread(self.results[one.key].wall).median for one in rows)
        height, left, width = 24, 290, 460
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 110}"'
            f' height="{len(rows) * height + 50}" font-family="sans-serif" font-size="13">',
            '<rect width="100%" height="100%" fill="white"/>',
            '<text x="10" y="20">Wall time of a whole run, median of'
            f" {self.rounds} rounds, ms</text>",
        ]
        for number, one in enumerate(rows):
            y = 34 + number * height
            value = spread(self.results[one.key].wall).median
            colour = "#c60" if one.title.startswith("aws-role-exec") else "#789"
            length = max(1.0, value / most * width)
            title = escape(one.title.replace("`", ""))
            lines += [
                f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{title}</text>',
                f'<rect x="{left}" y="{y}" width="{length:.1f}" height="18" fill="{colour}"/>',
                f'<text x="{left + length + 6:.1f}" y="{y + 14}">{value * 1000:.1f}</text>',
            ]
        return "\n".join([*lines, "</svg>"]) + "\n"


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
