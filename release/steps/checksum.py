"""Write the sum of each file that a release offers, as sha256sum does."""

from __future__ import annotations

from release.record import (
    OFFERED,
    SUMS,
    Release,
    write,
)


def run(release: Release) -> None:
    """Do the step."""
    lines = sorted(f"{one['sha256']}  {one['name']}\n" for one in release.of(*OFFERED))
    lines.sort(key=lambda line: line.split()[1])
    release.add(write(release.dist / SUMS, "".join(lines)), "Checksum")
