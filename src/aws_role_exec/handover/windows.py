"""Handing over on Windows, which has no exec: the command runs beside us, and we stand aside."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

if sys.platform == "win32":  # pragma: no cover - needs Windows
    import ctypes
    import os
    import signal
    import subprocess
    from ctypes import wintypes

    from aws_role_exec.errors import CommandNotExecutableError

    _KERNEL32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _EXTENDED_LIMIT_INFORMATION = 9
    _KILL_ON_JOB_CLOSE = 0x2000
    # An exit code is a DWORD, and has its highest bit set after Ctrl-C or a fault (NTSTATUS);
    # os._exit takes a C int, of the same bits.
    _ABOVE_INT = 1 << 32

    class _BasicLimits(ctypes.Structure):
        """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

        _fields_ = (
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        )

    class _ExtendedLimits(ctypes.Structure):
        """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

        _fields_ = (
            ("Basic", _BasicLimits),
            ("IoCounters", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    def _ignore_console_interrupts() -> None:
        """Leave Ctrl-C to the command: it shares our console and gets it too."""
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGBREAK, lambda *_: None)

    class _KillOnCloseJob:
        """A job object whose processes die when its handle closes, so also when we die."""

        def __enter__(self) -> _KillOnCloseJob:
            """Create the job object."""
            _KERNEL32.CreateJobObjectW.restype = wintypes.HANDLE
            self._handle = _KERNEL32.CreateJobObjectW(None, None)
            limits = _ExtendedLimits()
            limits.Basic.LimitFlags = _KILL_ON_JOB_CLOSE
            _KERNEL32.SetInformationJobObject(
                wintypes.HANDLE(self._handle),
                _EXTENDED_LIMIT_INFORMATION,
                ctypes.byref(limits),
                ctypes.sizeof(limits),
            )
            return self

        def add(self, process: subprocess.Popen[bytes]) -> None:
            """Put a started process into the job."""
            _KERNEL32.AssignProcessToJobObject(
                wintypes.HANDLE(self._handle),
                wintypes.HANDLE(int(process._handle)),  # type: ignore[attr-defined]
            )

        def __exit__(self, *_: object) -> None:
            """Close the job, and with it end what still runs in it."""
            _KERNEL32.CloseHandle(wintypes.HANDLE(self._handle))

    def run(
        path: str,
        arguments: tuple[str, ...],
        environ: Mapping[str, str],
        wait: Callable[[subprocess.Popen[bytes]], int],
    ) -> int:
        """Run the command and return its exit code, as `wait` does; it dies if we do.

        Raises CommandNotExecutableError (exit 126) when it cannot be started.
        """
        _ignore_console_interrupts()
        with _KillOnCloseJob() as job:
            try:
                process = subprocess.Popen([path, *arguments[1:]], env=dict(environ))
            except OSError as error:
                raise CommandNotExecutableError(f"{path}: {error.strerror}") from None
            job.add(process)
            code = wait(process)
        return code - _ABOVE_INT if code >= _ABOVE_INT // 2 else code

    def become(path: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> NoReturn:
        """Run the command to its end and leave with its exit code; it dies if we do.

        Raises CommandNotExecutableError (exit 126) when it cannot be started.
        """
        os._exit(run(path, arguments, environ, subprocess.Popen.wait))
