"""Slurm: sbatch(1), squeue(1)."""

from __future__ import annotations

import time

from aws_role_exec.schedulers import queries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "Slurm"


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of it; SLURM_JOBID is how old versions spell it."""
    return bool(_job(environ))


def session_name(environ: Mapping[str, str]) -> str:
    """Name the job, or the task of an array."""
    return f"slurm-{_job(environ)}"


def seconds_left(environ: Mapping[str, str]) -> int | None:
    """Return how long the job may still run: by the variable of newer versions, else squeue."""
    end = queries.whole_number(environ.get("SLURM_JOB_END_TIME"))
    if end is not None:
        return end - int(time.time())
    for line in queries.ask(["squeue", "-h", "-j", _job(environ), "-o", "%L"], environ):
        if line.strip().upper() == "UNLIMITED":
            return queries.FOREVER_SECONDS
        left = queries.seconds_on_clock(line)
        if left is not None:
            return left
    return None


def _job(environ: Mapping[str, str]) -> str:
    # In an array SLURM_JOB_ID is a number that squeue does not show by itself; by it the last
    # task would be the whole array.
    array, task = environ.get("SLURM_ARRAY_JOB_ID"), environ.get("SLURM_ARRAY_TASK_ID")
    if array and task:
        return f"{array}_{task}"
    return environ.get("SLURM_JOB_ID") or environ.get("SLURM_JOBID") or ""
