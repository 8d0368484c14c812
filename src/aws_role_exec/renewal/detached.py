"""Letting go of all that was the caller's: descriptors, directory, terminal, signals, name."""

from __future__ import annotations

# Its C part: the Python part is made of enumerations (docs/adr/0001-imports.md).
import _signal as signal  # type: ignore[import-not-found]
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_NAME = "aws-role-renew"
"""As `ps -o comm` and `top` show it: 15 bytes at most (Linux: proc(5), comm)."""
_STDERR = 2


def let_go(keep: Collection[int]) -> None:
    """Leave the caller's session and terminal, and close its descriptors but stderr and `keep`.

    The job's stderr stays, to be told what goes wrong; the others are /dev/null.
    """
    os.setsid()
    os.umask(0o077)
    _hold_nothing()
    _close_all_but(keep)


def ignore_signals() -> None:
    """Ignore every signal that can be ignored: they are meant for the command.

    SIGCHLD keeps its default, since renewals are waited for.
    """
    for number in _signals():
        if number != signal.SIGCHLD:
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def become_ordinary(keep: int) -> None:
    """Undo that for a renewal: what it starts must be able to be ended.

    Its stderr is /dev/null, since only the helper speaks, and in one line.
    """
    for number in _signals():
        signal.signal(number, signal.SIG_DFL)
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.dup2(0, _STDERR)
    _close_all_but((keep,))


def take_a_name(command: int) -> None:
    """Say in the list of processes what this one is, and whose: `command` is a process ID."""
    try:
        with open("/proc/self/comm", "wb", buffering=0) as file:
            file.write(_NAME.encode())
    except OSError:
        return  # no Linux, or no /proc
    if getattr(sys, "frozen", False):
        from _launcher import set_title  # type: ignore[import-not-found]  # linked in

        set_title(f"aws-role-exec: renews the credentials of process {command}")


def let_go_of_memory() -> None:
    """Give the pages of the executable back while there is nothing to do; they come again.

    Most of them only the start needed. The pip-installed program has no such pages of its own.
    """
    if sys.platform == "linux" and getattr(sys, "frozen", False):
        from _launcher import let_go_of_pages  # linked in

        let_go_of_pages()


def _hold_nothing() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(null, number)
    os.close(null)


def _close_all_but(keep: Collection[int]) -> None:
    try:
        found = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        found = list(range(os.sysconf("SC_OPEN_MAX")))
    for number in found:
        if number > _STDERR and number not in keep:
            try:
                os.close(number)
            except OSError:
                continue  # the one by which the list was read


def _signals() -> list[int]:
    fixed = {signal.SIGKILL, signal.SIGSTOP}
    return [number for number in signal.valid_signals() if number not in fixed]
