"""What forges and editors read here is well-formed, and agrees with the rest."""

import json
import re
import subprocess
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
GITHUB = REPOSITORY / ".github"


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("citation-file-format", "CITATION.cff"),
        ("dependabot", ".github/dependabot.yml"),
        ("github-actions", "action.yml"),
        ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("github-issue-forms", ".github/ISSUE_TEMPLATE/bug.yml"),
        ("github-issue-forms", ".github/ISSUE_TEMPLATE/request.yml"),
    ],
)
def test_forges_take_it(schema: str, name: str) -> None:
    """By the published schema of each."""
    published = resources.files("check_jsonschema.builtin_schemas") / "vendor" / f"{schema}.json"
    content = yaml.safe_load((REPOSITORY / name).read_text())
    jsonschema.validate(content, json.loads(published.read_text()))


def test_the_owners_own_what_is_there() -> None:
    """Every pattern of CODEOWNERS is a file or a directory of the repository."""
    lines = (GITHUB / "CODEOWNERS").read_text().splitlines()
    patterns = [line.split()[0] for line in lines if line and not line.startswith("#")]
    assert "*" in patterns
    for pattern in patterns:
        assert pattern == "*" or (REPOSITORY / pattern.strip("/")).exists(), pattern


def test_generated_files_are_there() -> None:
    """Every path that .gitattributes calls generated leads to a file."""
    for pattern in re.findall(
        r"(?m)^/(\S+) linguist-generated", (REPOSITORY / ".gitattributes").read_text()
    ):
        assert list(REPOSITORY.glob(pattern)), pattern


def test_a_commit_is_checked_by_the_version_that_make_lint_has() -> None:
    """The hooks of .pre-commit-config.yaml bring the ruff that requirements/test.txt pins."""
    pinned = re.findall(r"(?m)^ruff==.*$", (REPOSITORY / "requirements/test.txt").read_text())
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    for hook in config["repos"][0]["hooks"]:
        assert hook["additional_dependencies"] == pinned


def test_dependabot_looks_where_pins_are() -> None:
    """Every directory of pinned requirements, and the workflows."""
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    (pip,) = (one for one in updates if one["package-ecosystem"] == "pip")
    tracked = subprocess.run(
        ["git", "ls-files", "*.txt"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    pinned = {str(Path(name).parent) for name in tracked if "==" in (REPOSITORY / name).read_text()}
    assert {f"/{directory}" for directory in pinned} == set(pip["directories"])
