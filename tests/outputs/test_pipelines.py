"""github, dotenv and slurm: what the program at the other end reads."""

import os
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import docker.utils
import dotenv
import pytest

from aws_role_exec.credentials import VARIABLES
from aws_role_exec.identity_variables import IDENTITY_VARIABLES
from runner import ROLE, Runner
from servers import sts as behave
from servers.sts import Sts

OF_GITHUB = "--format", "github", "--region", "eu-west-1"


def values(sts: Sts, index: int = 0) -> list[str | None]:
    key = sts.issued[index]
    return [key.access_key, key.secret, key.token, "eu-west-1", "eu-west-1"]


# --- GitHub ----------------------------------------------------------------------------------


@pytest.fixture
def github_env(tmp_path: Path) -> Path:
    """The file that the runner makes for a step; an earlier line of the step's own is in it."""
    path = tmp_path / "set_env_1234"
    path.write_text("EARLIER=yes\n")
    return path


@pytest.fixture
def actions(github_env: Path) -> Mapping[str, str]:
    return {"GITHUB_ACTIONS": "true", "GITHUB_ENV": str(github_env)}


def read_github_env(path: Path) -> dict[str, str]:
    """Written after what the runner documents and does (actions/runner, FileCommandManager):
    `K=V`, or `K<<END`, lines and END; blank lines are passed over, anything else is an error."""
    pairs = {}
    lines = iter(path.read_text().splitlines())
    for line in lines:
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc >= 0:
            name, _, end = line.partition("<<")
            value = "\n".join(iter(lambda: next(lines), end))
        elif line:
            raise ValueError("not a line that the runner takes")
        else:
            continue
        pairs[name] = value
    return pairs


