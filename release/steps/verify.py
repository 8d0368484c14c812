"""Look at dist/ as a stranger would: is all of it what the lists say?"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

from release.record import (
    MADE_HERE,
    OFFERED,
    SUMS,
    Refused,
    Release,
    execute,
    tool,
)
from release.steps.archive import beside


def run(release: Release) -> None:
    """Do the step."""
    faults = list(faults_of(release))
    if faults:
        raise Refused("dist/ is not what it says:\n  " + "\n  ".join(faults))
    print(f"{'bytes':>12}  file")
    for artifact in release.artifacts:
        print(f"{artifact['size']:>12}  {artifact['path']}")
    for name, target in release.targets:
        if not release.of("Archive", os=target["os"], arch=target["arch"]):
            print(f"{'not here':>12}  {name}: {target['make']} makes it on {target['runner']}")
    if not release.of("Signature"):
        print(f"{'unsigned':>12}  {SUMS}: signed by the release workflow")


def faults_of(release: Release) -> Iterator[str]:
    """Yield one line for each thing that is not as the lists say."""
    for artifact in release.artifacts:
        path = release.path(artifact)
        if not path.is_file():
            yield f"{artifact['path']} is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != artifact["sha256"]:
            yield f"{artifact['path']} was changed after it was made"
    for kind in ("Binary", "Archive", "Wheel", "Sdist", "Package", "SBOM", "Checksum", "Formula"):
        if not release.of(kind):
            yield f"there is no {kind}"
    for name, target in release.targets:
        archives = release.of("Archive", os=target["os"], arch=target["arch"])
        if target["make"] == MADE_HERE and not archives:
            yield f"there is no archive for {name}"
    sums = (release.dist / SUMS).read_text() if (release.dist / SUMS).exists() else ""
    offered = {f"{one['sha256']}  {one['name']}" for one in release.of(*OFFERED)}
    for line in sorted(offered.symmetric_difference(sums.splitlines())):
        yield f"{SUMS} and artifacts.json do not agree on {line.split()[-1]}"
    for one in release.of("Archive"):
        yield from faults_of_archive(release, one)
    for one in release.of("Formula", "Manifest"):
        text = release.path(one).read_text()
        systems = ("windows",) if one["type"] == "Manifest" else ("linux", "darwin")
        for archived in release.of("Archive"):
            wanted = archived["os"] in systems
            if wanted != (release.url(archived) in text and archived["sha256"] in text):
                yield f"{one['name']} does not agree with {archived['name']}"
    for one in release.of("Signature"):
        key = release.arguments.minisign_public_key or release.config["sign"]["minisign"]
        if one["name"].endswith(".minisig") and key:
            try:
                sums_file = release.dist / SUMS
                execute(tool("minisign"), "-V", "-P", key, "-m", sums_file, "-x", release.path(one))
            except Refused as error:
                yield str(error)


def faults_of_archive(release: Release, one: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with an archive: its members, their order, owners, modes, dates."""
    path = release.path(one)
    (binary,) = release.of("Binary", os=one["os"], arch=one["arch"])
    modes = {binary["name"]: 0o755} | {name: mode for name, _, mode in beside(release, binary)}
    links = {} if path.suffix == ".zip" else release.config["archive"]["links"]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as zipped_file:
            names = zipped_file.namelist()
            first = zipped_file.read(names[0])
    else:
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            names = [member.name for member in members]
            data = tar.extractfile(members[0])
            first = data.read() if data else b""
        held = {member.name: member.linkname for member in members if member.issym()}
        if held != links:
            yield f"{one['name']} links {held}, not {links}"
        for member in members:
            mode = 0o777 if member.issym() else modes.get(member.name)
            if (member.uid, member.gid, member.mtime, member.mode) != (0, 0, release.epoch, mode):
                yield f"{one['name']}: {member.name} has an owner, a date or a mode of its own"
    if names != [*modes, *links]:
        yield f"{one['name']} holds {names}, not {[*modes, *links]}"
    if hashlib.sha256(first).hexdigest() != binary["sha256"]:
        yield f"{one['name']}: its executable is not the one that was built"
