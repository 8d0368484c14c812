"""A checkout that other users cannot reach, as in root's home (mode 0700), made reachable to tests.

Some tests run the program as another user. Nothing is changed on disk: this process gets a mount
namespace of its own, in which a twin that everybody may search stands for each closed directory.
"""

import ctypes
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

_NEW_MOUNT_NAMESPACE = 0x00020000  # CLONE_NEWNS, unshare(2)


def make_reachable(place: Path) -> None:
    """Let every user search the directories above the place, as this process and its kin see it.

    For root on Linux alone; without the right to mount, the tests that need it tell by failing.
    """
    closed = [one for one in reversed(place.resolve().parents) if not _is_open(one)]
    if not closed or sys.platform != "linux" or os.geteuid() != 0:
        return
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNT_NAMESPACE) != 0:
        return
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    here = os.getcwd()
    for directory in closed:
        _put_twin(directory)
    os.chdir(here)  # the same place, by the new way there


def _is_open(directory: Path) -> bool:
    return bool(directory.stat().st_mode & stat.S_IXOTH)


def _put_twin(directory: Path) -> None:
    """Mount a directory over this one that has the same entries, and mode 0755."""
    behind = tempfile.mkdtemp(prefix="aws-role-exec-tests-")
    try:
        _mount("--rbind", str(directory), behind)
        _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(directory))
        for entry in os.scandir(behind):
            twin = directory / entry.name
            if entry.is_symlink():
                twin.symlink_to(os.readlink(entry.path))
                continue
            if entry.is_dir():
                twin.mkdir()
            else:
                twin.touch()
            _mount("--rbind", entry.path, str(twin))
        subprocess.run(["umount", "--lazy", behind], check=True)
    finally:
        os.rmdir(behind)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
