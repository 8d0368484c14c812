"""Make an archive of each executable, itself first, then what lies beside it."""

from __future__ import annotations

import gzip
import io
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from release.record import (
    ROOT,
    Release,
    laid_out,
    time,
)


def run(release: Release) -> None:
    """Do the step."""
    for binary in release.of("Binary"):
        members = [(binary["name"], release.path(binary), 0o755), *beside(release, binary)]
        # No version in the name: releases/latest/download/<name> must stay good.
        place = release.dist / f"{release.name}_{binary['os']}_{binary['arch']}"
        if binary["os"] == "windows":
            made = zipped(Path(f"{place}.zip"), members, release.epoch)
        else:
            links = release.config["archive"]["links"]
            made = tarred(Path(f"{place}.tar.gz"), members, links, release.epoch)
        release.add(made, "Archive", os=binary["os"], arch=binary["arch"])
    # The installer goes with the archives that it fetches.
    release.add(Path(shutil.copy(ROOT / "packaging/install.sh", release.dist)), "Installer")


def beside(release: Release, binary: dict[str, Any]) -> list[tuple[str, Path, int]]:
    """Return what lies beside an executable in its archive."""
    config = release.config["archive"]
    return laid_out({**config["files"], **config.get(binary["os"], {}).get("files", {})})


def tarred(
    path: Path, members: list[tuple[str, Path, int]], links: dict[str, str], epoch: int
) -> Path:
    """Write a tar.gz that is the same everywhere: USTAR, owner 0, one date."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, file, mode in members:
            entry = entry_of(name, mode, epoch)
            entry.size = file.stat().st_size
            with file.open("rb") as data:
                tar.addfile(entry, data)
        for name, target in links.items():
            entry = entry_of(name, 0o777, epoch)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    path.write_bytes(compressed(plain.getvalue()))
    return path


def entry_of(name: str, mode: int, epoch: int) -> tarfile.TarInfo:
    """Return a tar's entry for a file or a link of root."""
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime, entry.uname, entry.gname = mode, epoch, "root", "root"
    return entry


def zipped(path: Path, members: list[tuple[str, Path, int]], epoch: int) -> Path:
    """Write a zip that is the same everywhere."""
    date = time(max(epoch, 315532800)).timetuple()[:6]  # a zip's time begins in 1980
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, file, mode in members:
            entry = zipfile.ZipInfo(name, date)
            entry.external_attr = (stat.S_IFREG | mode) << 16
            entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
            out.writestr(entry, file.read_bytes())
    return path


def compressed(data: bytes) -> bytes:
    """Compress without a name or a date."""
    return gzip.compress(data, 9, mtime=0)
