"""`--format env` in every shell the contract names, for real."""

import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from runner import ROLE, Runner
from servers import sts as behave
from servers.sts import Sts

SHELLS = {
    "bash": ["bash", "--norc"],
    "bash --posix": ["bash", "--posix"],
    "dash": ["dash"],
    "zsh": ["zsh", "-f"],
    "zsh as sh": ["zsh", "--emulate", "sh", "-f"],
    "ksh": ["ksh"],
    "mksh": ["mksh"],
    "busybox sh": ["busybox", "sh"],
}
EVALS = {"unquoted": "eval $({})", "quoted": 'eval "$({})"'}
SHOW = (
    'printf \'%s\\n\' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" '
    '"$AWS_REGION" "$AWS_DEFAULT_REGION" "$AWS_CREDENTIAL_EXPIRATION"; '
    "env | grep -c '^AWS_SESSION_TOKEN='"
)


@dataclass
class Shell:
    """Runs scripts that may call `$ARX`, the program with its role."""

    run: Runner
    argv: list[str]
    command: str

    def __call__(
        self, script: str, *flags: str, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        arguments = [*flags] if input is not None else [*flags, "-c", script]
        done = subprocess.run(
            [*self.argv, *arguments],
            env=self.run.environment({"ENV": None}),
            cwd=self.run.cwd,
            input=input or "",
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
        )
        for secret in self.run.secrets():
            assert secret not in done.stderr
        return done


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, run: Runner, needs: Callable[..., str]) -> Shell:
    argv = SHELLS[request.param]
    needs(argv[0])
    command = shlex.join([*run.program, "--role-arn", ROLE, "--region", "eu-west-1"])
    return Shell(run, argv, command)


@pytest.mark.parametrize("how", EVALS)
class TestEval:
    def test_makes_the_shell_the_role(self, shell: Shell, sts: Sts, how: str) -> None:
        """All six variables arrive, exported."""
        done = shell(f"{EVALS[how].format(shell.command)} && {SHOW}")
        assert done.returncode == 0, done.stderr
        key = sts.issued[0]
        lines = done.stdout.splitlines()
        assert lines[:5] == [key.access_key, key.secret, key.token, "eu-west-1", "eu-west-1"]
        assert lines[5].endswith("Z")
        assert lines[6] == "1"

    def test_works_under_set_e_and_set_u(self, shell: Shell, sts: Sts, how: str) -> None:
        """The strictest scripts are where it matters."""
        done = shell(f"set -eu; {EVALS[how].format(shell.command)}; {SHOW}")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(sts.issued[0].access_key)

    def test_works_in_an_interactive_shell(self, shell: Shell, sts: Sts, how: str) -> None:
        """zsh has interactive_comments off: a comment line would be a command there."""
        script = f"{EVALS[how].format(shell.command)}\n{SHOW}\nexit\n"
        done = shell("", "-i", input=script)
        assert sts.issued[0].access_key in done.stdout, done.stderr
        assert "not found" not in done.stderr

    def test_stops_a_script_when_sts_refuses(self, shell: Shell, sts: Sts, how: str) -> None:
        """`set -e` stops instead of carrying on under the old identity."""
        sts.always(behave.ACCESS_DENIED)
        done = shell(f"set -e\n{EVALS[how].format(shell.command)}\necho carried on\n")
        assert done.returncode != 0
        assert "carried on" not in done.stdout
        assert "not authorized" in done.stderr

    def test_stops_a_script_when_the_command_line_is_wrong(
        self, shell: Shell, sts: Sts, how: str
    ) -> None:
        """A typo is a failure like any other."""
        command = shell.command + " --duration soon"
        done = shell(f"set -e\n{EVALS[how].format(command)}\necho carried on\n")
        assert done.returncode != 0
        assert "carried on" not in done.stdout

    def test_can_be_tested_by_or(self, shell: Shell, sts: Sts, how: str) -> None:
        """`eval ... || exit` works without set -e."""
        sts.always(behave.ACCESS_DENIED)
        done = shell(f"{EVALS[how].format(shell.command)} || {{ echo failed; exit 3; }}; echo on")
        assert (done.returncode, done.stdout) == (3, "failed\n")


