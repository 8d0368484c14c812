"""What a run asks of the kernel, against a budget: a count tells the program from the machine."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers.certificates import Authority
from servers.moto import Moto
from servers.proxy import Proxy

# Measured when this was written: 150 and 260. The room is for other kernels and libcs; a
# request through botocore takes 500 and more.
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
    # The budget is one that a request which botocore carries does not fit into.
    with Proxy(None) as proxy:
        by_botocore = {**env, "HTTPS_PROXY": proxy.url}
        assert calls("--role-arn", ROLE, "--", "/bin/true", **by_botocore) > PLAIN_RUN_CALLS
