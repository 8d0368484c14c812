"""Every system call of a run is made to fail, one by one, in each way that it can (strace(1)).

The idea is that of curl's torture tests. A run is traced first; then, for each call that it makes
and each error that the call knows (`faults`), it is made again, and that one call fails. Whatever
fails, the run ends with an exit status of the table in one line, or with the result, whole; nothing
is left, lost or told.

`make torture` does all of it, with and without the start of the interpreter; the tests take a few
cases of each kind, chosen by a seed.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hostile.faults import CANNOT_FAIL, ERRORS
from hostile.scenes import Run, Scene, Stage

_CALL = re.compile(r"^(\d+) +(\w+)\(")
_AT_ONCE = 4  # runs: some wait between attempts


@dataclass(frozen=True)
class Case:
    """One call of a scene, counted among those of its name in its process, and how it fails."""

    scene: Scene
    call: str
    number: int
    error: str

    @property
    def injection(self) -> str:
        return f"{self.call}:error={self.error}:when={self.number}"

    def __str__(self) -> str:
        return f"{self.scene.name}: {self.injection}"


def calls(trace: Iterable[str]) -> Iterator[tuple[int, str, int]]:
    """Yield each call of the program: whose (0: its own, 1...: a helper's), its name, its number.

    Not those of the command, which begin with the second execve of the first process; nor the
    first execve, which is the program's start.
    """
    processes: dict[str, int] = {}
    counted: Counter[tuple[str, str]] = Counter()
    execs = 0
    ended = False
    for line in trace:
        found = _CALL.match(line)
        if not found:
            continue
        process, call = found.groups()
        which = processes.setdefault(process, len(processes))
        counted[process, call] += 1
        if which == 0 and call == "execve":
            execs += 1
            if execs == 1:  # strace's own, which it does not count
                counted[process, call] = 0
                continue
        if which == 0 and ended:
            continue
        yield which, call, counted[process, call]
        ended = ended or (which == 0 and execs == 2)


def cases(scene: Scene, trace: Iterable[str]) -> list[Case]:
    """Return every case of a scene, in the order of its calls.

    A call that strace fails is not carried out, which close(2) always is: what waits for the end of
    a pipe would wait for ever, as it does on no system.
    """
    left_out = CANNOT_FAIL | ({"close"} if "--renew" in scene.arguments else set())
    found: dict[tuple[str, int], None] = {}
    for _, call, number in calls(trace):
        if call not in left_out:
            assert call in ERRORS, f"a system call that no table knows: {call}"
            found[call, number] = None
    return [
        Case(scene, call, number, error) for call, number in found for error in ERRORS[call].split()
    ]


def choose(all_cases: list[Case], count: int, seed: int) -> list[Case]:
    """Return so many of the cases, each kind of call and error before any comes twice.

    Memory is asked for everywhere, so `mmap` would else be most of them.
    """
    chance = random.Random(seed)
    shuffled = chance.sample(all_cases, len(all_cases))
    seen: Counter[tuple[str, str]] = Counter()
    order = []
    for case in shuffled:
        seen[case.call, case.error] += 1
        order.append((seen[case.call, case.error], case))
    order.sort(key=lambda pair: pair[0])
    return [case for _, case in order[:count]]


@dataclass
class Report:
    """What came of the cases."""

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By scene, call and outcome."""
    wrong: list[str] = field(default_factory=list)

    def add(self, case: Case, run: Run) -> None:
        outcome = run.outcome if run.was_hit else "not reached"
        self.outcomes[case.scene.name, case.call, outcome] += 1
        if run.wrong:
            said = run.stderr.decode(errors="replace").strip()
            self.wrong.append(f"{case}: {'; '.join(run.wrong)} [{run.outcome}: {said}]")


def torture(stage: Stage, chosen: Iterable[Case]) -> Report:
    """Run the cases and report."""
    report = Report()

    def one(case: Case) -> tuple[Case, Run]:
        return case, stage.hit(case.scene, case.injection)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for case, run in pool.map(one, chosen):
            report.add(case, run)
    return report
