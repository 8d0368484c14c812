"""Standard descriptors that the caller closed went to the next file or connection.

rust-lang/rust#57728: what was meant for stdout lands in whatever file has its number.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from runner import ROLE, Result, Runner
from servers.sts import Sts

SEES = (
    sys.executable,
    "-I",
    "-c",
    "import os, sys; d = [n for n in range(3) if not os.path.exists(f'/proc/self/fd/{n}')];"
    " open(sys.argv[1], 'w').write(repr(d))",
)


def shell(run: Runner, redirections: str, *arguments: str, **options: object) -> Result:
    prefix = ("sh", "-c", f'exec "$@" {redirections}', "sh")
    return run.assume(*arguments, prefix=prefix, **options)


@pytest.fixture
def github(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "github-env").write_text("")
    return {"GITHUB_ACTIONS": "true", "GITHUB_ENV": str(tmp_path / "github-env")}


class TestStdout:
    def test_closed_with_github_writes_nothing(
        self, run: Runner, sts: Sts, github: dict[str, str]
    ) -> None:
        """Masks, which hold the secrets, went into GITHUB_ENV as if they were variables."""
        failure = shell(run, ">&-", "--format", "github", env=github).failure(2)
        assert "stdout" in failure.line
        assert Path(github["GITHUB_ENV"]).read_text() == ""
        assert not sts.asked

    @pytest.mark.parametrize("form", ["env", "json", "fish"])
    @pytest.mark.parametrize("redirection", [">&-", "1</dev/null"])
    def test_that_cannot_be_written_to_is_found_before_sts_is_asked(
        self, run: Runner, sts: Sts, form: str, redirection: str
    ) -> None:
        """Closed, or open for reading only."""
        failure = shell(run, redirection, "--format", form).failure(2)
        assert failure.line.startswith("aws-role-exec: stdout: ")
        assert not sts.asked

    @pytest.mark.parametrize("redirections", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
    def test_closed_does_not_matter_to_a_file(
        self, run: Runner, sts: Sts, redirections: str
    ) -> None:
        """The file was written and the exit status 125."""
        shell(run, redirections, "--format", "json", "--output", "creds").ok()
        assert json.loads((run.cwd / "creds").read_text())["Version"] == 1

    @pytest.mark.parametrize("option", ["--help", "--version"])
    @pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
    def test_that_takes_no_help_is_a_failure(
        self, run: Runner, option: str, redirection: str
    ) -> None:
        """A script that stores it learns that it is not there."""
        prefix = ("sh", "-c", f'exec "$@" {redirection}', "sh")
        assert "stdout" in run(option, prefix=prefix).failure(125).line

    @pytest.mark.parametrize("option", ["--help", "--version"])
    def test_whose_reader_has_gone_is_none(self, run: Runner, option: str) -> None:
        """`--help | head -1` under pipefail; it was exit 1."""
        read, written = os.pipe()
        os.close(read)
        with run.start(option, stdout=written) as process:
            os.close(written)
            assert process.wait(60) == 0
            assert process.stderr is not None
            assert process.stderr.read() == b""


class TestStderr:
    def test_closed_with_verbose_leaves_the_connection_alone(self, run: Runner, sts: Sts) -> None:
        """Lines about what is being done went to the server."""
        result = shell(run, "2>&-", "-v", "--", "echo", "hello").ok()
        assert result.out == "hello\n"
        assert len(sts.asked) == 1

    def test_closed_leaves_files_alone(self, run: Runner) -> None:
        shell(run, "2>&-", "-v", "--format", "json", "--output", "creds").ok()
        assert json.loads((run.cwd / "creds").read_text())["Version"] == 1

    def test_closed_still_exits_as_it_should(self, run: Runner) -> None:
        prefix = ("sh", "-c", 'exec "$@" 2>&-', "sh")
        assert run("--role-arn", "x", prefix=prefix).code == 2


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="SKIPPED: no /proc/self/fd")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_what_was_closed_is_closed_for_the_command(
    run: Runner, tmp_path: Path, closed: Sequence[int]
) -> None:
    """Everything is as the caller left it."""
    redirections = " ".join("<&-" if n == 0 else f"{n}>&-" for n in closed)
    seen = tmp_path / "seen"
    program = [*run.program, "--role-arn", ROLE, "--", *SEES, str(seen)]
    subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *program],
        env=run.environment(),
        cwd=run.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    assert seen.read_text() == repr(list(closed))


@pytest.mark.parametrize("name", ["/dev/fd/7", "/proc/self/fd/7", "/dev/stdin", "/dev/fd/0"])
def test_a_descriptor_open_for_reading_only_is_refused(run: Runner, sts: Sts, name: str) -> None:
    failure = shell(run, "</dev/null 7</dev/null", "--output", name).failure(2)
    assert failure.line.startswith("aws-role-exec: --output: ")
    assert not sts.asked
