"""Runs the program on this machine as if it were Windows: `python as_windows.py ARGUMENTS...`.

The program finds `sys.platform` to be win32. What Windows has not is gone from the standard
library, and three things are as they are there: a socket is no file descriptor, select takes
sockets only and not too many, and no file is removed that somebody has open. kernel32 alone,
whose job object is no part of this, answers nothing.
"""

import _signal  # type: ignore[import-not-found]
import ctypes
import errno
import glob
import os
import select
import selectors
import shutil
import signal
import stat
import subprocess
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any

#: Not on Windows, among what the program uses elsewhere.
POSIX: dict[ModuleType, tuple[str, ...]] = {
    os: (
        *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "execve", "fchmod", "fchown", "fork"),
        *("geteuid", "getuid", "getxattr", "pidfd_open", "pipe2", "posix_spawn", "posix_spawnp"),
        *("set_blocking", "setsid", "sysconf", "uname"),
    ),
    select: ("POLLIN", "POLLOUT", "epoll", "poll"),
    signal: ("SIGALRM", "SIGKILL", "SIGPIPE", "SIGXFSZ", "pthread_sigmask", "setitimer"),
    _signal: ("SIGALRM", "SIGKILL", "SIGPIPE", "SIGXFSZ", "pthread_sigmask", "setitimer"),
    time: ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "clock_gettime"),
}
MODULES = ("fcntl", "grp", "pwd", "resource", "termios")
MOST_SOCKETS = 512  # CPython, Modules/selectmodule.c: FD_SETSIZE


def is_socket(descriptor: int) -> bool:
    return stat.S_ISSOCK(os.fstat(descriptor).st_mode)


def for_files(call: Any) -> Any:
    def checked(descriptor: int, *arguments: Any) -> Any:
        if is_socket(descriptor):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return call(descriptor, *arguments)

    return checked


def without_directory_descriptors(call: Any) -> Any:
    def checked(path: Any, *arguments: Any, dir_fd: int | None = None) -> Any:
        if dir_fd is not None:
            raise NotImplementedError("dir_fd unavailable on this platform")
        return call(path, *arguments)

    return checked


def of_closed_files(call: Any) -> Any:
    def checked(path: str) -> None:
        for link in glob.glob("/proc/[0-9]*/fd/*"):
            try:
                is_open = os.readlink(link) == os.path.abspath(path)
            except OSError:
                continue
            if is_open:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        call(path)

    return without_directory_descriptors(checked)


def of_sockets(call: Any) -> Any:
    def checked(reading: list[int], writing: Any, other: Any, seconds: float) -> Any:
        assert not writing
        assert not other
        if len(reading) > MOST_SOCKETS:
            raise ValueError("too many file descriptors in select()")
        if not reading or not all(map(is_socket, reading)):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        return call(reading, writing, other, seconds)

    return checked


class Kernel32:
    """Has every function, and none does anything."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return self.__dict__.setdefault(name, lambda *_: 42)


def become_windows() -> None:
    subprocess._USE_POSIX_SPAWN = False  # type: ignore[attr-defined]
    subprocess._PopenSelector = selectors.SelectSelector  # type: ignore[attr-defined]
    subprocess.Popen._handle = property(lambda process: process.pid)  # type: ignore[attr-defined]
    shutil.sys = SimpleNamespace(platform=sys.platform)  # type: ignore[attr-defined]
    os.unlink, os.rmdir = of_closed_files(os.unlink), without_directory_descriptors(os.rmdir)
    os.open = without_directory_descriptors(os.open)
    os.read, os.write, os.close = map(for_files, (os.read, os.write, os.close))
    select.select = of_sockets(select.select)
    signal.SIGBREAK = signal.SIGUSR1  # type: ignore[attr-defined]
    ctypes.WinDLL = Kernel32  # type: ignore[attr-defined]
    for module, names in POSIX.items():
        for name in names:
            module.__dict__.pop(name, None)
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    os.name = "nt"
    sys.platform = "win32"


become_windows()

from aws_role_exec.__main__ import main  # noqa: E402 - it asks while it is imported

main()
