"""How much of an executable is read by a start that finds nothing of it in memory.

Nodes read it over a network; what is read there is what the page cache holds afterwards. That
depends on how far the kernel reads ahead, so the copies lie on a disk of their own, which has
Linux's default, as NFS does; a virtual machine's disk may have sixty times as much.
"""

import ctypes
import mmap
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = mmap.PAGESIZE
READ_AHEAD_KIB = 128
_DISK_BYTES = 64 << 20


@contextmanager
def disk(place: Path) -> Iterator[Path]:
    """Yield a directory on a disk of its own, in a mount namespace of the caller's.

    Nothing of that disk is kept in memory a second time, as part of the file that it is.
    """
    image, directory = place / "disk.img", place / "disk"
    with image.open("wb") as file:
        file.truncate(_DISK_BYTES)
    directory.mkdir()
    _run("mkfs.ext4", "-q", "-F", str(image))
    device = _run("losetup", "--find", "--show", "--direct-io=on", str(image))
    try:
        _run("blockdev", "--setra", str(READ_AHEAD_KIB * 2), device)  # in sectors of 512 bytes
        _run("mount", device, str(directory))
        try:
            yield directory
        finally:
            _run("umount", str(directory))
    finally:
        _run("losetup", "--detach", device)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@contextmanager
def copy(program: str, directory: Path) -> Iterator[Path]:
    """Yield a copy that nobody else runs, so that it can be put out of memory.

    `directory` must be on a disk: a file in a tmpfs is always in memory.
    """
    place = directory / f"cold-{os.getpid()}"
    shutil.copy2(program, place)
    try:
        yield place
    finally:
        place.unlink()


def forget(path: Path) -> None:
    """Put a file out of memory; raises RuntimeError if some of it stays."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if left := pages_in_memory(path):
        raise RuntimeError(f"{left} pages of {path} stay in memory")


def pages_in_memory(path: Path) -> int:
    """Return how many pages of a file are in the page cache (mincore(2))."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE) as mapped:
        first = ctypes.c_char.from_buffer(mapped)
        address, length = ctypes.addressof(first), len(mapped)
        del first
        found = (ctypes.c_ubyte * -(-length // PAGE))()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(length), found):
            raise OSError(ctypes.get_errno(), "mincore")
    return sum(one & 1 for one in found)
