"""Make the executables that can be made here, the wheel and the sdist."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from release.record import (
    MADE_HERE,
    ROOT,
    Refused,
    Release,
    execute,
    say,
    time,
    write,
)
from release.steps.check import source_version


def run(release: Release) -> None:
    """Do the step."""
    commit, dated = "unknown", "0"
    if (ROOT / ".git").exists():
        commit, dated = execute("git", "-C", ROOT, "log", "-1", "--format=%H %ct").split()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", dated))
    version = source_version()
    if release.arguments.snapshot:
        version += time(epoch).strftime("-pre%Y%m%d%H%M%S")
    else:
        tag = os.environ.get("GITHUB_REF_NAME") or execute(
            "git", "-C", ROOT, "tag", "--points-at", "HEAD"
        )
        if f"v{version}" not in tag.split():
            raise Refused(f"this commit has no tag v{version}: tag it, or build --snapshot")
    # A new list: nothing of an earlier version may slip in, or lie about.
    for artifact in release.artifacts:
        if artifact["type"] != "Binary":
            release.path(artifact).unlink(missing_ok=True)
    release.artifacts = []
    facts = {"project_name": release.name, "version": version, "tag": f"v{version}"}
    facts |= {"commit": commit, "date": time(epoch).isoformat(), "epoch": str(epoch)}
    write(release.dist / "metadata.json", json.dumps(facts, indent=2) + "\n")
    release.metadata = facts

    here = [name for name, target in release.targets if target["make"] == MADE_HERE]
    if not release.arguments.prebuilt:
        execute(sys.executable, ROOT / MADE_HERE, "--dist", release.dist, "--commit", commit, *here)
    for name, target in release.targets:
        suffix = ".exe" if target["os"] == "windows" else ""
        executable = release.dist / name / (release.name + suffix)
        if executable.exists():
            release.add(executable, "Binary", os=target["os"], arch=target["arch"])
        elif name in here:
            raise Refused(f"no executable in {release.dist / name}")
        else:
            say(f"{name}: not built here; {target['make']} makes it on {target['runner']}")
    wheel(release)


def wheel(release: Release) -> None:
    """Make the wheel and the sdist for pip."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch), "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        hatchling = [sys.executable, "-m", "hatchling", "build", "--directory", scratch]
        execute(*hatchling, cwd=ROOT, env=environment)
        for file in sorted(Path(scratch).iterdir()):
            made = Path(shutil.copy(file, release.dist))
            release.add(made, "Wheel" if made.suffix == ".whl" else "Sdist")
