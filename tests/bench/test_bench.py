"""The harness of `make bench`: its arithmetic, and that it still runs."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BENCH = REPOSITORY / "bench"


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_figures", BENCH / "figures.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # for its dataclasses
    spec.loader.exec_module(module)
    return module


def test_spread_and_ratios(figures: ModuleType) -> None:
    assert figures.spread([3.0, 1.0, 2.0]) == figures.Spread(1.0, 2.0, 3.0)
    # Round by round: a round that is ten times slower for both changes nothing.
    assert figures.ratios([2.0, 40.0, 3.0], [1.0, 10.0, 1.0]) == figures.Spread(2.0, 3.0, 4.0)
    assert figures.Spread(0.0012, 0.0021, 0.0034).text(1, 1000) == "2.1 (1.2 to 3.4)"


def test_requirements_hold_fail_or_are_not_measured(figures: ModuleType) -> None:
    results = {
        "plain": figures.Measured(wall=[0.03], peak=41 << 10, crowd=[1.0], crowd_failures=1),
        "reference": figures.Measured(wall=[0.01]),
    }
    found = {one.text: one.holds for one in figures.requirements(results)}
    assert found["plain case ≤ 4 × reference"] is True
    assert found["plain case ≤ 2 × reference (the aim)"] is False
    assert found["AWS CLI v1 ≥ 12 × plain case"] is None
    assert found["peak memory of every case ≤ 40 MiB"] is False
    assert found["starts at once: all succeed"] is False


@pytest.mark.timeout(60)
def test_one_round(tmp_path: Path) -> None:
    binary = REPOSITORY / "dist" / "linux_amd64" / "aws-role-exec"
    if not binary.exists():
        pytest.skip("needs the static executable: make binary")
    namespaces = ["unshare", "--mount", "--net", "true"]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(namespaces).returncode:
        pytest.skip("needs root and namespaces")
    results = tmp_path / "results.json"
    command = [sys.executable, str(BENCH / "bench.py"), "--few", "--rounds", "1"]
    done = subprocess.run([*command, "--results", str(results)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "aws-role-exec, plain case" in done.stdout
    found = json.loads(results.read_text())
    assert found["plain"]["requests"] == 1
    assert found["plain"]["wall"][0] > found["true"]["wall"][0]
