"""What the steps of a release share: release.toml, the version, the date, the list of artifacts."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SUMS = "checksums.txt"
MADE_HERE = "build/build.py"  # the one builder that runs wherever this script does
#: What a release's page offers for download; the rest goes to the tap, the bucket, the index.
OFFERED = {"Archive", "Package", "Modulefiles", "Installer", "SBOM", "Wheel", "Sdist"}


class Refused(Exception):  # noqa: N818 # reads well where it is raised
    """Why there is no release: one line for the person who asked for it."""


class Release:
    """release.toml, the version, the date, and the list of what was made so far."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Read what there is; make nothing."""
        self.arguments = arguments
        self.config = tomllib.loads((ROOT / "release.toml").read_text())
        self.project: dict[str, str] = self.config["project"]
        self.name = self.project["name"]
        self.dist = Path(arguments.dist).absolute()
        self.artifacts: list[dict[str, Any]] = []
        if self.listing.exists():
            self.artifacts = json.loads(self.listing.read_text())

    @property
    def listing(self) -> Path:
        """Where the steps hand each other what they made."""
        return self.dist / "artifacts.json"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What `build` wrote down: the version, the tag, the commit, the date."""
        try:
            loaded: dict[str, Any] = json.loads((self.dist / "metadata.json").read_text())
        except FileNotFoundError:
            raise Refused(f"{self.dist} holds no build: first `python -m release build`") from None
        return loaded

    @property
    def version(self) -> str:
        """The version in hand, as in 1.2.3, or 1.2.3-pre202611230600 for a snapshot."""
        return str(self.metadata["version"])

    @property
    def epoch(self) -> int:
        """The one date in every file."""
        return int(self.metadata["epoch"])

    @property
    def targets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (linux_amd64, its table) for each target."""
        for target in self.config["target"]:
            yield f"{target['os']}_{target['arch']}", target

    def of(self, *types: str, **fields: str) -> list[dict[str, Any]]:
        """The artifacts of these types, with these fields."""
        return [
            artifact
            for artifact in self.artifacts
            if artifact["type"] in types and fields.items() <= artifact.items()
        ]

    def add(self, path: Path, kind: str, **fields: str) -> None:
        """Put a file into the list, in the place of one of that name."""
        relative = path.relative_to(self.dist).as_posix()
        kept = [artifact for artifact in self.artifacts if artifact["path"] != relative]
        data = path.read_bytes()
        entry: dict[str, Any] = {"name": path.name, "path": relative, "type": kind, **fields}
        entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        self.artifacts = sorted([*kept, entry], key=lambda artifact: str(artifact["path"]))
        write(self.listing, json.dumps(self.artifacts, indent=2) + "\n")

    def path(self, artifact: dict[str, Any]) -> Path:
        """Where an artifact lies."""
        return self.dist / str(artifact["path"])

    def url(self, artifact: dict[str, Any], tag: str | None = None) -> str:
        """Where it can be had once released."""
        tag = tag or self.metadata["tag"]
        return f"{self.project['homepage']}/releases/download/{tag}/{artifact['name']}"


def write(path: Path, text: str) -> Path:
    """Write a text file, newlines as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def say(text: str) -> None:
    """Tell the person what is being done."""
    print(f"release: {text}", flush=True)


def execute(*command: str | Path, **options: Any) -> str:
    """Run a program; return what it printed, or refuse with what it complained about."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, **options)
    if done.returncode:
        raise Refused(f"{' '.join(words[:3])} failed: {(done.stderr or done.stdout).strip()}")
    return str(done.stdout)


def laid_out(table: dict[str, str]) -> list[tuple[str, Path, int]]:
    """Return place, file and mode of what a table of release.toml names."""
    files = []
    for place, file in table.items():
        if place.endswith("/"):
            inner = sorted(one for one in (ROOT / file).iterdir() if one.is_file())
            files += [(place + one.name, one) for one in inner]
        else:
            files.append((place, ROOT / file))
    return [(place, file, 0o755 if file.stat().st_mode & 0o100 else 0o644) for place, file in files]


def tool(name: str) -> str:
    """Find a program beside this Python, else on PATH."""
    found = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if not found:
        raise Refused(f"{name} is not installed (requirements/release.txt, docs/releasing.md)")
    return found


def time(epoch: int) -> datetime.datetime:
    """A date as Python has it, in UTC."""
    return datetime.datetime.fromtimestamp(epoch, datetime.UTC)
