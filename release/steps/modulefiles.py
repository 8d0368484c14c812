"""Archive what clusters take: module files, and recipes for EasyBuild and Spack."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from release.record import (
    ROOT,
    Refused,
    Release,
    execute,
    write,
)
from release.steps.archive import tarred


def run(release: Release) -> None:
    """Do the step."""
    generate = ROOT / "packaging/modulefiles/generate.py"
    version = release.version
    root = f"{release.config['modulefiles']['root']}/{version}"
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        execute(sys.executable, generate, version, root, scratch)
        for name, file in release.config["modulefiles"]["recipes"].items():
            place = name.replace("VERSION", version)
            write(Path(scratch) / place, recipe(release, (ROOT / file).read_text()))
        files = sorted(file for file in Path(scratch).rglob("*") if file.is_file())
        members = [(file.relative_to(scratch).as_posix(), file, 0o644) for file in files]
        archived = release.dist / f"{release.name}_modulefiles.tar.gz"
        release.add(tarred(archived, members, {}, release.epoch), "Modulefiles")


def recipe(release: Release, text: str) -> str:
    """Put the version and the sums of the Linux archives where @VERSION@, @SHA256_ARCH@ stand."""
    text = text.replace("@VERSION@", release.version)
    for archived in release.of("Archive", os="linux"):
        text = text.replace(f"@SHA256_{archived['arch'].upper()}@", archived["sha256"])
    missing = re.search(r"@SHA256_(\w+)@", text)
    if missing:
        raise Refused(f"the recipes need an archive for linux_{missing[1].lower()}: there is none")
    return text
