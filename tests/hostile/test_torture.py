"""A few system calls of each kind of run fail, in a few of the ways they can: see `torture`.

TORTURE_SEED chooses others, TORTURE_CASES how many of each scene; `make torture` takes all.
"""

import pytest

from hostile.amount import CASES, SEED
from hostile.scenes import SCENES, Scene, Stage
from hostile.torture import Case, cases, choose, torture


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_system_call_that_fails_is_an_error_in_one_line_or_nothing_at_all(
    stage: Stage, scene: Scene
) -> None:
    """No traceback, no part of a file, nothing left or lost, no secret elsewhere, no wrong key."""
    chosen = choose(cases(scene, stage.trace(scene)), CASES, SEED)
    report = torture(stage, chosen)
    assert not report.wrong, "\n".join([f"TORTURE_SEED={SEED}", *report.wrong])
    hit = sum(count for (_, _, how), count in report.outcomes.items() if how != "not reached")
    assert hit > len(chosen) / 2, report.outcomes


@pytest.mark.parametrize("error", ["EIO", "EMFILE", "ENOMEM", "ESTALE"])
@pytest.mark.parametrize("call", ["stat", "open"])
def test_a_configuration_that_the_system_cannot_give_is_not_one_that_is_not_there(
    stage: Stage, call: str, error: str
) -> None:
    """Going on without it would be another region, or another identity."""
    scene = SCENES[0]
    trace = stage.trace(scene)
    named = [line for line in trace if f" {call}(" in line]
    number = 1 + next(n for n, line in enumerate(named) if "/.aws/config" in line)
    run = stage.hit(scene, Case(scene, call, number, error).injection)
    assert run.was_hit
    assert not run.wrong
    assert run.code == 2
    assert b"/.aws/config: " in run.stderr
    assert not run.issued
