"""Make deb, rpm and apk with nfpm, whose configuration is made here (JSON is YAML)."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from release.record import (
    ROOT,
    Release,
    execute,
    laid_out,
    time,
    tool,
    write,
)
from release.steps.archive import compressed


def run(release: Release) -> None:
    """Do the step."""
    config = release.config["packages"]
    for binary in release.of("Binary", os="linux"):
        for kind in config["formats"]:
            name = f"{release.name}_linux_{binary['arch']}.{kind}"
            with tempfile.TemporaryDirectory(prefix="release-") as scratch:
                described = describe_package(release, binary, kind, Path(scratch))
                recipe = write(Path(scratch) / "nfpm.yaml", json.dumps(described))
                environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch)}
                command = [tool("nfpm"), "package", "--config", recipe, "--packager", kind]
                execute(*command, "--target", release.dist / name, env=environment)
            release.add(release.dist / name, "Package", os="linux", arch=binary["arch"])


def describe_package(
    release: Release, binary: dict[str, Any], kind: str, scratch: Path
) -> dict[str, Any]:
    """Return the configuration of nfpm for one package."""
    config = release.config["packages"]
    name, date = release.name, time(release.epoch)
    manual = scratch / "manual.gz"
    manual.write_bytes(compressed((ROOT / f"packaging/man/{name}.1").read_bytes()))
    files = {f"/usr/share/man/man1/{name}.1.gz": manual}
    if kind == "deb":
        changes = scratch / "changelog.gz"
        entry = f"{name} ({release.version.replace('-', '~')}) unstable; urgency=medium\n\n"
        entry += f"  * What changed: {release.project['homepage']}/releases\n\n"
        entry += f" -- {release.project['maintainer']}  {date:%a, %d %b %Y %H:%M:%S} +0000\n"
        changes.write_bytes(compressed(entry.encode()))
        files[f"/usr/share/doc/{name}/changelog.gz"] = changes
    contents = [(f"/usr/bin/{name}", release.path(binary), 0o755)]
    contents += [(to, file, 0o644) for to, file in files.items()]
    contents += laid_out({**config["files"], **config[kind]["files"]})
    summary = release.project["description"]
    return {
        "name": name,
        "arch": binary["arch"],
        "platform": "linux",
        "version": release.version,
        "version_schema": "semver",
        "section": "admin",
        "priority": "optional",
        "maintainer": release.project["maintainer"],
        "description": summary if kind == "apk" else f"{summary}\n{LONG_DESCRIPTION}",
        "homepage": release.project["homepage"],
        "license": release.project["license"],
        "mtime": date.isoformat(),
        "rpm": {"summary": summary, "group": "System Environment/Base", "buildhost": "localhost"},
        "contents": [
            {
                "src": str(file),
                "dst": to,
                "file_info": {
                    "mode": mode,
                    "owner": "root",
                    "group": "root",
                    "mtime": date.isoformat(),
                },
            }
            for to, file, mode in contents
        ],
    }


LONG_DESCRIPTION = """\
It asks AWS STS for a role and becomes the command you name, with the role's
temporary credentials in its environment: no daemon, no configuration file, and
no process left behind."""
