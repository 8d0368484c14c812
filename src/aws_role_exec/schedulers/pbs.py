"""PBS: OpenPBS, PBS Professional and Torque, qstat(1B)."""

from __future__ import annotations

from aws_role_exec.schedulers import queries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "PBS"


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of it."""
    return bool(environ.get("PBS_JOBID"))


def session_name(environ: Mapping[str, str]) -> str:
    """Name the job, with the server's name and in an array the index: `pbs-1234[5].server`."""
    return f"pbs-{environ['PBS_JOBID']}"


def seconds_left(environ: Mapping[str, str]) -> int | None:
    """Return how long the job may still run, by qstat; Torque's variable has the whole of it."""
    limit = used = None
    for line in queries.ask(["qstat", "-f", environ["PBS_JOBID"]], environ):
        name, _, value = line.partition(" = ")
        if name.strip() == "Resource_List.walltime":
            limit = queries.seconds_on_clock(value)
        elif name.strip() == "resources_used.walltime":
            used = queries.seconds_on_clock(value)
    if limit is None:
        limit = queries.whole_number(environ.get("PBS_WALLTIME"))
    return None if limit is None else limit - (used or 0)
