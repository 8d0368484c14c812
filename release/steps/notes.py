"""Cut this version's part out of CHANGELOG.md, and say how to check what one downloads."""

from __future__ import annotations

import re

from release.record import (
    ROOT,
    Refused,
    Release,
    write,
)


def run(release: Release) -> None:
    """Do the step."""
    version = "Unreleased" if "-" in release.version else release.version
    changes = changes_in(version)
    if not changes:
        raise Refused(f"CHANGELOG.md has nothing under {version}")
    text = changes + VERIFYING.replace("@repository@", release.project["repository"])
    release.add(write(release.dist / "notes.md", text), "Notes")


def changes_in(version: str) -> str:
    """Return the changelog's section of a version, or nothing."""
    heading = rf"\[?{re.escape(version)}\]?(?: - [\d-]+)?"
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.search(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", text)
    return found[1].strip() + "\n" if found and found[1].strip() else ""


VERIFYING = """
### Check what you download

```sh
sha256sum --check --ignore-missing checksums.txt
gh attestation verify aws-role-exec_linux_amd64.tar.gz --repo @repository@
```
"""
