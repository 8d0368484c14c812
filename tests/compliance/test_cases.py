"""The cases that any program with this command line can be held to, held by ours."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from compliance.world import HERE, Case, cases, hold


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.topic}: {case.says}")
def test_holds(case: Case, program: Sequence[str]) -> None:
    assert hold(case, program[0]) is None


def test_a_program_that_does_nothing_holds_few() -> None:
    """What a case asks for is asked: only what must not happen does not happen with /bin/true."""
    held = [case.says for case in cases() if hold(case, "/bin/true") is None]
    assert len(held) < len(cases()) / 10, held


def test_the_scripts_are_sound() -> None:
    """In the eyes of shellcheck; SC2016: a command's `$$` is not the script's."""
    shellcheck = shutil.which("shellcheck", path=Path(sys.executable).parent)
    assert shellcheck, "requirements/test.txt has it"
    for topic in sorted({case.topic for case in cases()}):
        options = ["--shell=sh", "--exclude=SC2016,SC2030,SC2031,SC1091,SC2154"]
        subprocess.run([shellcheck, *options, HERE / f"{topic}.sh"], check=True)
