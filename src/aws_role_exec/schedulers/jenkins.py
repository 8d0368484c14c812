"""Jenkins: the variables that it lists under /env-vars.html."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "Jenkins"


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a build of it; other systems have a BUILD_TAG too."""
    return bool(environ.get("JENKINS_URL")) and bool(
        environ.get("BUILD_TAG") or (environ.get("JOB_NAME") and environ.get("BUILD_NUMBER"))
    )


def session_name(environ: Mapping[str, str]) -> str:
    """Name the build: BUILD_TAG is `jenkins-${JOB_NAME}-${BUILD_NUMBER}`."""
    tag = environ.get("BUILD_TAG")
    return tag or f"jenkins-{environ['JOB_NAME']}-{environ['BUILD_NUMBER']}"


def seconds_left(_environ: Mapping[str, str]) -> int | None:
    """Return None: a build is not told its timeout."""
    return None
