"""Asking a scheduler's own tools, and reading the times they print."""

from __future__ import annotations

import os

from aws_role_exec.errors import AwsRoleExecError, UsageError
from aws_role_exec.sts import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FOREVER_SECONDS = 366 * 86400
"""The time left of a job without a limit."""
_TOOL_TIMEOUT_SECONDS = 5.0  # a controller that is busy must not hold up the job
# What the schedulers' own tools may need. They are told nothing else, so no secret.
_TOLD = frozenset({"HOME", "LOGNAME", "USER", "PATH", "TZ", "LD_LIBRARY_PATH"})
_TOLD_PREFIXES = ("SLURM_", "PBS_", "LSF_", "LSB_", "SGE_")


def ask(command: list[str], environ: Mapping[str, str]) -> list[str]:
    """Return the lines that a scheduler's tool prints.

    None if it fails, takes too long or prints more than any answer has.
    """
    from aws_role_exec.handover import execute  # all of these only if no variable tells
    from aws_role_exec.identity import children
    from aws_role_exec.network.deadline import Deadline

    told = {
        name: value
        for name, value in environ.items()
        if name in _TOLD or name.startswith(_TOLD_PREFIXES)
    }
    told = {"PATH": os.defpath, **told, "LC_ALL": "C"}
    try:
        words = [execute.find_command(command[0], told), *command[1:]]
        done = children.run(words, told, Deadline(_TOOL_TIMEOUT_SECONDS), has_stdin=False)
    except (OSError, ValueError, AwsRoleExecError):
        return []
    return [] if done.status else done.output.decode("utf-8", "replace").splitlines()


def seconds_on_clock(text: str) -> int | None:
    """Read `D-HH:MM:SS`, `HH:MM:SS`, `MM:SS` or seconds, as the tools print them."""
    text = text.strip()
    if text.count(":") == 1 and "-" not in text:
        text = "0:" + text
    try:
        return int(duration.parse(text).seconds) if text.strip("0:") else (0 if text else None)
    except UsageError:
        return None


def whole_number(text: str | None) -> int | None:
    """Return what a variable that holds a count of seconds says; None if it holds none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None
