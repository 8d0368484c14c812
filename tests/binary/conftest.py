"""The frozen file as a user holds it: copied alone into an empty directory."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINUX = ("linux_amd64", "linux_arm64")
MACOS = ("darwin_amd64", "darwin_arm64")
BUILT = {name: ROOT / "dist" / name / "aws-role-exec" for name in (*LINUX, *MACOS)}

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root, for mounts, users and networks of its own"
)


def built(name: str) -> Path:
    """What `make binary` left."""
    assert BUILT[name].exists(), f"{BUILT[name]} is not there: run `make binary` first"
    return BUILT[name]


@pytest.fixture(params=LINUX)
def executable(request: pytest.FixtureRequest) -> Path:
    """Each of the executables for Linux."""
    return built(request.param)


@pytest.fixture(scope="session")
def program() -> Iterator[list[str]]:
    """The executable for this machine, alone in a directory that every user can reach."""
    directory = tempfile.mkdtemp(prefix="only-the-program-", dir="/tmp")
    try:
        os.chmod(directory, 0o755)
        yield [shutil.copy(built("linux_amd64"), directory)]
        assert os.listdir(directory) == ["aws-role-exec"], "something appeared beside it"
    finally:
        shutil.rmtree(directory)
