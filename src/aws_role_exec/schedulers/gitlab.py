"""GitLab CI: "Predefined CI/CD variables reference" of its documentation."""

from __future__ import annotations

import time

from aws_role_exec.schedulers import queries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "GitLab CI"


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of it."""
    return bool(environ.get("GITLAB_CI") and environ.get("CI_JOB_ID"))


def session_name(environ: Mapping[str, str]) -> str:
    """Name the job."""
    return f"gitlab-{environ['CI_JOB_ID']}"


def seconds_left(environ: Mapping[str, str]) -> int | None:
    """Return how long the job may still run: its timeout, less the time since it started."""
    limit = queries.whole_number(environ.get("CI_JOB_TIMEOUT"))
    if limit is None:
        return None
    from datetime import UTC, datetime  # here only

    try:
        started = datetime.fromisoformat(environ.get("CI_JOB_STARTED_AT", ""))
        seconds = (
            time.time() - (started if started.tzinfo else started.replace(tzinfo=UTC)).timestamp()
        )
    except (ValueError, OverflowError):
        return None
    return limit - max(int(seconds), 0)
