"""The executable, unless `--program` names another, and the stage on which it is tried."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile.scenes import Stage
from servers.sts import Sts

EXECUTABLE = Path(__file__).resolve().parents[2] / "dist/linux_amd64/aws-role-exec"


@pytest.fixture(scope="session")
def program(pytestconfig: pytest.Config) -> list[str]:
    """What a user has: one file, made by `make binary`."""
    path = Path(pytestconfig.getoption("--program") or EXECUTABLE).absolute()
    assert os.access(path, os.X_OK), f"{path} is not there: run `make binary` first"
    return [str(path)]


@pytest.fixture(scope="session")
def installed() -> list[str]:
    """The same as a Python package, installed beside this Python."""
    return [str(Path(sys.executable).with_name("aws-role-exec"))]


@pytest.fixture
def stage(program: list[str], sts: Sts, tmp_path: Path, needs: Callable[..., str]) -> Stage:
    return Stage(program, sts, tmp_path, needs("strace"))
