"""Put the release out: a draft first, then all files, then the tap and the bucket."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

from release.record import (
    OFFERED,
    SUMS,
    Refused,
    Release,
    execute,
)
from release.steps import check, verify


def run(release: Release) -> None:
    """Do the step."""
    verify.run(release)
    check.run(release)
    hindrances = []
    if "-" in release.version:
        hindrances.append("this is a snapshot")
    for name, target in release.targets:
        if target["required"] and not release.of("Archive", os=target["os"], arch=target["arch"]):
            hindrances.append(f"there is no archive for {name}")
    if not release.of("Signature"):
        hindrances.append(f"{SUMS} is not signed")
    tag, repository = release.metadata["tag"], release.project["repository"]
    create = ["gh", "release", "create", tag, "--repo", repository, "--verify-tag", "--draft"]
    create += ["--title", tag, "--notes-file", str(release.dist / "notes.md")]
    create += [str(release.path(one)) for one in release.of(*OFFERED, "Checksum", "Signature")]
    unveil = ["gh", "release", "edit", tag, "--repo", repository, "--draft=false"]
    pushes = [
        (release.path(one), release.config["publish"][key], f"{folder}/{one['name']}")
        for kind, key, folder in (("Formula", "tap", "Formula"), ("Manifest", "bucket", "bucket"))
        for one in release.of(kind)
    ]
    if release.arguments.dry_run:
        for hindrance in hindrances:
            print(f"would refuse: {hindrance}")
        for command in (create, unveil):
            print(f"would run: {' '.join(command)}")
        for file, where, place in pushes:
            print(f"would push: {file} to {where} as {place}")
        return
    if hindrances:
        raise Refused("; ".join(hindrances))
    execute(*create)
    execute(*unveil)
    for file, where, place in pushes:
        push(file, where, place, f"{release.name} {release.version}")


def push(file: Path, repository: str, place: str, message: str) -> None:
    """Commit a file to the tap or the bucket, with a token for these two alone."""
    environment = {**os.environ, "GH_TOKEN": os.environ["TAP_TOKEN"]}
    address = f"repos/{repository}/contents/{place}"
    known = subprocess.run(
        ["gh", "api", address, "--jq", ".sha"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    content = base64.b64encode(file.read_bytes()).decode()
    fields = ["-f", f"message={message}", "-f", f"content={content}"]
    if known.returncode == 0:  # it is there already: say which one this replaces
        fields += ["-f", f"sha={known.stdout.strip()}"]
    execute("gh", "api", "--method", "PUT", address, *fields, env=environment)
