"""Find whatever would spoil a release before anything is made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from release.record import (
    ROOT,
    Refused,
    Release,
)
from release.steps.notes import changes_in


def run(release: Release) -> None:
    """Do the step."""
    problems = list(problems_of(release))
    if problems:
        raise Refused("not fit for a release:\n  " + "\n  ".join(problems))


def problems_of(release: Release) -> Iterator[str]:
    """Yield one line for each thing that is not as it should be."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", source_version()):
        yield f"the version {source_version()} is not of the form 1.2.3"
    if len(release.project["description"]) > 80 or re.match(
        r"(?i)(an?|the) ", release.project["description"]
    ):
        yield "Homebrew wants a description of at most 80 characters without an article in front"
    packages = release.config["packages"]
    tables = [packages["files"], *(packages[kind]["files"] for kind in packages["formats"])]
    archives = release.config["archive"]
    tables += [archives["files"], archives["linux"]["files"]]
    for table in [*tables, release.config["modulefiles"]["recipes"]]:
        for place, file in table.items():
            there = (ROOT / file).is_dir() if place.endswith("/") else (ROOT / file).is_file()
            if not there:
                yield f"release.toml names {file}, which is not there"
    for name, target in release.targets:
        if not (ROOT / target["make"]).is_file():
            yield f"{name}: {target['make']} is not there"
    installer = (ROOT / "packaging/install.sh").read_text()
    if f"minisign_key='{release.config['sign']['minisign']}'\n" not in installer:
        yield "packaging/install.sh and release.toml name different minisign keys"
    for workflow in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for action in re.findall(r"uses: *(\S+)", workflow.read_text()):
            if not re.search(r"@[0-9a-f]{40}$", action) and not action.startswith("./"):
                yield f"{workflow.name}: {action} is not pinned to a commit"
    if not any(changes_in(version) for version in ("Unreleased", source_version())):
        yield f"CHANGELOG.md has nothing under Unreleased or {source_version()}"


def source_version() -> str:
    """The version that the program tells."""
    text = (ROOT / "src/aws_role_exec/__init__.py").read_text()
    found = re.search(r'__version__ = "(.*)"', text)
    return found[1] if found else "nothing"