class TestGithub:
    def test_later_steps_have_the_role(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], github_env: Path
    ) -> None:
        """And what was there stays."""
        run.assume(*OF_GITHUB, env=actions).ok()
        pairs = read_github_env(github_env)
        assert pairs.pop("EARLIER") == "yes"
        assert list(pairs) == list(VARIABLES)
        assert list(pairs.values())[:5] == values(sts)

    def test_stdout_holds_the_masks_and_nothing_else(
        self, run: Runner, sts: Sts, actions: Mapping[str, str]
    ) -> None:
        """One workflow command a line, for everything that the log must not show."""
        result = run.assume(*OF_GITHUB, env=actions).ok()
        key = sts.issued[0]
        masked = [line.removeprefix("::add-mask::") for line in result.out.splitlines()]
        assert masked == [key.secret, key.token, key.access_key]

    def test_the_masks_come_first(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], github_env: Path
    ) -> None:
        """When they cannot be printed, no step gets the credentials."""
        with open("/dev/full", "wb") as full:
            run.assume(*OF_GITHUB, env=actions, stdout=full).failure(125)
        assert sts.issued
        assert github_env.read_text() == "EARLIER=yes\n"

    def test_an_unfinished_line_is_not_ours_to_continue(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], github_env: Path
    ) -> None:
        """`echo -n X=1 >> $GITHUB_ENV` before us."""
        github_env.write_text("EARLIER=yes")
        run.assume(*OF_GITHUB, env=actions).ok()
        pairs = read_github_env(github_env)
        assert pairs["EARLIER"] == "yes"
        assert pairs["AWS_ACCESS_KEY_ID"] == sts.issued[0].access_key
        assert "\n\n" not in github_env.read_text(), "act takes no blank lines"

    def test_odd_characters_arrive(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], github_env: Path
    ) -> None:
        """Also those that look like the file's own syntax, or like an escape in a mask."""
        sts.secret_alphabet = sts.token_alphabet = "<<EOF=%0A%25::" + "".join(
            map(chr, range(33, 127))
        )
        result = run.assume(*OF_GITHUB, env=actions).ok()
        assert list(read_github_env(github_env).values())[1:6] == values(sts)
        unescaped = [
            line.removeprefix("::add-mask::").replace("%0A", "\n").replace("%25", "%")
            for line in result.out.splitlines()
        ]
        assert unescaped[:2] == [sts.issued[0].secret, sts.issued[0].token]

    def test_a_line_break_in_a_key_becomes_neither_command_nor_variable(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], github_env: Path
    ) -> None:
        """A service that answers so is refused, and nothing is printed."""
        sts.token_alphabet = "\nLD_PRELOAD=/tmp/evil.so\n::set-output name=x::y"
        result = run.assume(*OF_GITHUB, env=actions)
        result.failure(125)
        assert result.stdout == b""
        assert github_env.read_text() == "EARLIER=yes\n"

    def test_steps_at_the_same_time_do_not_mix(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], github_env: Path
    ) -> None:
        """Each appends by one write: blocks of six lines that belong together."""
        threads = [
            threading.Thread(target=lambda: run.assume(*OF_GITHUB, env=actions).ok())
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines = github_env.read_text().splitlines()[1:]
        blocks = [lines[i : i + 6] for i in range(0, len(lines), 6)]
        found = sorted([line.split("=", 1)[1] for line in block][:3] for block in blocks)
        assert found == sorted([key.access_key, key.secret, key.token] for key in sts.issued)

    def test_the_environment_is_written_in_one_system_call(
        self, run: Runner, actions: Mapping[str, str], github_env: Path, tmp_path: Path, needs
    ) -> None:
        """Seen by strace: the masks, then one write to the end of the file."""
        log = tmp_path / "log"
        prefix = [needs("strace"), "-f", "-qq", "-y", "-s0", "-e", "trace=write", "-o", str(log)]
        run.assume(*OF_GITHUB, env=actions, prefix=prefix).ok()
        writes = re.findall(r"write\(\d+<([^>]*)>", log.read_text())
        assert [path for path in writes if path == str(github_env)] == [str(github_env)]
        assert writes[-1] == str(github_env)
        assert writes[-2].startswith("pipe:")

    @pytest.mark.parametrize(
        "changes",
        [
            {"GITHUB_ENV": None},
            {"GITHUB_ENV": ""},
            {"GITHUB_ACTIONS": None},
            {"GITHUB_ACTIONS": "false"},
            {"GITHUB_ENV": "/nonexistent/file"},
            {"GITHUB_ENV": "/tmp"},
            {"GITHUB_ENV": "/dev/null"},
        ],
        ids=str,
    )
    def test_elsewhere_it_is_refused(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], changes: Mapping[str, str | None]
    ) -> None:
        """Before STS is asked, saying what is missing."""
        failure = run.assume(*OF_GITHUB, env={**actions, **changes}).failure(2)
        assert "GITHUB" in failure.line + (failure.hint or "")
        assert not sts.asked

    def test_a_link_in_its_place_is_not_followed(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], github_env: Path
    ) -> None:
        """The runner makes none."""
        target = github_env.with_name("target")
        github_env.rename(target)
        github_env.symlink_to(target)
        run.assume(*OF_GITHUB, env=actions).failure(2)
        assert target.read_text() == "EARLIER=yes\n"
        assert not sts.asked

    @pytest.mark.usefixtures("root")
    def test_a_full_disk_leaves_no_part_of_a_line(
        self, run: Runner, actions: Mapping[str, str], tmp_path: Path, needs
    ) -> None:
        """What there was room for is taken back."""
        place = tmp_path / "disk"
        place.mkdir()
        script = """
            mount -t tmpfs -o size=8k,mode=700 tmpfs "$0" || exit 98
            printf '%7999s\\n' '#' >"$0/env"; before=$(cksum <"$0/env")
            "$@"; code=$?; [ "$before" = "$(cksum <"$0/env")" ] || exit 99; exit $code
        """
        prefix = [needs("unshare", "util-linux"), "--mount", "sh", "-c", script, str(place)]
        env = {**actions, "GITHUB_ENV": str(place / "env")}
        run.assume(*OF_GITHUB, env=env, prefix=prefix).failure(125)

    def test_a_failed_run_prints_nothing(
        self, run: Runner, sts: Sts, actions: Mapping[str, str], github_env: Path
    ) -> None:
        """The step fails by the exit status."""
        sts.always(behave.ACCESS_DENIED)
        result = run.assume(*OF_GITHUB, env=actions)
        result.failure(125)
        assert result.stdout == b""
        assert github_env.read_text() == "EARLIER=yes\n"


# --- dotenv ----------------------------------------------------------------------------------


def read_as_gitlab(text: str) -> dict[str, str]:
    """What GitLab's Ci::ParseDotenvArtifactService does, in Python: under 5 KiB, at most 20
    variables, each line `name=value` and nothing else. (GitLab itself is not to be had here.)"""
    assert len(text.encode()) < 5 * 1024
    pairs = {}
    for line in text.splitlines():
        match = re.search(r"^(.*?)=(.*)$", line)
        assert match, "Invalid Format"
        pairs[match[1].strip()] = match[2].strip()
    assert len(pairs) <= 20
    assert all(re.fullmatch(r"[A-Za-z0-9_]{1,255}", name) for name in pairs)
    return pairs


