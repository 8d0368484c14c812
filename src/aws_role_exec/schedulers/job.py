"""The job around us: `--duration auto` and `--session-name auto`, for which alone this is read."""

from __future__ import annotations

from aws_role_exec.schedulers import (
    aws_batch,
    github,
    gitlab,
    grid_engine,
    jenkins,
    kubernetes,
    lsf,
    pbs,
    queries,
    slurm,
)
from aws_role_exec.sts import duration
from aws_role_exec.sts.duration import Duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Scheduler(Protocol):
        """A module of this folder: what starts jobs, with the three questions that it answers.

        `session_name` need not be legal. `seconds_left` is None where it does not tell, and may
        be negative; neither is asked unless the scheduler `is_here`.
        """

        NAME: str

        def is_here(self, environ: Mapping[str, str], /) -> bool: ...

        def session_name(self, environ: Mapping[str, str], /) -> str: ...

        def seconds_left(self, environ: Mapping[str, str], /) -> int | None: ...


SCHEDULERS: tuple[Scheduler, ...] = (
    slurm,
    pbs,
    lsf,
    grid_engine,
    aws_batch,
    github,
    gitlab,
    jenkins,
    kubernetes,
)
"""Schedulers go before the CI systems that may run in their jobs, and a pod comes last, since the
others may run in one."""
ELSE_SECONDS = 3600
"""What is asked for where no scheduler tells; every role gives that much."""
_NANOSECONDS = 10**9


def find(environ: Mapping[str, str]) -> Scheduler | None:
    """Return the scheduler whose job this is, None where this is no job."""
    return next((scheduler for scheduler in SCHEDULERS if scheduler.is_here(environ)), None)


def session_name(environ: Mapping[str, str]) -> str | None:
    """Return what the job is called, which STS may not take as it is; None where this is none."""
    scheduler = find(environ)
    return scheduler.session_name(environ) if scheduler else None


def session_seconds(environ: Mapping[str, str], *, chained: bool) -> tuple[int, str | None]:
    """Return how long a session to ask for, and a notice if that needs one.

    It is the time the job has left, held to what STS gives: never a reason to fail, since the
    user of `auto` has not named a duration that could be wrong. `chained` holds it to what a
    role gets from another role.
    """
    scheduler = find(environ)
    if scheduler is None:
        return ELSE_SECONDS, None
    left = scheduler.seconds_left(environ)
    if left is None:
        return ELSE_SECONDS, (
            f"{scheduler.NAME} did not report the remaining time of this job; the credentials"
            " will last 1h"
        )
    most, why = (
        (duration.CHAINED_MAXIMUM_SECONDS, "the maximum with role chaining")
        if chained
        else (duration.SESSION_MAXIMUM_SECONDS, "the maximum that STS allows")
    )
    if left > most:
        lasting = duration.format_go(duration.from_seconds(most)).removesuffix("0m0s")
        job = (
            "this job has no time limit"
            if left >= queries.FOREVER_SECONDS
            else f"this job can run for another {duration.format_go(duration.from_seconds(left))}"
        )
        return most, f"{job}; the credentials will last {lasting}, {why}"
    walltime = Duration(max(left, 1) * _NANOSECONDS, is_walltime=True)
    return duration.session_seconds(walltime)
