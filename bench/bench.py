"""`make bench`: a run of aws-role-exec and its peers, all in one run, interleaved.

In mount and network namespaces of its own AWS's names lead to a stub of STS, whose throw-away
certificate authority is in the system's trust store: every tool runs with its ordinary settings,
over TLS, and verifies. Needs Linux and root. bench/README.md says how to run it and what it does,
docs/performance.md what came of it.
"""

import argparse
import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cold
import figures
import page
import subjects
from subjects import REFERENCE, Subject
from surroundings import FAR, World, world

CROWD = 200
CROWDS = ("plain", "plain" + REFERENCE, "config", "config" + REFERENCE, "pip", "vault")
COLD = ("plain", "plain" + REFERENCE)


def main() -> None:
    """Prepare outside of the namespaces, measure inside, write the page outside again."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = subjects.ROOT / "dist" / "linux_amd64" / "aws-role-exec"
    parser.add_argument("--program", default=str(default), help="the static executable")
    parser.add_argument("--original", default="", help="the Go original; else the stand-in")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--few", action="store_true", help="our plain case and /bin/true only")
    parser.add_argument("--without-peers", action="store_true", help="the cases only")
    parser.add_argument("--without-crowd", action="store_true", help="not 200 at once")
    parser.add_argument("--page", type=Path, help="write the page and the plot beside it")
    parser.add_argument("--results", type=Path, help="write what was measured as JSON")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        measure_all(arguments.inside)
        return
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.exit("bench: needs Linux and root, for mount and network namespaces")
    for program in filter(None, (arguments.program, arguments.original)):
        if not os.access(program, os.X_OK):
            sys.exit(f"bench: {program} is not a program")
    wanted = subjects.Wanted(
        os.path.abspath(arguments.program),
        os.path.abspath(arguments.original) if arguments.original else None,
        arguments.few,
        not arguments.without_peers,
    )
    with tempfile.TemporaryDirectory(prefix="aws-role-exec-bench-") as scratch:
        place = Path(scratch)
        found, absent = subjects.collect(wanted)
        subjects.write_homes(place / "homes", found)
        for name in ("measure", "roundtrip"):
            source = str(subjects.HERE / f"{name}.c")
            subjects.output([subjects.compiler(), "-O2", "-o", str(place / name), source])
        check_peak(place)
        fewer = 0 if arguments.few else max(1, arguments.rounds // 2)
        crowds = 0 if arguments.without_crowd else -(-fewer // 3)
        plan: dict[str, Any] = {"rounds": arguments.rounds, "fewer": fewer, "crowds": crowds}
        plan["subjects"] = [vars(subject) for subject in found]
        (place / "plan.json").write_text(json.dumps(plan))
        load_before = os.getloadavg()[0]
        namespaces = ["unshare", "--mount", "--net", "--"]
        again = [sys.executable, __file__, "--inside", scratch]
        if subprocess.run([*namespaces, *again], check=False).returncode:
            sys.exit("bench: the measurement failed")
        told = json.loads((place / "results.json").read_text())
        results = {key: figures.Measured(**value) for key, value in told.items()}
        sizes = {one.key: subjects.sizes(one.files) for one in found if one.files}
    if arguments.results:
        arguments.results.write_text(json.dumps(told))
    bounds = figures.bounds(results, "the original" if wanted.original else "the stand-in")
    run = page.Run(
        found, absent, results, sizes, bounds, arguments.rounds, load_before, wanted.original
    )
    if arguments.page:
        arguments.page.write_text(run.markdown())
        arguments.page.with_suffix(".svg").write_text(run.plot())
    print(run.markdown())
    for one in bounds:
        print(f"{one.state}: {one.case}: {one.bound}: {one.found}")


@dataclass(frozen=True)
class Took:
    """What a run took: seconds, KiB at the peak, and how it ended."""

    wall: float
    cpu: float
    peak: int
    bytes_read: int
    waits_for_disk: int
    status: int
    errors: str


def run(place: Path, command: list[str], variables: dict[str, str], home: Path) -> Took:
    """Run a command in an environment of its own, and measure it."""
    command = [subjects.put_home(word, home) for word in command]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    environment |= {name: subjects.put_home(text, home) for name, text in variables.items()}
    reading, writing = os.pipe()
    with (place / "stderr").open("wb") as errors:
        child = subprocess.Popen(
            [str(place / "measure"), str(writing), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=(writing,),
        )
    os.close(writing)
    with os.fdopen(reading) as report:
        wall, user, system, peak, blocks, faults, status = map(int, report.read().split())
    child.wait()
    said = (place / "stderr").read_text(errors="replace")[-1000:]
    return Took(wall / 1e6, (user + system) / 1e6, peak, blocks * 512, faults, status, said)


def check_peak(place: Path) -> None:
    """See that peak memory includes what a program used before it became another one."""
    code = "import os; x = bytearray(b'x') * (64 << 20); os.execv('/bin/true', ['true'])"
    peak = run(place, [sys.executable, "-c", code], {}, place).peak
    if peak < 64 << 10 or run(place, ["/bin/true"], {}, place).peak > 8 << 10:
        sys.exit("bench: this kernel does not tell peak memory across execve")


class UnexpectedError(Exception):
    """A subject did something else than what it is measured for."""


@dataclass(frozen=True)
class Bench:
    """Measures in a world."""

    place: Path
    here: World

    def home(self, one: Subject) -> Path:
        """Return a subject's home directory."""
        return self.place / "homes" / one.home

    def measure(self, one: Subject, program: list[str] | None = None) -> Took:
        """Measure one run, its waiting for STS to be less busy taken out of its wall time.

        The server sees when a client was throttled and when it asked again; what it worked in
        between is kept by never taking wall time below CPU time.

        Raises UnexpectedError if it ends otherwise than it should, or makes more calls or fewer.
        """
        home, calls, waited = self.home(one), self.here.calls, self.here.waited_seconds
        if one.writes:
            (home / "written").unlink(missing_ok=True)
        took = run(self.place, program or one.command, one.variables, home)
        asked, waited = self.here.calls - calls, self.here.waited_seconds - waited
        if took.status != one.status:
            raise UnexpectedError(f"{one.title}: status {took.status}: {took.errors}")
        if asked != one.calls:
            raise UnexpectedError(f"{one.title}: {asked} calls, not {one.calls}")
        wall = max(took.wall - waited, took.cpu) if waited else took.wall
        return dataclasses.replace(took, wall=wall)

    def system_calls(self, one: Subject) -> int:
        """Count the system calls of a run, of all its processes; 0 if strace is not there."""
        strace = shutil.which("strace")
        if strace is None:
            return 0
        counts = self.place / "strace"
        self.measure(one, [strace, "-f", "-c", "-o", str(counts), *one.command])
        (total,) = (line for line in counts.read_text().splitlines() if line.endswith(" total"))
        return int(total.split()[3])

    def crowd(self, one: Subject) -> tuple[float, int]:
        """Start many at once; return when all were done, and how many of them failed."""
        home, calls = self.home(one), self.here.calls
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
        environment |= {k: subjects.put_home(text, home) for k, text in one.variables.items()}
        nothing = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
        began = time.monotonic()
        started = [
            os.posix_spawn(one.command[0], one.command, environment, file_actions=nothing)
            for _ in range(CROWD)
        ]
        failed = sum(os.waitpid(process, 0)[1] != 0 for process in started)
        took = time.monotonic() - began
        return took, max(failed, CROWD - (self.here.calls - calls))

    def cold(self, one: Subject, result: figures.Measured, directory: Path) -> None:
        """Start a copy of which nothing is in memory; the directory is on a disk."""
        with cold.copy(one.command[0], directory) as program:
            cold.forget(program)
            took = self.measure(one, [str(program), *one.command[1:]])
            result.cold_wall.append(took.wall)
            result.cold_bytes.append(took.bytes_read)
            result.cold_pages.append(cold.pages_in_memory(program))
            result.pages = -(-program.stat().st_size // cold.PAGE)


def measure_all(place: Path) -> None:
    """Measure in the namespaces, and leave the results in a file."""
    plan = json.loads((place / "plan.json").read_text())
    found = [Subject(**one) for one in plan["subjects"]]
    results = {one.key: figures.Measured(calls=one.calls) for one in found}
    with world(place) as here:
        bench = Bench(place, here)
        problems = []
        for one in found:  # warm-up; and is it what it claims to be?
            try:
                bench.measure(one)
                if not one.is_reference:
                    results[one.key].system_calls = bench.system_calls(one)
            except UnexpectedError as problem:
                problems.append(str(problem))
        if problems:
            sys.exit("bench: " + "\nbench: ".join(problems))

        def rounds(number: int, series: str, these: list[Subject]) -> None:
            for turn in range(number):
                print(f"bench: {series} {turn + 1}/{number}", file=sys.stderr, flush=True)
                for one in random.sample(these, len(these)):
                    took = bench.measure(one)
                    result = results[one.key]
                    getattr(result, series).append(took.wall)
                    if series == "wall":
                        result.cpu.append(took.cpu)
                        result.peak = max(result.peak, took.peak)

        rounds(plan["rounds"], "wall", found)
        for turn in range(plan["crowds"]):
            print(f"bench: {CROWD} at once {turn + 1}", file=sys.stderr, flush=True)
            crowds = [one for one in found if one.key in CROWDS]
            for one in random.sample(crowds, len(crowds)):
                wall, failed = bench.crowd(one)
                results[one.key].crowd.append(wall)
                results[one.key].crowd_failures += failed
        with cold.disk(place) as disk:
            for _ in range(plan["fewer"]):
                for one in found:
                    if one.key in COLD:
                        bench.cold(one, results[one.key], disk)
        here.lead_to(FAR)
        rounds(plan["fewer"], "far", [one for one in found if one.distant and one.calls])
    (place / "results.json").write_text(
        json.dumps({key: vars(value) for key, value in results.items()})
    )


if __name__ == "__main__":
    main()
