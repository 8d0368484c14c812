"""Every fault that there is, one by one, and the page that tells what came of them.

Exit status 1 when anything was wrong; the page is written in any case. It takes half an hour on two
cores, and should have the machine for itself: the deadlines are held to the clock here.
"""

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hostile import deadlines
from hostile.scenes import SCENES, Scene, Stage
from hostile.stalls import STALLS
from hostile.torture import Report, calls, cases, torture
from servers.certificates import Authority
from servers.sts import Sts

SIGNALS = ("TERM", "INT", "HUP", "QUIT")
HEAD = """\
# What happens when things fail

`make torture` makes every system call of every kind of run fail, in each way that the kernel's manual knows, ends runs by signals at every call, and lets them meet servers, proxies, helper programs and files that stall or never end.
This page is written by it.
`make test` tries a few of each.

Of each run is held: an exit status of [the table](errors.md); one error line and perhaps a hint, or nothing said and the result whole; no traceback; no part of a file and nothing left beside it; what was the caller's as it was; no secret anywhere but where it was asked for; no process left.

"""


def main() -> None:
    """Run everything, write the page and tell what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="of the cases, take every N-th")
    given = parser.parse_args()
    for name in list(os.environ):  # nothing of the caller's may reach the servers
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    strace = shutil.which("strace")
    assert strace, "strace is not installed"
    root = Path(tempfile.mkdtemp(prefix="torture-"))
    try:
        with Sts() as sts:
            stage = Stage([str(given.program.absolute())], sts, root, strace)
            faults = _all_faults(stage, given.every)
            ended = _all_signals(stage, given.every)
        stalls = list(_all_stalls(stage.program, root, strace))
    finally:
        shutil.rmtree(root)
    given.page.write_text(HEAD + "\n".join([*_page_of_faults(faults), *_page_of_signals(ended)]))
    with given.page.open("a") as page:
        page.write("\n".join(_page_of_stalls(stalls)) + "\n")
    wrong = [*faults.wrong, *ended.wrong, *_late(stalls)]
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))


def _all_faults(stage: Stage, every: int) -> Report:
    report = Report()
    for scene in SCENES:
        chosen = cases(scene, stage.trace(scene))[::every]
        found = torture(stage, chosen)
        print(f"{scene.name}: {len(chosen)} cases, {len(found.wrong)} wrong", flush=True)
        report.outcomes.update(found.outcomes)
        report.wrong += found.wrong
    return report


def _all_signals(stage: Stage, every: int) -> Report:
    report = Report()
    for scene in SCENES:
        found = list(dict.fromkeys((call, n) for _, call, n in calls(stage.trace(scene))))
        points = [
            (SIGNALS[place % len(SIGNALS)], call, n)
            for place, (call, n) in enumerate(found[::every])
        ]

        def one(point: tuple[str, str, int], scene: Scene = scene) -> None:
            name, call, number = point
            run = stage.hit(scene, f"{call}:signal={name}:when={number}")
            outcome = run.outcome if run.was_hit else "not reached"
            report.outcomes[scene.name, name, outcome] += 1
            own = (-signal.Signals[f"SIG{name}"], 0, 125)
            for what in (*run.wrong, *([] if run.code in own else [f"status {run.code}"])):
                report.wrong.append(f"{scene.name}: SIG{name} at {call} {number}: {what}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(one, points))
        print(f"{scene.name}: {len(points)} signals", flush=True)
    return report


_ATTEMPTS = 3  # another program may have had the processor just then; nothing ends too early by it
Met = tuple[deadlines.Stall, deadlines.Ended]


def _all_stalls(program: list[str], root: Path, strace: str) -> Iterator[Met]:
    (root / "authority").mkdir()
    authority = Authority(root / "authority")
    for number, stall in enumerate(STALLS):
        for attempt in range(_ATTEMPTS):
            directory = root / f"stall-{number}-{attempt}"
            directory.mkdir()
            ended = deadlines.meet(stall, program, directory, authority, strace)
            if deadlines.late_by(stall, ended) <= 0:
                break
        print(f"{stall.name}: {ended.took:.2f}s", flush=True)
        yield stall, ended


def _late(stalls: Iterable[Met]) -> Iterator[str]:
    for stall, ended in stalls:
        for what in deadlines.wrong(stall, ended):
            yield f"{stall.name}: {what}"
        if deadlines.late_by(stall, ended) > 0:
            yield f"{stall.name}: took {ended.took:.3f}s"


def _page_of_faults(report: Report) -> Iterator[str]:
    total = sum(report.outcomes.values())
    yield "## System calls that fail"
    yield ""
    yield f"{total} cases, {len(report.wrong)} of them wrong."
    yield "`done`: the run got over it; `not reached`: the run took another way that time."
    yield ""
    yield from _table(report, 0, "run")
    yield ""
    yield from _table(report, 1, "system call")
    yield ""


def _page_of_signals(report: Report) -> Iterator[str]:
    total = sum(report.outcomes.values())
    yield "## Signals at each system call"
    yield ""
    yield f"{total} runs, {len(report.wrong)} of them wrong."
    yield f"{', '.join(SIGNALS)} in turn, one at each call of each kind of run."
    yield "A signal ends the run as it ends any program; `done` are those that came to the command's"
    yield "helper or too late, 125 those that ended the helper of `--renew` before the command began."
    yield ""
    yield from _table(report, 0, "run")
    yield ""


def _table(report: Report, column: int, title: str) -> Iterator[str]:
    rows: dict[str, Counter[str]] = {}
    for key, count in report.outcomes.items():
        rows.setdefault(key[column], Counter())[key[2]] += count
    if column:
        rows = dict(sorted(rows.items()))
    outcomes = sorted({key[2] for key in report.outcomes})
    yield f"| {title} | {' | '.join(outcomes)} |"
    yield f"|---|{'---:|' * len(outcomes)}"
    for name, counts in rows.items():
        yield f"| {name} | {' | '.join(str(counts[one] or '') for one in outcomes)} |"


def _page_of_stalls(stalls: Iterable[Met]) -> Iterator[str]:
    met = list(stalls)
    late = sum(deadlines.late_by(stall, ended) > 0 for stall, ended in met)
    yield "## What stalls or never ends"
    yield ""
    yield f"{len(met)} kinds, with `--sts-timeout 1s`; {late} ended later than 10% after the deadline."
    yield "The clock is that of the best of three runs, as other programs may have the processor meanwhile."
    yield "Seconds are from the setting of the alarm, or of the whole run where nothing is waited for."
    yield "5 s are for the writer of a pipe, and for a scheduler's tool: neither is the network."
    yield ""
    yield "| what | asked | took | exit status | what is said |"
    yield "|---|---:|---:|---:|---|"
    for stall, ended in met:
        asked = "at once" if stall.deadline_seconds is None else f"{stall.deadline_seconds:g}"
        said = ended.line.removeprefix("aws-role-exec: ") or "-"
        said = _plain(said)
        yield f"| {stall.name} | {asked} | {ended.took:.3f} | {ended.code} | {said} |"


def _plain(line: str) -> str:
    """Return a line without what differs from run to run: ports and directories."""
    line = re.sub(r"(localhost|127\.0\.0\.1):\d+", r"\1", line)
    return re.sub(r"/\S*/torture-\S*/", "", line).replace("|", "\\|")


if __name__ == "__main__":
    main()
