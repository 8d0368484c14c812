"""Starting a process beside us of which the command, that we become, never hears.

A child that a command did not start confuses it: a shell's or a Perl script's `wait` for all
children would never return. Linux has children that no `wait` sees, those made by clone(2) without
an exit signal; elsewhere the child of a child that has ended is nobody's.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_CLONE_NUMBERS = {
    "aarch64": 220,
    "armv7l": 120,
    "i686": 120,
    "loongarch64": 220,
    "ppc64le": 120,
    "riscv64": 220,
    "s390x": 120,
    "x86_64": 56,
}
"""The number of clone(2) by machine, as uname(2) calls it (Linux: the tables of system calls)."""


def start(work: Callable[[], None]) -> None:
    """Run the work in a new process, which ends when the work does.

    Raises OSError where the system gives no process (at the user's limit, as EAGAIN).
    """
    if sys.platform == "linux":
        clone = _of_the_launcher() if getattr(sys, "frozen", False) else _of_the_library()
        if clone is not None:
            clone(work)
            return
    _start_twice_removed(work)


def _of_the_launcher() -> Callable[[Callable[[], None]], None]:
    """Return the executable's own clone: see build/launcher.c."""
    from _launcher import clone  # type: ignore[import-not-found]  # linked in

    return clone  # type: ignore[no-any-return]


def _of_the_library() -> Callable[[Callable[[], None]], None] | None:
    """Return clone(2) by way of the C library that Python runs on; None where that cannot be."""
    number = _CLONE_NUMBERS.get(os.uname().machine)
    try:
        import ctypes  # not in every Python
    except ImportError:
        return None
    if number is None:
        return None

    def clone(work: Callable[[], None]) -> None:
        library = ctypes.PyDLL(None, use_errno=True)  # PyDLL: the interpreter stays ours meanwhile
        library.PyOS_BeforeFork()
        child = library.syscall(number, 0, 0, 0, 0, 0)
        if child == 0:
            library.PyOS_AfterFork_Child()
            _run_and_end(work)
        error = ctypes.get_errno()
        library.PyOS_AfterFork_Parent()
        if child < 0:
            raise OSError(error, os.strerror(error))

    return clone


def _start_twice_removed(work: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        try:
            grandchild = os.fork()
        except OSError as error:
            os._exit(error.errno or 1)
        if grandchild == 0:
            _run_and_end(work)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


def _run_and_end(work: Callable[[], None]) -> None:
    """Run the work and end this process, whatever happens: nothing returns to the caller's code."""
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)
