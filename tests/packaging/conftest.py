"""A release as `python -m release` makes it here, and one that has every target."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import modules

ROOT = Path(__file__).resolve().parents[2]
BUILT = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
ALL = {
    "linux_amd64": "aws-role-exec",
    "linux_arm64": "aws-role-exec",
    "darwin_amd64": "aws-role-exec",
    "darwin_arm64": "aws-role-exec",
    "windows_amd64": "aws-role-exec.exe",
}


def release(
    *arguments: str | Path, root: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m release`."""
    return subprocess.run(
        [sys.executable, "-m", "release", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, **environment},
    )


def released(*arguments: str | Path, root: Path = ROOT, **environment: str) -> str:
    """Run `python -m release`; it succeeds."""
    done = release(*arguments, root=root, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def artifacts(dist: Path) -> list[dict[str, Any]]:
    """What a release lists."""
    listed: list[dict[str, Any]] = json.loads((dist / "artifacts.json").read_text())
    return listed


def executables_to(dist: Path) -> Path:
    """Lay what `make binary` made where a release takes it from."""
    for name in BUILT:
        built = ROOT / "dist" / name / "aws-role-exec"
        assert built.exists(), f"{built} is not there: run `make binary` first"
        (dist / name).mkdir(parents=True)
        shutil.copy(built, dist / name)
    return dist


def once(directory: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Make a directory once for all of pytest's workers."""
    place = directory / name
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            unfinished = directory / f"{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(place)
    return place


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all of pytest's workers see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def dist(shared: Path) -> Path:
    """What `make release-snapshot` leaves in dist/, on executables that were built before.

    Nobody may change it; `copy` is for that.
    """
    return once(
        shared,
        "snapshot",
        lambda place: print(released("snapshot", "--prebuilt", "--dist", executables_to(place))),
    )


@pytest.fixture(scope="session")
def module_tools(shared: Path) -> Path:
    """Environment Modules and Lmod, unpacked beside each other."""
    return once(shared, "module-tools", modules.unpack)


@pytest.fixture
def copy(dist: Path, tmp_path: Path) -> Iterator[Path]:
    """The same, to be spoiled."""
    yield Path(shutil.copytree(dist, tmp_path / "dist"))
    shutil.rmtree(tmp_path / "dist")  # 100 MB


@pytest.fixture(scope="session")
def every_target(shared: Path) -> Path:
    """A release of stand-ins: every target of release.toml, executables that only say so.

    Windows's is made on a runner. What is written *about* it can be looked at all the same.
    """

    def make(place: Path) -> None:
        for name, executable in ALL.items():
            (place / name).mkdir(parents=True)
            (place / name / executable).write_text(f"#!/bin/sh\necho stand-in for {name}\n")
        released("build", "--snapshot", "--prebuilt", "--dist", place)
        for step in ("archive", "checksum", "formula", "scoop"):
            released(step, "--dist", place)

    return once(shared, "every-target", make)
