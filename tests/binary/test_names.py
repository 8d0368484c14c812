"""Host names: /etc/hosts and resolv.conf, read by the libc that is linked in."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import needs_root

pytestmark = needs_root
NETWORK = Path(__file__).with_name("network.py")


@pytest.mark.parametrize("way", ["hosts", "dns"])
def test_the_endpoint_is_found(
    program: list[str], needs: Callable[..., str], tmp_path: Path, way: str
) -> None:
    """In a network of its own, where sts.test has an address by one way only."""
    command = ["unshare", "--mount", "--net", sys.executable, str(NETWORK)]
    needs("ip", "iproute2")
    done = subprocess.run(
        [*command, way, str(tmp_path), *program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["code"] == 0, told
    assert told["asked"] == 1
    assert (told["queries"] > 0) == (way == "dns"), told


def test_a_name_that_does_not_exist_is_said_so(program: list[str], tmp_path: Path) -> None:
    command = ["unshare", "--mount", "--net", sys.executable, str(NETWORK)]
    done = subprocess.run(
        [*command, "nowhere", str(tmp_path), *program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["code"] == 125, told
    assert "sts.test" in told["stderr"]
