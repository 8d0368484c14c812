"""A Kubernetes pod: the variables that its kubelet sets."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "Kubernetes"


def is_here(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a container of a pod."""
    return bool(environ.get("KUBERNETES_SERVICE_HOST") and _pod(environ))


def session_name(environ: Mapping[str, str]) -> str:
    """Name the pod."""
    return f"k8s-{_pod(environ)}"


def seconds_left(_environ: Mapping[str, str]) -> int | None:
    """Return None: a pod is not told its activeDeadlineSeconds."""
    return None


def _pod(environ: Mapping[str, str]) -> str:
    # A pod's host name is its own name unless it was told another.
    name = environ.get("POD_NAME") or environ.get("HOSTNAME") or ""
    if not name and sys.platform != "win32":
        import os  # POSIX only

        name = os.uname().nodename
    return name
