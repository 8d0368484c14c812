"""No core dump of ours, which would have keys in it; the command's are the caller's matter.

The executable for Linux is closed to dumps and to debuggers by `build/launcher.c`, which execve(2)
undoes for the command; of the Python package the soft limit is 0 while it runs. The executable for
macOS has neither.
"""

from __future__ import annotations

import os
import sys

_callers_limits: list[tuple[int, int]] = []


def forbid() -> None:
    """Let no core be written until `give_back`."""
    if os.name == "nt" or getattr(sys, "frozen", False):
        return
    import resource  # not in every Python, and not in the executable

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if soft:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
        _callers_limits.append((soft, hard))


def give_back() -> None:
    """Restore the caller's limits."""
    if _callers_limits:
        import resource  # `forbid` has imported it

        resource.setrlimit(resource.RLIMIT_CORE, _callers_limits.pop())
