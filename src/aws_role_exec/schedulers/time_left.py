"""How long the batch job around us may still run, as its scheduler tells: `--duration auto`.

Imported for `auto` only.
"""

from __future__ import annotations

import os
import time

from aws_role_exec.errors import UsageError
from aws_role_exec.sts import duration
from aws_role_exec.sts.duration import Duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ELSE_SECONDS = 3600
"""What is asked for where no scheduler tells; every role gives that much."""
_FOREVER_SECONDS = 366 * 86400  # a job without a limit
_TOOL_TIMEOUT_SECONDS = 5.0  # a controller that is busy must not hold up the job
# What the schedulers' own tools may need. They are told nothing else, so no secret.
_TOLD = frozenset({"HOME", "LOGNAME", "USER", "PATH", "TZ", "LD_LIBRARY_PATH"})
_TOLD_PREFIXES = ("SLURM_", "PBS_", "LSF_", "LSB_", "SGE_")
_LSF_KINDS = frozenset("LEX")  # of a limit, estimated, exceeded

_NANOSECONDS = 10**9


def session_seconds(environ: Mapping[str, str], *, chained: bool) -> tuple[int, str | None]:
    """Return how long a session to ask for under `auto`, and a notice if that needs one.

    It is the time the job has left, held to what STS gives: never a reason to fail, since the
    user of `auto` has not named a duration that could be wrong. `chained` holds it to what a
    role gets from another role.
    """
    scheduler, left = find(environ)
    if left is None:
        if scheduler is None:
            return ELSE_SECONDS, None
        return ELSE_SECONDS, (
            f"{scheduler} does not say how long this job may run; the credentials will last 1h"
        )
    most, why = (
        (duration.CHAINED_MAXIMUM_SECONDS, "the most that STS gives a role assumed from another")
        if chained
        else (duration.SESSION_MAXIMUM_SECONDS, "the most that STS gives")
    )
    if left > most:
        lasting = duration.format_go(duration.from_seconds(most)).removesuffix("0m0s")
        job = (
            "this job has no time limit"
            if left >= _FOREVER_SECONDS
            else f"this job may run for another {duration.format_go(duration.from_seconds(left))}"
        )
        return most, f"{job}; the credentials will last {lasting}, {why}"
    walltime = Duration(max(left, 1) * _NANOSECONDS, is_walltime=True)
    return duration.session_seconds(walltime)


def find(environ: Mapping[str, str]) -> tuple[str | None, int | None]:
    """Return the scheduler whose job this is and the seconds it leaves the job, None if unknown.

    What a variable says goes before what the scheduler's tool says.
    """
    for name, variable, ask in _SCHEDULERS:
        if environ.get(variable):
            try:
                return name, ask(environ)
            except (ValueError, OverflowError):
                return name, None
    return None, None


def _slurm(environ: Mapping[str, str]) -> int | None:
    end = environ.get("SLURM_JOB_END_TIME")  # newer versions set it
    if end and end.isascii() and end.isdigit():
        return int(end) - int(time.time())
    # By its number alone the last task of an array would be the whole array.
    array, task = environ.get("SLURM_ARRAY_JOB_ID"), environ.get("SLURM_ARRAY_TASK_ID")
    job = f"{array}_{task}" if array and task else environ["SLURM_JOB_ID"]
    for line in _ask(["squeue", "-h", "-j", job, "-o", "%L"], environ):
        if line.strip().upper() == "UNLIMITED":
            return _FOREVER_SECONDS
        left = _clock(line)
        if left is not None:
            return left
    return None


def _pbs(environ: Mapping[str, str]) -> int | None:
    limit = used = None
    for line in _ask(["qstat", "-f", environ["PBS_JOBID"]], environ):
        name, _, value = line.partition(" = ")
        if name.strip() == "Resource_List.walltime":
            limit = _clock(value)
        elif name.strip() == "resources_used.walltime":
            used = _clock(value)
    if limit is None:
        seconds = environ.get("PBS_WALLTIME", "")  # Torque sets it: the whole of it
        limit = int(seconds) if seconds.isascii() and seconds.isdigit() else None
    return None if limit is None else limit - (used or 0)


def _lsf(environ: Mapping[str, str]) -> int | None:
    index = environ.get("LSB_JOBINDEX") or "0"  # 0 outside arrays
    job = environ["LSB_JOBID"] + (f"[{index}]" if index != "0" else "")
    for line in _ask(["bjobs", "-noheader", "-o", "time_left", job], environ):
        # "1:30 L" and, where LSB_HMS_TIME_FORMAT is set, "1:30:00 L"; "-" without a limit.
        text, _, kind = line.strip().partition(" ")
        if ":" in text and kind in _LSF_KINDS:
            hours, minutes, *seconds = map(int, text.split(":"))
            left = hours * 3600 + minutes * 60 + sum(seconds)
            # A limit ends the job; an estimate does not, met or exceeded.
            return left if kind == "L" else max(left, ELSE_SECONDS)
    return None


def _sge(environ: Mapping[str, str]) -> int | None:
    # Jobs need not have Grid Engine's commands on their PATH.
    path = os.pathsep.join(filter(None, map(environ.get, ("PATH", "SGE_BINARY_PATH"))))
    limit = None
    for line in _ask(["qstat", "-j", environ["JOB_ID"]], {**environ, "PATH": path}):
        label, _, values = line.partition(":")
        if label == "hard resource_list":
            fields = dict(pair.strip().partition("=")[::2] for pair in values.split(","))
            limit = _clock(fields.get("h_rt", ""))
    return None if limit is None else limit - _sge_used(environ)


def _sge_used(environ: Mapping[str, str]) -> int:
    # qstat does not tell in every version; this file is written when the job starts.
    try:
        started = os.stat(os.path.join(environ["SGE_JOB_SPOOL_DIR"], "config")).st_mtime
    except (KeyError, OSError):
        return 0
    return max(int(time.time() - started), 0)


_SCHEDULERS: tuple[tuple[str, str, Callable[[Mapping[str, str]], int | None]], ...] = (
    ("Slurm", "SLURM_JOB_ID", _slurm),
    ("PBS", "PBS_JOBID", _pbs),
    ("LSF", "LSB_JOBID", _lsf),
    ("SGE", "SGE_TASK_ID", _sge),  # JOB_ID alone may be anyone's
)


def _clock(text: str) -> int | None:
    """Read `D-HH:MM:SS`, `HH:MM:SS`, `MM:SS` or seconds, as the tools print them."""
    text = text.strip()
    if text.count(":") == 1 and "-" not in text:
        text = "0:" + text
    try:
        return int(duration.parse(text).seconds) if text.strip("0:") else (0 if text else None)
    except UsageError:
        return None


def _ask(command: list[str], environ: Mapping[str, str]) -> list[str]:
    """Return the lines that a scheduler's tool prints; none if it fails or takes too long."""
    import subprocess  # noqa: PLC0415 - only if no variable tells

    told = {
        name: value
        for name, value in environ.items()
        if name in _TOLD or name.startswith(_TOLD_PREFIXES)
    }
    try:
        done = subprocess.run(
            command,
            env={"PATH": os.defpath, **told, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TOOL_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.decode("utf-8", "replace").splitlines()