class TestDotenv:
    def test_every_reader_reads_the_same(self, run: Runner, sts: Sts) -> None:
        """Docker's own library for --env-file, python-dotenv, GitLab's rules, a shell."""
        sts.secret_alphabet = sts.token_alphabet = "+/=-_.~%^&*()<>;:,?!|@[]{}"
        path = run.cwd / "aws.env"
        run.assume("--format", "dotenv", "--region", "eu-west-1", "--output", str(path)).ok()
        expected = values(sts)
        readings = [
            docker.utils.parse_env_file(str(path)),
            dotenv.dotenv_values(path),
            read_as_gitlab(path.read_text()),
        ]
        for pairs in readings:
            assert list(pairs) == list(VARIABLES)
            assert [*pairs.values()][:5] == expected
        assert path.stat().st_mode & 0o777 == 0o600

    def test_a_shell_can_read_what_sts_really_answers(self, run: Runner, sts: Sts) -> None:
        """`set -a; . ./aws.env`, as many scripts do."""
        run.assume("--format", "dotenv", "--region", "eu-west-1", "--output", "aws.env").ok()
        done = subprocess.run(
            ["sh", "-euc", "set -a; . ./aws.env; printenv AWS_SESSION_TOKEN"],
            cwd=run.cwd, env={"PATH": run.env["PATH"]}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.stdout.strip() == sts.issued[0].token

    @pytest.mark.parametrize("character", list("\"'`#$\\"))
    def test_what_readers_disagree_about_is_refused(
        self, run: Runner, sts: Sts, character: str
    ) -> None:
        """Rather than that a job starts with a key that is nearly right."""
        sts.token_alphabet = character
        result = run.assume("--format", "dotenv", "--output", "aws.env")
        result.failure(125)
        assert not list(run.cwd.iterdir())


# --- Slurm -----------------------------------------------------------------------------------


def apply_task_prolog(text: str, environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What slurmstepd does with a TaskProlog's output (slurm.conf(5), TaskProlog): `export
    NAME=rest of the line`, `unset NAME`, `print text`. tests/scheduler has the real one."""
    result, printed = dict(environ), []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "export":
            name, _, result[name] = (*rest.partition("=")[:2], rest.partition("=")[2])
        elif word == "unset":
            result.pop(rest, None)
        elif word == "print":
            printed.append(rest)
        else:
            raise ValueError("not of the protocol")
    return result, printed


class TestSlurm:
    def test_the_task_has_the_role_and_no_other_identity(self, run: Runner, sts: Sts) -> None:
        """Whatever `sbatch --export=ALL` carried along."""
        sts.secret_alphabet = sts.token_alphabet = "'\"$`\\#;= "[:-1]
        text = run.assume("--format", "slurm", "--region", "eu-west-1").ok().out
        submitted = {**dict.fromkeys(IDENTITY_VARIABLES, "old"), "HOME": "/home/alice"}
        environ, printed = apply_task_prolog(text, submitted)
        assert [environ[name] for name in VARIABLES][:5] == values(sts)
        assert environ.keys() == {*VARIABLES, "HOME"}
        assert printed == []

    def test_a_failure_says_so_in_the_tasks_output(self, run: Runner, sts: Sts) -> None:
        """The exit status is what fails the task."""
        sts.always(behave.ACCESS_DENIED)
        result = run.assume("--format", "slurm")
        result.failure(125)
        assert apply_task_prolog(result.out, {}) == (
            {},
            ["aws-role-exec: no credentials for this task"],
        )

    def test_unset(self, run: Runner) -> None:
        """For the task after it."""
        text = run("--unset", "--format", "slurm").ok().out
        assert apply_task_prolog(text, dict.fromkeys(VARIABLES, "x")) == ({}, [])


def test_a_role_is_not_needed_to_forget_one(run: Runner, sts: Sts) -> None:
    """No base identity, no network."""
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_STS"))
    assert run("--unset", env=keys).ok().out.startswith("unset AWS_ACCESS_KEY_ID;\n")
    assert run("--role-arn", ROLE, "--unset", "--dry-run").ok().stdout == b""
    assert not sts.asked
    assert os.listdir(run.cwd) == []
