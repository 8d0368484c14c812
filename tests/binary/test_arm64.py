"""The executable for arm64, run by an emulator of its processor."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers.certificates import Authority
from servers.sts import Sts

from .conftest import built


@pytest.fixture
def emulated(run: Runner, needs: Callable[..., str], tmp_path: Path) -> Iterator[Runner]:
    """qemu passes execve on to the kernel: the command that takes over runs natively."""
    directory = tmp_path / "only-the-program"
    directory.mkdir()
    program = shutil.copy(built("linux_arm64"), directory)
    run.program = [needs("qemu-aarch64", "qemu-user"), str(program)]
    yield run
    assert [path.name for path in directory.iterdir()] == ["aws-role-exec"]


class TestOnArm64:
    def test_tells_its_version(self, emulated: Runner) -> None:
        assert emulated("--version").ok().out.startswith("aws-role-exec ")

    def test_validates_without_a_network(self, emulated: Runner) -> None:
        done = emulated.assume("--dry-run", "--", "/bin/true").ok()
        assert f"DRY RUN: would assume {ROLE}" in done.err

    def test_becomes_the_command(self, emulated: Runner, sts: Sts) -> None:
        became = emulated.become(argv=[b"gr\xc3\xbc\xc3\x9fe", b"\xff", b""])
        assert became.pid == became.result.pid
        assert became.argv == [b"gr\xc3\xbc\xc3\x9fe", b"\xff", b""]
        assert became.env["AWS_ACCESS_KEY_ID"] == sts.issued[-1].access_key

    def test_prints_credentials(self, emulated: Runner, sts: Sts) -> None:
        assert sts.issued == []
        printed = emulated.assume("--format", "json").ok().out
        assert sts.issued[-1].access_key in printed

    def test_verifies_certificates(
        self, emulated: Runner, authority: Authority, sts_servers: Callable[..., Sts]
    ) -> None:
        good, other = sts_servers(authority.context()), sts_servers(authority.context("a.test"))
        env = {"AWS_CA_BUNDLE": str(authority.bundle)}
        emulated.assume("--", "/bin/true", env={**env, "AWS_ENDPOINT_URL_STS": good.url}).ok()
        refused = emulated.assume(
            "--sts-timeout",
            "10s",
            "--",
            "/bin/true",
            env={**env, "AWS_ENDPOINT_URL_STS": other.url},
        )
        assert "certificate" in refused.failure(125).text
        assert not other.asked
