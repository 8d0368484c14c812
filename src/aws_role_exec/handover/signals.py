"""Signal dispositions: out of Python's way while we run, back to the caller's for the command.

A signal ends this process as it would end one without handlers; nothing here catches any.
"""

from __future__ import annotations

# Its C part loads nothing: until `take_over` has run, SIGINT is a traceback; and the Python part
# is made of enumerations, which take longer to import than STS takes to answer.
import _signal as signal  # type: ignore[import-not-found]
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Writing to a connection that was closed, or past a file size limit, must be an error for
# us; a command that becomes of us must get what our caller wanted.
_IGNORED_MEANWHILE = ("SIGPIPE", "SIGXFSZ")


def take_over() -> dict[str, Any]:
    """Let SIGINT end the process, and return the dispositions that `give_back` restores.

    A caller's ignored SIGINT stays ignored. Python itself ignores SIGPIPE and SIGXFSZ from
    the start and forgets what they were before, so the pip-installed program can only
    return them to the default; the frozen one is started without that.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    caller: dict[str, Any] = {}
    for name in _IGNORED_MEANWHILE:
        number = getattr(signal, name, None)
        if number is not None:
            frozen = getattr(sys, "frozen", False)
            caller[name] = signal.getsignal(number) if frozen else signal.SIG_DFL
            signal.signal(number, signal.SIG_IGN)
    return caller


def give_back(caller: dict[str, Any]) -> None:
    """Restore the dispositions that `take_over` returned."""
    for name, disposition in caller.items():
        signal.signal(getattr(signal, name), disposition)
