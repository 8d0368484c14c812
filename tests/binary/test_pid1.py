"""As the entrypoint of a container: what is started as PID 1 becomes the command, as PID 1."""

from collections.abc import Callable

import pytest

from binary.conftest import needs_root
from runner import Runner

pytestmark = needs_root


@pytest.fixture
def container(needs: Callable[..., str]) -> list[str]:
    """What starts a program as the first one of a PID namespace."""
    return [needs("unshare", "util-linux"), "--pid", "--fork", "--mount-proc"]


def test_the_command_is_pid_1_and_alone(run: Runner, container: list[str]) -> None:
    """No init, no wrapper: the namespace holds the command and nothing else."""
    script = 'echo "$$"; cd /proc && echo [0-9]*'
    done = run.assume("--", "/bin/sh", "-c", script, prefix=container).ok()
    assert done.out.split() == ["1", "1"]


def test_its_exit_status_is_the_containers(run: Runner, container: list[str]) -> None:
    assert run.assume("--", "/bin/sh", "-c", "exit 42", prefix=container).code == 42


def test_a_refusal_is_125(run: Runner, container: list[str]) -> None:
    """What a container runtime shows as the reason, and restarts or not."""
    env = {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"}
    run.assume("--sts-timeout", "2s", "--", "/bin/true", prefix=container, env=env).failure(125)