@pytest.mark.parametrize("how", EVALS)
class TestUnset:
    def test_takes_everything_out_again(self, shell: Shell, sts: Sts, how: str) -> None:
        """Without a role or the network; twice is no failure, under set -eu neither."""
        undo = EVALS[how].format(shlex.join([*shell.run.program, "--unset"]))
        done = shell(f"set -eu; {EVALS[how].format(shell.command)}; {undo}; {undo}; env")
        assert done.returncode == 0, done.stderr
        names = {line.split("=")[0] for line in done.stdout.splitlines() if line.startswith("AWS_")}
        assert names == {"AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL_STS"}
        assert len(sts.asked) == 1

    def test_fails_closed_too(self, shell: Shell, how: str) -> None:
        """A typo leaves nobody believing that the role is gone."""
        undo = EVALS[how].format(shlex.join([*shell.run.program, "--unset", "--fromat", "env"]))
        done = shell(f"set -e\n{undo}\necho carried on\n")
        assert done.returncode != 0
        assert "carried on" not in done.stdout


class TestSetX:
    """A shell that traces prints what it evaluates (docs/outputs.md says so): two ways out."""

    def test_off_around_the_eval(self, shell: Shell, sts: Sts) -> None:
        """No secret in the trace (the fixture looks), and the trace goes on after it."""
        done = shell(f'set -x; {{ set +x; }} 2>/dev/null; eval "$({shell.command})"; set -x; true')
        assert done.returncode == 0, done.stderr
        assert "true" in done.stderr
        assert sts.issued

    def test_becoming_a_command_shows_nothing(self, shell: Shell, sts: Sts) -> None:
        """The keys never pass through the shell."""
        done = shell(f"set -x; {shell.command} -- sh -c 'echo $AWS_SESSION_TOKEN'")
        assert done.stdout.strip() == sts.issued[0].token


class TestTheLongForm:
    def test_tells_the_exit_code(self, shell: Shell, sts: Sts) -> None:
        """`creds=$(...) || exit; eval "$creds"` is documented too."""
        sts.always(behave.ACCESS_DENIED)
        done = shell(f'creds=$({shell.command}) || exit $?; eval "$creds"; echo on')
        assert (done.returncode, done.stdout) == (125, "")

    def test_works(self, shell: Shell, sts: Sts) -> None:
        """And is the same when all is well."""
        done = shell(f'set -eu; creds=$({shell.command}) || exit; eval "$creds"; {SHOW}')
        assert done.stdout.startswith(sts.issued[0].access_key), done.stderr


class TestOddValues:
    def test_survive_quoting(self, shell: Shell, sts: Sts) -> None:
        """Whatever characters AWS may put in a token one day."""
        odd = "'\"\\$HOME`id`;&|<>()*?[a]{b,c}~#!%^=+/@-_.,:"
        sts.secret_alphabet = sts.token_alphabet = odd
        done = shell(f"{EVALS['quoted'].format(shell.command)} && {SHOW}")
        key = sts.issued[0]
        assert done.stdout.splitlines()[1:3] == [key.secret, key.token], done.stderr

    def test_survive_word_splitting(self, shell: Shell, sts: Sts) -> None:
        """Unquoted too, for all characters that base64 and its URL form use."""
        sts.secret_alphabet = sts.token_alphabet = "+/=-_.~%"
        done = shell(f"{EVALS['unquoted'].format(shell.command)} && {SHOW}")
        key = sts.issued[0]
        assert done.stdout.splitlines()[1:3] == [key.secret, key.token], done.stderr

    def test_do_not_meet_files_named_like_them(self, shell: Shell, sts: Sts) -> None:
        """Globbing finds nothing to match."""
        (shell.run.cwd / "export").touch()
        (shell.run.cwd / "false").touch()
        done = shell(f"{EVALS['unquoted'].format(shell.command)} && {SHOW}")
        assert done.stdout.startswith(sts.issued[0].access_key), done.stderr


def test_a_file_can_be_sourced(shell: Shell, sts: Sts) -> None:
    """`--output` and `.` work as eval does."""
    script = f"set -eu; umask 0; {shell.command} --output ./creds; . ./creds; {SHOW}"
    done = shell(script)
    assert done.stdout.startswith(sts.issued[0].access_key), done.stderr
    assert oct(os.stat(shell.run.cwd / "creds").st_mode)[-3:] == "600"


def test_exec_in_a_job_script_leaves_one_process(shell: Shell, sts: Sts) -> None:
    """`exec aws-role-exec ... -- cmd`: the script, we and the command are one PID."""
    done = shell(f"echo $$; exec {shell.command} -- sh -c 'echo $$'")
    first, second = done.stdout.split()
    assert first == second
