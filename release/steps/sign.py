"""Sign the checksums: keyless where a workflow's identity is at hand, and with minisign."""

from __future__ import annotations

import subprocess

from release.record import (
    SUMS,
    Refused,
    Release,
    execute,
    tool,
)


def run(release: Release) -> None:
    """Do the step."""
    sums, signed = release.dist / SUMS, False
    if release.arguments.keyless:
        bundle = release.dist / f"{SUMS}.sigstore.json"
        execute(tool("sigstore"), "sign", "--bundle", bundle, "--overwrite", sums)
        release.add(bundle, "Signature")
        signed = True
    if release.arguments.minisign_key:
        signature = release.dist / f"{SUMS}.minisig"
        comment = f"{release.name} {release.version}"
        minisign = [tool("minisign"), "-S", "-s", release.arguments.minisign_key]
        execute(*minisign, "-m", sums, "-x", signature, "-t", comment, stdin=subprocess.DEVNULL)
        release.add(signature, "Signature")
        signed = True
    if not signed:
        raise Refused("sign with what? --keyless, --minisign-key FILE, or both")
