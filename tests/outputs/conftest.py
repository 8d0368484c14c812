"""Other users, and a place where they meet."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from runner import Runner

VICTIM, ATTACKER, THIRD = 54321, 54322, 54323
"""Users without an entry in /etc/passwd, so none that a machine has."""

Become = Callable[..., list[str]]


@pytest.fixture
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("SKIPPED: needs root, to be several users and to mount")


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user can reach, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="aws-role-exec-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def user(root: None, run: Runner, public: Path, needs: Callable[..., str]) -> Become:
    """`user(1000)` begins a command that is run as that user, and as nobody else."""
    setpriv = needs("setpriv", "util-linux")
    run.env["HOME"] = str(public)
    # A home directory is no place for a Python that other users are to run.
    words = [setpriv, f"--reuid={VICTIM}", f"--regid={VICTIM}", "--clear-groups", *run.program]
    able = subprocess.run([*words, "--version"], env=run.environment(), capture_output=True)
    if able.returncode != 0:
        pytest.skip(f"SKIPPED: other users cannot run {run.program[0]}: {able.stderr!r}")

    def prefix(uid: int, groups: Sequence[int] = ()) -> list[str]:
        more = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
        return [setpriv, f"--reuid={uid}", f"--regid={uid}", more]

    return prefix
