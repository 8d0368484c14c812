"""Grid Engine and its successors: qsub(1), qstat(1)."""

from __future__ import annotations

import os
import time

from aws_role_exec.schedulers import queries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "SGE"


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of it: JOB_ID alone may be anyone's, and so may the other."""
    return bool(environ.get("JOB_ID") and environ.get("SGE_TASK_ID"))


def session_name(environ: Mapping[str, str]) -> str:
    """Name the job, or the task of an array; outside arrays that is the word "undefined"."""
    task = environ["SGE_TASK_ID"]
    return f"sge-{environ['JOB_ID']}" + ("" if task == "undefined" else f"_{task}")


def seconds_left(environ: Mapping[str, str]) -> int | None:
    """Return how long the job may still run: its hard limit, less the time since it started."""
    # Jobs need not have Grid Engine's commands on their PATH.
    path = os.pathsep.join(filter(None, map(environ.get, ("PATH", "SGE_BINARY_PATH"))))
    limit = None
    for line in queries.ask(["qstat", "-j", environ["JOB_ID"]], {**environ, "PATH": path}):
        label, _, values = line.partition(":")
        if label == "hard resource_list":
            fields = dict(pair.strip().partition("=")[::2] for pair in values.split(","))
            limit = queries.seconds_on_clock(fields.get("h_rt", ""))
    return None if limit is None else limit - _seconds_used(environ)


def _seconds_used(environ: Mapping[str, str]) -> int:
    # qstat does not tell in every version; this file is written when the job starts.
    try:
        started = os.stat(os.path.join(environ["SGE_JOB_SPOOL_DIR"], "config")).st_mtime
    except (KeyError, OSError):
        return 0
    return max(int(time.time() - started), 0)
