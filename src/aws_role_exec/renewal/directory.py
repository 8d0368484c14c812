"""The private directory of a run that renews: made for one command, and gone with it.

Where it may be, who else can open it, and how the next run knows one that a killed run left
behind: of that each system has ways of its own.
"""

from __future__ import annotations

import os
import sys

from aws_role_exec.errors import OutputError

if sys.platform == "win32":
    from aws_role_exec.renewal.directory_windows import (
        PLACES,
        Private,
        make_in,
        obstacle,
        remove_if_left_over,
    )
else:
    from aws_role_exec.renewal.directory_posix import (
        PLACES,
        Private,
        make_in,
        obstacle,
        remove_if_left_over,
    )

__all__ = ["Private", "candidates", "make", "make_in", "obstacle"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "aws-role-exec-"
_LEFTOVERS_AT_MOST = 10000  # looked at in one directory


def candidates(environ: Mapping[str, str]) -> list[str]:
    """Return where such a directory may be, in order.

    XDG_RUNTIME_DIR, TMPDIR, /tmp; on Windows LOCALAPPDATA. Places with an obstacle are passed
    over.
    """
    named = [place if os.path.isabs(place) else environ.get(place, "") for place in PLACES]
    return [place for place in dict.fromkeys(named) if place and obstacle(place) is None]


def make(places: list[str]) -> Private:
    """Make a new one in the first of the places that takes it, and remove leftovers there.

    Raises OutputError where none does, with what the system said of each.
    """
    said = []
    for place in places:
        try:
            _remove_leftovers(place)
            return make_in(place, _PREFIX)
        except OSError as error:
            said.append(f"{place}: {error.strerror}")
    variable = [place for place in PLACES if not os.path.isabs(place)][-1]
    raise OutputError(
        "--renew: cannot create a private directory:"
        f" {'; '.join(said) or 'no usable directory found'}",
        hint=f"set {variable} to a directory that you own, with a plain name",
    )


def _remove_leftovers(place: str) -> None:
    """Remove what runs that were killed left behind: ours, and in nobody's use."""
    with os.scandir(place) as entries:
        for number, entry in enumerate(entries):
            if number >= _LEFTOVERS_AT_MOST:
                return
            if not entry.name.startswith(_PREFIX):
                continue
            try:
                remove_if_left_over(entry.path)
            except OSError:
                continue  # in use, another's, or removed by another run meanwhile
