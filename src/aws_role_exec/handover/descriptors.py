"""Standard descriptors that the caller closed: held while we run, missing again for the command.

The system gives a new file the lowest free number. Without this a file of ours, a connection
even, could become descriptor 1 or 2, and lines for stdout or stderr would go into it.
`build/launcher.c` does the same before the interpreter of the executable starts.
"""

from __future__ import annotations

import os


def hold() -> None:
    """Put /dev/null in the place of each of descriptors 0 to 2 that is not open.

    It is opened the wrong way round, so that reading and writing there still fail as they would
    on a closed descriptor; and close-on-exec, so that the command finds it closed again.
    """
    for number, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            try:
                os.open(os.devnull, flags)  # takes the lowest number that is free: this one
            except OSError:
                pass  # a root without /dev: there is nothing to hold it with


def can_write(number: int) -> bool:
    """Tell whether the descriptor is open, and for writing."""
    try:
        if os.name == "nt":
            os.fstat(number)
            return True
        import fcntl  # POSIX only

        return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError:
        return False
