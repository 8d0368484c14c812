"""The deadline holds, whatever stalls or never ends, and costs neither memory nor a process."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile.deadlines import meet, wrong
from hostile.stalls import STALLS, Stall
from servers.certificates import Authority


@pytest.mark.parametrize("stall", STALLS, ids=lambda stall: stall.name)
def test_a_stall_is_ended_in_time(
    stall: Stall,
    program: list[str],
    tmp_path: Path,
    authority: Authority,
    needs: Callable[..., str],
) -> None:
    """In one line, with nothing left running; after the deadline nothing is waited for."""
    needs("prlimit", "util-linux")
    if stall.needs_root and os.geteuid() != 0:
        pytest.skip("SKIPPED: needs root, for mounts")
    ended = meet(stall, program, tmp_path, authority, needs("strace"))
    assert not list(wrong(stall, ended)), ended
