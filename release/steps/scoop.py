"""Write the Scoop manifest for the archives that there are."""

from __future__ import annotations

import json

from release.record import (
    SUMS,
    Release,
    say,
    write,
)

SCOOP = {"amd64": "64bit", "arm64": "arm64"}


def run(release: Release) -> None:
    """Do the step."""
    archives = release.of("Archive", os="windows")
    if not archives:
        say("no Scoop manifest: there is no archive for Windows")
        return
    manifest = {
        "version": release.version,
        "description": release.project["description"],
        "homepage": release.project["homepage"],
        "license": release.project["license"],
        "architecture": {
            SCOOP[one["arch"]]: {"url": release.url(one), "hash": one["sha256"]} for one in archives
        },
        "bin": f"{release.name}.exe",
        "checkver": "github",
        "autoupdate": {
            "architecture": {
                SCOOP[one["arch"]]: {"url": release.url(one, "v$version")} for one in archives
            },
            "hash": {"url": f"$baseurl/{SUMS}"},
        },
    }
    place = release.dist / "scoop" / f"{release.name}.json"
    release.add(write(place, json.dumps(manifest, indent=4) + "\n"), "Manifest")
