"""Noticing the end of a process that is no child of ours."""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOOK_EVERY_SECONDS = 1.0
"""Where the system tells nobody but a parent, so that one has to look."""

_queues: list[object] = []  # a kqueue closes itself when nobody holds it


def open_end(process: int) -> int | None:
    """Return a descriptor that is readable once the process has ended; None where none can be had.

    Linux has pidfd_open(2) since 5.3, the BSDs and macOS kqueue(2). Either notices the end of the
    whole process, not of its first thread, and execve goes unnoticed.
    """
    if hasattr(os, "pidfd_open"):
        try:
            return os.pidfd_open(process)
        except OSError:
            return None
    if hasattr(select, "kqueue"):
        of_bsd: Any = select
        queue = of_bsd.kqueue()
        event = of_bsd.kevent(process, of_bsd.KQ_FILTER_PROC, of_bsd.KQ_EV_ADD, of_bsd.KQ_NOTE_EXIT)
        queue.control([event], 0)
        _queues.append(queue)
        return int(queue.fileno())
    return None


def is_running(process: int) -> bool:
    """Tell whether our parent is still the process: a kernel without pidfds gives us another."""
    return os.getppid() == process
