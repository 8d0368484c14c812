"""GitHub Actions: "Variables reference" of its documentation."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "GitHub Actions"


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a step of it."""
    return environ.get("GITHUB_ACTIONS") == "true" and bool(environ.get("GITHUB_RUN_ID"))


def session_name(environ: Mapping[str, str]) -> str:
    """Name the run and the attempt."""
    return f"github-{environ['GITHUB_RUN_ID']}-{environ.get('GITHUB_RUN_ATTEMPT') or '1'}"


def seconds_left(_environ: Mapping[str, str]) -> int | None:
    """Return None: a job is not told its timeout-minutes."""
    return None
