"""A set-up that many tests share and that fails is told once, whole."""

import os
import subprocess
import sys
from pathlib import Path

SHARED = """\
import pytest

@pytest.fixture(scope="session")
def scheduler():
    raise AssertionError("mariadb-install-db: my_print_defaults not found")

@pytest.mark.parametrize("number", range(42))
def test_a_job(scheduler, number):
    pass

def test_without_it():
    pass
"""


def test_a_shared_set_up_fails_once(tmp_path: Path) -> None:
    """One error with what the tool said, 41 that refer to it; the run fails, the rest is run."""
    (tmp_path / "test_jobs.py").write_text(SHARED)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    words = [sys.executable, "-m", "pytest", "-p", "conftest", "-rA", "--color=no", str(tmp_path)]
    tests = str(Path(__file__).parent)
    done = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": tests}, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 passed, 41 skipped, 1 error" in done.stdout
    assert done.stdout.count("E       AssertionError: mariadb-install-db: my_print_defaults") == 1
    assert "[41] test_jobs.py" in done.stdout
    assert "the set-up failed, as told with test_jobs.py::test_a_job[0]" in done.stdout
