"""The harness of `make bench`: its arithmetic, and that it still runs."""

import importlib
import json
import os
import re
import subprocess
import sys
import xml.dom.minidom
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BENCH = REPOSITORY / "bench"


@pytest.fixture(scope="module", autouse=True)
def _bench_is_importable() -> Iterator[None]:
    sys.path.insert(0, str(BENCH))
    yield
    sys.path.remove(str(BENCH))


@pytest.fixture
def figures() -> ModuleType:
    return importlib.import_module("figures")


def test_ratios_are_taken_within_a_round(figures: ModuleType) -> None:
    assert figures.spread([3.0, 1.0, 2.0]) == figures.Spread(1.0, 2.0, 3.0)
    # A round that is ten times slower for both changes nothing.
    assert figures.ratios([2.0, 40.0, 3.0], [1.0, 10.0, 1.0]) == figures.Spread(2.0, 3.0, 4.0)
    assert figures.Spread(0.0012, 0.0021, 0.0034).text(1, 1000) == "2.1 (1.2 to 3.4)"


def test_a_bound_holds_or_not_or_is_not_measured(figures: ModuleType) -> None:
    results = {
        "plain": figures.Measured(
            wall=[0.03], cpu=[0.02], peak=25 << 10, crowd=[1.0], crowd_failures=1, calls=1
        ),
        "plain/reference": figures.Measured(wall=[0.04]),
        "region": figures.Measured(wall=[0.04], cpu=[0.026]),
        "two": figures.Measured(wall=[0.04], cpu=[0.04]),
        "proxy": figures.Measured(wall=[0.4], cpu=[0.4]),
    }
    found = {(one.case, one.bound): one for one in figures.bounds(results, "it")}
    holds = {case: one.holds for (case, _), one in found.items()}
    assert found["plain", "wall ≤ 1.0 × it"].holds is True
    assert holds["config file with a region"] is True
    assert holds["two roles"] is False
    assert holds["plain, round trips of 80 ms"] is None
    assert holds["HTTPS_PROXY that applies"] is None
    assert holds["AWS CLI v1"] is None
    assert holds["every case"] is False
    assert holds["200 at once"] is False


def test_the_chart_reads_on_light_and_on_dark() -> None:
    """Every colour of text and bars is far enough from its ground, in either scheme."""
    chart = importlib.import_module("chart")
    drawn = chart.draw("t", ("ours", "theirs"), [("`a` & b", 2.0, 1.0), ("c", 1.0, None)])
    xml.dom.minidom.parseString(drawn)
    light, dark = drawn.split("<style>")[1].split("@media (prefers-color-scheme: dark)")
    for scheme in (light, dark.split("</style>")[0]):
        colours = dict(re.findall(r"(\w+) { fill: (#[0-9a-f]{6}) }", scheme))
        assert set(colours) == {"text", "ground", "ours", "theirs"}
        assert contrast(colours["text"], colours["ground"]) >= 7
        assert contrast(colours["ours"], colours["ground"]) >= 3
        assert contrast(colours["theirs"], colours["ground"]) >= 3


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_a_cold_executable_has_nothing_in_memory() -> None:
    cold = importlib.import_module("cold")
    directory = importlib.import_module("subjects").Workshop().root
    with cold.copy("/bin/true", directory) as program:
        program.read_bytes()
        size = program.stat().st_size
        assert cold.pages_in_memory(program) == -(-size // cold.PAGE)
        cold.forget(program)
        assert cold.pages_in_memory(program) == 0


@pytest.mark.timeout(60)
def test_one_round_asks_once_and_takes_time(tmp_path: Path) -> None:
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
    assert "keys in the environment" in done.stdout
    found = json.loads(results.read_text())
    assert found["plain"]["calls"] == 1
    assert found["plain"]["wall"][0] > found["true"]["wall"][0]
