"""What a run imports: every module costs each of a thousand jobs its time.

A clock cannot tell a slow machine from a slow program; a list of names can. A module that is
new in a case is either worth its time, and goes onto the list, or is imported by the function that
needs it (docs/adr/0001-imports.md). `pytest tests/cost -n0 --write-budget` writes the list.
"""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cost.cases import CASES, Case, World
from runner import Runner
from servers.certificates import Authority
from servers.metadata import ContainerCredentials, InstanceMetadata, SsoPortal
from servers.sts import Sts

BUDGET = Path(__file__).with_name("imports.txt")
LARGE = ("botocore", "click")
"""Where one of these is imported its name stands for the whole list."""
HEAD = """\
# What a run may import beyond what Python itself has loaded; test_imports.py compares.
# Every run may import what is under [version], every other case what is under [keys in the
# environment]. Where botocore or click is imported, its name stands for all that comes with it.
# Written by `pytest tests/cost -n0 --write-budget`, but for this first section.

[interpreter]  # loaded by some Pythons to start, or of a listed module's in some versions
_collections_abc _operator abc codecs genericpath os posixpath pwd stat
"""
SHARED = ("version", "keys in the environment")
Names = Callable[[Case], set[str]]


def budget() -> dict[str, set[str]]:
    """The names under each heading."""
    names: dict[str, set[str]] = {}
    section = ""
    for text in BUDGET.read_text().splitlines():
        line = text.partition("#")[0].strip()
        if line.startswith("["):
            section = line.strip("[]")
            names[section] = set()
        elif line:
            names[section].update(line.split())
    return names


def allowed(name: str) -> set[str]:
    """What a case may import: its own list and the shared ones."""
    listed = budget()
    shared = SHARED[:1] if name == SHARED[0] else SHARED
    return set().union(*(listed[one] for one in ("interpreter", *shared, name)))


def is_ours(name: str) -> bool:
    return name.partition(".")[0] == "aws_role_exec"


def imported(command: list[str], env: dict[str, str | bytes], code: int, cwd: Path) -> set[str]:
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == code, [line for line in done.stderr.splitlines() if "|" not in line]
    return {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:") and "imported package" not in line
    }


@pytest.fixture(scope="session")
def loaded_anyway(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What the interpreter itself imports to start a program that does nothing."""
    program = [sys.executable, "-X", "importtime", "-c", "pass"]
    return imported(program, {}, 0, tmp_path_factory.mktemp("cwd"))


@pytest.fixture
def world(sts_servers: Callable[..., Sts], authority: Authority) -> Iterator[World]:
    sts = sts_servers(authority.context(), host="localhost")
    with InstanceMetadata() as instance, ContainerCredentials() as container, SsoPortal() as portal:
        there = World(sts, instance, container, portal)
        there.know_keys()
        yield there


@pytest.fixture
def names(run: Runner, world: World, authority: Authority, loaded_anyway: set[str]) -> Names:
    """What a case imports, having done what it is there for."""

    def measure(case: Case) -> set[str]:
        env: dict[str, str | None] = {
            "AWS_ENDPOINT_URL_STS": world.sts.url,
            "AWS_CA_BUNDLE": str(authority.bundle),
            "AWS_REGION": "us-east-1",
            **case.env,
        }
        case.prepare(world, env)
        case.write_files(run, world)
        filled = {k: v and v.replace("{home}", str(run.home)) for k, v in env.items()}
        # As the console script does; `-m` would import more than the program itself.
        start = "from aws_role_exec.__main__ import main; main()"
        command = [sys.executable, "-X", "importtime", "-c", start, *case.arguments()]
        found = imported(command, run.environment(filled), case.code, run.cwd) - loaded_anyway
        asked = [one for one in world.sts.asked if one.action != "GetCallerIdentity"]
        assert len(asked) == case.calls
        return found

    return measure


@pytest.fixture(scope="module")
def written(pytestconfig: pytest.Config) -> Iterator[dict[str, set[str]] | None]:
    """What is to be written, None if the list is to be held instead."""
    if not pytestconfig.getoption("--write-budget", default=False):
        yield None
        return
    found: dict[str, set[str]] = {}
    yield found
    text = HEAD
    shared: set[str] = set()
    for name, all_names in found.items():
        large = [one for one in LARGE if one in all_names]
        own = set(large) or all_names - shared
        if name in SHARED:
            shared |= own
        lines = textwrap.fill(" ".join(sorted(own)), 100, break_on_hyphens=False)
        text += f"\n[{name}]\n" + (f"{lines}\n" if lines else "")
    BUDGET.write_text(text)


class TestImports:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    def test_a_case_imports_what_is_listed_for_it_and_no_more(
        self, case: Case, names: Names, written: dict[str, set[str]] | None
    ) -> None:
        """A name that is new is told; so is one of ours that is listed and not imported."""
        found = names(case)
        if written is not None:
            written[case.name] = found
            return
        assert case.name in budget(), "no list: pytest tests/cost -n0 --write-budget"
        listed = budget()[case.name]
        if large := [name for name in LARGE if name in listed]:
            assert [name for name in large if name not in found] == [], "needed no longer"
            assert [name for name in LARGE if name in found] == large
            return
        assert found - allowed(case.name) == set()
        assert {name for name in listed if is_ours(name)} <= found

    def test_there_is_a_list_for_every_case_and_for_nothing_else(
        self, written: dict[str, set[str]] | None
    ) -> None:
        if written is None:
            assert list(budget()) == ["interpreter", *(case.name for case in CASES)]
