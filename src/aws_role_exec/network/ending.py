"""Ending programs that were started and did not answer in time, so that none outlives us.

A helper is often a shell and its command, and one may ignore SIGTERM. What stands below a process
is known on Linux only; elsewhere the process itself is ended.
"""

from __future__ import annotations

# Its C part: the Python part is made of enumerations (docs/adr/0001-imports.md).
import _signal as signal  # type: ignore[import-not-found]
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_GRACE_SECONDS = 0.05  # to end by oneself: the deadline has passed already
_BY_FORCE = getattr(signal, "SIGKILL", signal.SIGTERM)


def end(*processes: int) -> None:
    """End the processes and all below them: first asked with SIGTERM, then with SIGKILL."""
    doomed = {*processes, *below(*processes)}
    _signal_all(doomed, signal.SIGTERM)
    until = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < until and any(map(_is_running, doomed)):
        time.sleep(0.002)
    doomed.update(below(*processes))
    _signal_all(doomed, _BY_FORCE)


def below(*processes: int) -> list[int]:
    """Return the children of the processes, and theirs."""
    children: list[int] = []
    for process in processes:
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{task}/children", "rb") as file:
                    children += map(int, file.read().split())
        except (OSError, ValueError):
            continue
    return [*children, *below(*children)] if children else []


def _signal_all(processes: Iterable[int], number: int) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except OSError:
            continue


def _is_running(process: int) -> bool:
    """Tell whether the process is there and no zombie; where /proc is not, that it is."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return not os.path.exists("/proc/self")
