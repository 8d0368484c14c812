"""What a run asks of the kernel, against a budget: a count tells the program from the machine."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers.certificates import Authority
from servers.moto import Moto

# Measured when this was written: 150 and 260. The room is for other kernels and libcs; the way
# through botocore takes 500 and more.
VERSION_CALLS = 200
PLAIN_RUN_CALLS = 330


@pytest.fixture
def calls(run: Runner, tmp_path: Path, needs: Callable[[str], str]) -> Callable[..., int]:
    """Run the program under strace: how many system calls it makes until it is another program."""
    strace = needs("strace")

    def count(*arguments: str, **env: str) -> int:
        record = tmp_path / "calls"
        subprocess.run(
            [strace, "-f", "-o", record, *run.program, *arguments],
            env={**run.env, **env},
            check=True,
            capture_output=True,
        )
        made = 0
        for line in record.read_text().splitlines()[1:]:
            if re.search(r"\bexecve\(", line):
                break
            made += not re.search(r"(<\.\.\. |\+\+\+|---)", line)
        return made

    return count


def test_the_version(calls: Callable[..., int]) -> None:
    assert calls("--version") <= VERSION_CALLS


def test_a_plain_run(calls: Callable[..., int], moto_tls: Moto, authority: Authority) -> None:
    """From the start to execve, over TLS."""
    env = {"AWS_ENDPOINT_URL_STS": moto_tls.url, "AWS_CA_BUNDLE": str(authority.bundle)}
    assert calls("--role-arn", ROLE, "--", "/bin/true", **env) <= PLAIN_RUN_CALLS
    # The budget is one that the long way does not fit into.
    long_way = {**env, "AWS_USE_FIPS_ENDPOINT": "false"}
    assert calls("--role-arn", ROLE, "--", "/bin/true", **long_way) > PLAIN_RUN_CALLS
