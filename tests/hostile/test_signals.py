"""A signal at any system call of a run ends it as it ends any program, and leaves nothing behind.

The signal comes at a call that is chosen by its number (strace(1)), so the same point is met on
every machine. TORTURE_SEED chooses others, TORTURE_CASES how many; `make torture` takes all.
"""

import random
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostile.amount import CASES, SEED
from hostile.scenes import SCENES, Run, Scene, Stage
from hostile.torture import calls
from runner import ROLE, Runner, wait_for
from servers import sts as behave
from servers.sts import Sts

POINTS = CASES // 5
SIGNALS = ("TERM", "INT", "HUP", "QUIT")
BY_NAME = {scene.name: scene for scene in SCENES}
CHOSEN = [
    (which, BY_NAME[name])
    for which, names in (
        (
            "executable",
            ("a command", "a command under --renew", "a file in the place of one", "a FIFO"),
        ),
        ("package", ("a command", "a file in the place of one")),
    )
    for name in names
]
# Where the program as a package has just taken Python's signals over (handover/signals.py).
TAKEN_OVER = re.compile(r"rt_sigaction\(SIGXFSZ, \{sa_handler=SIG_IGN")


def points(trace: list[str], number: int, chance: random.Random) -> list[tuple[str, int]]:
    """Return calls, each with its number among those of its name, from the start of ours on."""
    begin = 0
    for index, line in enumerate(trace):
        if TAKEN_OVER.search(line):
            begin = index
    before = len(list(calls(trace[:begin])))
    found = [(call, count) for _, call, count in list(calls(trace))[before:]]
    return chance.sample(found, min(number, len(found)))


@pytest.mark.parametrize(("which", "scene"), CHOSEN, ids=lambda each: getattr(each, "name", each))
def test_it_ends_the_run_and_nothing_is_left(
    stage: Stage, installed: list[str], which: str, scene: Scene
) -> None:
    """Silently; a file is the old one or whole, a command did not start or has the role."""
    if which == "package":
        stage.program = installed
    chance = random.Random(SEED)
    trace = stage.trace(scene)
    chosen = [
        f"{call}:signal={name}:when={number}"
        for name in SIGNALS
        for call, number in points(trace, POINTS, chance)
    ]

    def hit(injection: str) -> tuple[str, Run]:
        return injection, stage.hit(scene, injection)

    ended = 0
    with ThreadPoolExecutor(4) as pool:
        for injection, run in pool.map(hit, chosen):
            number = signal.Signals[f"SIG{injection.partition('signal=')[2].partition(':')[0]}"]
            assert not run.wrong, (injection, run)
            # A helper that is hit instead is missed, and a signal that comes last comes too late.
            assert run.code in (-number, 0, 125), (injection, run)
            ended += run.code == -number
    assert ended > len(chosen) / 3, "hardly any came to the program itself"


@pytest.mark.parametrize("which", ["executable", "package"])
def test_a_run_that_is_stopped_while_it_waits_goes_on(
    run: Runner, sts: Sts, program: list[str], installed: list[str], which: str
) -> None:
    """SIGSTOP and SIGCONT, as from a scheduler that suspends a job."""
    run.program = program if which == "executable" else installed
    sts.script(behave.slow(1.5))
    with run.start("--role-arn", ROLE, "--", "true") as process:
        wait_for(lambda: sts.asked)
        for _ in range(5):
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.05)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert len(sts.issued) == 1, "asked again"


def test_a_deadline_that_passed_while_it_was_stopped_ends_it_when_it_goes_on(
    run: Runner, sts: Sts, program: list[str]
) -> None:
    """The time of the deadline is the clock's, also while nothing runs."""
    run.program = program
    sts.always(behave.hang)
    with run.start("--role-arn", ROLE, "--sts-timeout", "1s", "--", "true") as process:
        wait_for(lambda: sts.asked)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 125
    assert err.startswith(b"aws-role-exec: ")
    assert b"within 1s" in err
