"""The workflows: what their linters and our own rules say."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RUNNERS = {"ubuntu-24.04", "ubuntu-24.04-arm", "macos-15", "macos-15-intel", "windows-2025"}


@pytest.mark.parametrize(
    "linter",
    [
        ["zizmor", "--offline", "--quiet"],
        ["jactionlint"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ],
    ids=lambda words: words[0],
)
def test_linters_find_nothing(linter: list[str]) -> None:
    read = [*WORKFLOWS, ROOT / "action.yml"] if linter[0] == "zizmor" else WORKFLOWS
    command = [str(Path(sys.executable).with_name(linter[0])), *linter[1:], *map(str, read)]
    # Each may call what it finds beside it (jactionlint: shellcheck).
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_nobody_holds_more_rights_than_needed(workflow: Path) -> None:
    """None by default; writing only where something is published, behind an environment."""
    read = yaml.safe_load(workflow.read_text())
    assert read["permissions"] == {}
    for name, job in read["jobs"].items():
        assert "permissions" in job, name
        assert "timeout-minutes" in job, name
        if "write" in job["permissions"].values():
            assert "environment" in job, name


def test_runners_exist_and_build_what_release_toml_says() -> None:
    text = "".join(workflow.read_text() for workflow in WORKFLOWS)
    named = set(re.findall(r"\b(?:ubuntu|macos|windows)-[\w.-]+", text))
    assert named >= RUNNERS
    for target in tomllib.loads((ROOT / "release.toml").read_text())["target"]:
        assert target["runner"] in RUNNERS


def test_actions_are_pinned_and_say_their_version() -> None:
    for workflow in WORKFLOWS:
        for line in re.findall(r"uses: (.*)", workflow.read_text()):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
