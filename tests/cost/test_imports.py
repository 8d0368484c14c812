"""What a run imports: every module costs each of a thousand jobs its time.

A clock cannot tell a slow machine from a slow program; a list of names can. A module that is
new here is either worth its time, and goes onto the list, or is imported by the function that
needs it (docs/adr/0001-imports.md).
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers.certificates import Authority
from servers.moto import Moto

BUDGET = Path(__file__).with_name("imports.txt")


def allowed(*sections: str) -> set[str]:
    """Return the names under these headings of the budget."""
    names: dict[str, set[str]] = {}
    section = ""
    for text in BUDGET.read_text().splitlines():
        line = text.partition("#")[0].strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line:
            names.setdefault(section, set()).update(line.split())
    return set().union(*(names[section] for section in sections))


@pytest.fixture(scope="module")
def loaded_anyway() -> set[str]:
    """What the interpreter itself imports to start a program that does nothing."""
    return _imported([sys.executable, "-X", "importtime", "-c", "pass"], {})


def _imported(command: list[str], env: dict[str, str]) -> set[str]:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:") and "imported package" not in line
    }


@pytest.fixture
def imported(run: Runner, loaded_anyway: set[str]) -> Callable[..., set[str]]:
    def measure(*arguments: str, **env: str) -> set[str]:
        # As the console script does; `-m` would import more than the program itself.
        start = "from aws_role_exec.__main__ import main; main()"
        program = [sys.executable, "-X", "importtime", "-c", start]
        return _imported([*program, *arguments], {**run.env, **env}) - loaded_anyway

    return measure


class TestImports:
    def test_the_version_needs_next_to_nothing(self, imported: Callable[..., set[str]]) -> None:
        assert imported("--version") - allowed("start") == set()

    def test_a_plain_run_needs_neither_botocore_nor_click(
        self, imported: Callable[..., set[str]], moto_tls: Moto, authority: Authority
    ) -> None:
        """Over TLS, from the command line to the command."""
        names = imported(
            "--role-arn",
            ROLE,
            "--",
            "/bin/true",
            AWS_ENDPOINT_URL_STS=moto_tls.url,
            AWS_CA_BUNDLE=str(authority.bundle),
        )
        assert names - allowed("start", "plain") == set()

    def test_nor_does_printing(self, imported: Callable[..., set[str]]) -> None:
        names = imported("--role-arn", ROLE)
        assert names - allowed("start", "plain", "printing") == set()

    def test_the_list_names_nothing_of_ours_that_is_not_imported(
        self, imported: Callable[..., set[str]], moto_tls: Moto, authority: Authority
    ) -> None:
        names = imported(
            "--role-arn",
            ROLE,
            AWS_ENDPOINT_URL_STS=moto_tls.url,
            AWS_CA_BUNDLE=str(authority.bundle),
        )
        listed = allowed("start", "plain", "printing")
        assert {name for name in listed if name.startswith("aws_role_exec")} <= names
