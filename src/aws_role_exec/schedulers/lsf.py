"""LSF: bsub(1), bjobs(1)."""

from __future__ import annotations

from aws_role_exec.schedulers import queries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "LSF"
_KINDS = frozenset("LEX")  # of a limit, estimated, exceeded
_ESTIMATE_AT_LEAST_SECONDS = 3600


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of it."""
    return bool(environ.get("LSB_JOBID"))


def session_name(environ: Mapping[str, str]) -> str:
    """Name the job, or the task of an array."""
    index = _index(environ)
    return f"lsf-{environ['LSB_JOBID']}" + (f"_{index}" if index else "")


def seconds_left(environ: Mapping[str, str]) -> int | None:
    """Return how long the job may still run, by bjobs."""
    index = _index(environ)
    job = environ["LSB_JOBID"] + (f"[{index}]" if index else "")
    for line in queries.ask(["bjobs", "-noheader", "-o", "time_left", job], environ):
        # "1:30 L" and, where LSB_HMS_TIME_FORMAT is set, "1:30:00 L"; "-" without a limit.
        text, _, kind = line.strip().partition(" ")
        fields = list(map(queries.whole_number, text.split(":")))
        if len(fields) not in (2, 3) or None in fields or kind not in _KINDS:
            continue
        hours, minutes, *seconds = (field or 0 for field in fields)
        left = hours * 3600 + minutes * 60 + sum(seconds)
        # A limit ends the job; an estimate does not, met or exceeded.
        return left if kind == "L" else max(left, _ESTIMATE_AT_LEAST_SECONDS)
    return None


def _index(environ: Mapping[str, str]) -> str:
    """Return the task's number, which is 0 outside arrays and then "" here."""
    index = environ.get("LSB_JOBINDEX", "")
    return "" if index == "0" else index
