"""Policies and tokens in files that are none: pipes nobody writes to, devices without end.

No public thread: `--policy file://FIFO` waited for ever, outside of --sts-timeout.
"""

import os
import threading
from pathlib import Path

import pytest

from runner import Runner
from servers.sts import Sts

POLICY = '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'


def asks(path: str | Path) -> list[tuple[str, str]]:
    return [("--policy", f"file://{path}"), ("--web-identity", f"file:{path}")]


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/random", "/dev/full", "/dev/tty", "/", "/dev"])
def test_a_device_is_refused_at_once(run: Runner, sts: Sts, name: str) -> None:
    """It has no end, or is no file."""
    for option, value in asks(name):
        failure = run.assume(option, value, "--", "true").failure(2)
        assert failure.line.startswith(f"aws-role-exec: {option}: ")
    assert not sts.asked


def test_a_fifo_without_a_writer_is_refused_at_once(run: Runner, sts: Sts, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for option, value in asks(tmp_path / "fifo"):
        assert "pipe" in run.assume(option, value, "--", "true").failure(2).line
    assert not sts.asked


def test_a_pipe_that_never_ends_is_given_up(run: Runner, sts: Sts) -> None:
    """A writer that hangs does not hang the job."""
    read, written = os.pipe()
    for option, value in asks(f"/dev/fd/{read}"):
        failure = run.assume(option, value, "--", "true", pass_fds=[read]).failure(2)
        assert "does not end" in failure.line
    os.close(read)
    os.close(written)
    assert not sts.asked


def test_a_substituted_command_is_read_to_its_end(run: Runner, sts: Sts) -> None:
    """`--policy file://<(jq ...)`."""
    read, written = os.pipe()

    def write() -> None:
        for half in (POLICY[:20], POLICY[20:]):
            os.write(written, half.encode())
        os.close(written)

    threading.Timer(0.2, write).start()
    run.assume("--policy", f"file:///dev/fd/{read}", "--", "true", pass_fds=[read]).ok()
    os.close(read)
    assert sts.asked[0].params["Policy"] == POLICY


def test_a_file_larger_than_any_policy_is_refused(run: Runner, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 32)  # sparse: reading all of it would take memory, not the disk's room
    for option, value in asks(tmp_path / "large"):
        assert "larger than" in run.assume(option, value, "--", "true").failure(2).line
