"""AWS Batch: "AWS Batch job environment variables" in its user guide."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "AWS Batch"


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of it."""
    return bool(environ.get("AWS_BATCH_JOB_ID"))


def session_name(environ: Mapping[str, str]) -> str:
    """Name the job; in an array its id ends in ":" and the index."""
    return f"batch-{environ['AWS_BATCH_JOB_ID']}"


def seconds_left(_environ: Mapping[str, str]) -> int | None:
    """Return None: a job is not told when its attempt times out."""
    return None
