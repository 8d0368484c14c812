"""What Tab gives in the real shells, from the scripts in packaging/completions."""

import contextlib
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

from runner import Runner
from servers.sts import Sts

NAMES = {
    "bash": "aws-role-exec.bash",
    "zsh": "_aws-role-exec",
    "fish": "aws-role-exec.fish",
    "powershell": "aws-role-exec.ps1",
}
SCRIPTS = Path(__file__).resolve().parents[2] / "packaging" / "completions"
ADMIN = "arn:aws:iam::123456789012:role/prod-admin"
READER = "arn:aws:iam::123456789012:role/team/reader"
CONFIG = f"""\
[default]
region = eu-west-1
# role_arn = arn:aws:iam::123456789012:role/commented-out
[profile prod]
role_arn = {ADMIN}
mfa_serial=arn:aws:iam::123456789012:mfa/alice
[profile "with space"]
role_arn={READER}
[sso-session corp]
sso_region = eu-west-1
"""
CREDENTIALS = "[keys]\naws_access_key_id = x\n"

# Several words are offered; one is completed in full.
CASES = {
    "--role-arn ": [ADMIN, READER],
    "--role-arn arn:aws:iam::1234": [ADMIN, READER],
    "--role-arn arn:aws:iam::123456789012:role/prod": [ADMIN],
    "--role-arn x --role-arn arn:aws:iam::123456789012:role/t": [READER],
    "--profile ": ["default", "keys", "prod", "with space"],
    "--profile pr": ["prod"],
    "--mfa-serial arn:": ["arn:aws:iam::123456789012:mfa/alice"],
    "--format c": ["cmd", "credentials-file", "csh"],
    "--mode 06": ["0600", "0640"],
    "--prof": ["--profile", "--profile-name"],
    "--uns": ["--unset"],
    "--policy f": ["file://"],
    "--region us-gov-": ["us-gov-east-1", "us-gov-west-1"],
    "--duration a": ["auto"],
    "--session-name ": ["auto"],
    "--web-identity ": ["env:CI_JOB_JWT", "file:", "github"],
    "--web-identity e": ["env:CI_JOB_JWT"],
    "--color ": ["always", "auto", "never"],
    "--completion p": ["powershell"],
    "--role-arn x -- only-h": ["only-here"],
    "--role-arn x only-h": ["only-here"],
    "--role-arn x only-here --form": [],
    "--role-arn x only-here --format c": [],
}


@pytest.fixture
def environment(run: Runner, program: list[str], tmp_path: Path) -> Mapping[str, str]:
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "aws-role-exec").symlink_to(program[0])
    (commands / "only-here").write_text("#!/bin/sh\n")
    (commands / "only-here").chmod(0o755)
    (commands / "only-help").mkdir()  # not a command
    (run.home / ".aws").mkdir()
    (run.home / ".aws" / "config").write_text(CONFIG)
    (run.home / ".aws" / "credentials").write_text(CREDENTIALS)
    path = f"{commands}:{run.env['PATH']}"
    return {
        "PATH": path,
        "HOME": str(run.home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CI_JOB_JWT": "eyJ0.eyJ1.c2ln",
    }


def ask(words: list[str], environment: Mapping[str, str], cwd: Path) -> str:
    done = subprocess.run(
        words, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


BASH = r"""
source "$1"
COMP_LINE="aws-role-exec $2" COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_POINT=${#COMP_LINE}
compopt() { :; }
_aws_role_exec_completion aws-role-exec
word=${COMP_LINE##* }
printf '%s\n' "${COMPREPLY[@]/#/${word%"${word##*:}"}}"
"""


@pytest.mark.parametrize(("typed", "offered"), CASES.items(), ids=CASES)
class TestOffers:
    def test_bash(
        self, run: Runner, environment: Mapping[str, str], needs: Callable[..., str],
        typed: str, offered: list[str],
    ) -> None:  # fmt: skip
        """Which takes an ARN for several words."""
        script = str(SCRIPTS / "aws-role-exec.bash")
        lines = ask([needs("bash"), "-c", BASH, "bash", script, typed], environment, run.cwd)
        assert sorted(line for line in lines.splitlines() if line) == sorted(offered)

    def test_fish(
        self, run: Runner, environment: Mapping[str, str], needs: Callable[..., str],
        typed: str, offered: list[str],
    ) -> None:  # fmt: skip
        """In whatever order fish likes."""
        script = str(SCRIPTS / "aws-role-exec.fish")
        command = "source $argv[1]; complete -C 'aws-role-exec '$argv[2]"
        lines = ask(
            [needs("fish"), "--no-config", "-c", command, script, typed], environment, run.cwd
        )
        assert sorted(line.split("\t")[0] for line in lines.splitlines()) == sorted(offered)


def type_into(shell: list[str], setup: str, typed: str, environment: Mapping[str, str]) -> str:
    """What `<<...>>` the shell prints when that is typed at its prompt."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(shell[0], shell, dict(environment))
    seen = b""
    try:
        os.write(terminal, setup.encode() + b"\n")
        sent = False
        deadline = time.monotonic() + 60
        while not (answer := re.search(rb"<<\[(.*?)\]>>", seen)) and time.monotonic() < deadline:
            if select.select([terminal], [], [], 1)[0]:
                with contextlib.suppress(OSError):  # the shell has ended
                    seen += os.read(terminal, 65536)
            if b"READY" in seen and not sent:
                os.write(terminal, typed.encode() + b"\t\n")
                sent = True
        assert answer, f"no answer in {seen!r}"
        return answer[1].decode()
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


# The name runs a function that shows its arguments; completion asks the program itself. Quotes
# keep the echo of this line from looking like what it prints.
SETUP = "PS1='REA''DY '; aws-role-exec() {{ printf '<''<[%s]>>' \"$*\"; }}; {}; source '{}'"


class TestAtThePrompt:
    @pytest.mark.parametrize(
        ("typed", "becomes"),
        [
            ("--role-arn arn:aws:iam::123456789012:role/prod", f"--role-arn {ADMIN}"),
            ("--format pow", "--format powershell"),
            ("--uns", "--unset"),
            ("--role-arn x -- only-her", "--role-arn x -- only-here"),
            ("--format json --output som", "--format json --output some-file"),
        ],
    )
    @pytest.mark.parametrize("name", ["bash", "zsh"])
    def test_tab_completes_the_word(
        self, run: Runner, environment: Mapping[str, str], needs: Callable[..., str], name: str,
        typed: str, becomes: str,
    ) -> None:  # fmt: skip
        """Typed into the shell on a terminal."""
        (run.home / "some-file").touch()
        if name == "bash":
            argv = [needs("bash"), "--norc", "--noprofile", "-i"]
            setup = SETUP.format(f"cd '{run.home}'", SCRIPTS / "aws-role-exec.bash")
        else:
            argv = [needs("zsh"), "-f", "-i"]
            load = f"cd '{run.home}'; autoload -Uz compinit; compinit -u -D"
            setup = SETUP.format(load, SCRIPTS / "_aws-role-exec")
        assert type_into(argv, setup, f"aws-role-exec {typed}", environment) == becomes


# What the shell itself makes of a command's words, with options of ours in front.
OURS = [
    "--role-arn x --",
    "--role-arn arn:aws:iam::123456789012:role/prod-admin",
    "--profile 'with space' --tag a=b --",
    "  --role-arn=x   --",
]


@pytest.mark.parametrize("ours", OURS)
class TestCommand:
    """`tar --extr<Tab>` goes on as it would without us in front."""

    def test_in_bash(
        self, run: Runner, environment: Mapping[str, str], needs: Callable[..., str], ours: str
    ) -> None:
        load = "source /usr/share/bash-completion/bash_completion"
        if not Path(load.split()[1]).exists():
            pytest.skip("SKIPPED: bash-completion is not installed (tests/apt-packages.txt)")
        argv = [needs("bash"), "--norc", "--noprofile", "-i"]
        setup = SETUP.format(load, SCRIPTS / "aws-role-exec.bash")
        typed = f"aws-role-exec {ours} tar --extr"
        became = type_into(argv, setup, typed, environment)
        assert became.endswith("tar --extract"), became

    def test_in_zsh(
        self, run: Runner, environment: Mapping[str, str], needs: Callable[..., str], ours: str
    ) -> None:
        argv = [needs("zsh"), "-f", "-i"]
        setup = SETUP.format("autoload -Uz compinit; compinit -u -D", SCRIPTS / "_aws-role-exec")
        typed = f"aws-role-exec {ours} tar --extr"
        became = type_into(argv, setup, typed, environment)
        assert became.endswith("tar --extract"), became

    def test_in_fish(
        self, run: Runner, environment: Mapping[str, str], needs: Callable[..., str], ours: str
    ) -> None:
        script = str(SCRIPTS / "aws-role-exec.fish")
        command = (
            "set fish_complete_path $__fish_data_dir/completions; source $argv[1];"
            " complete -C 'aws-role-exec '$argv[2]' tar --extr'"
        )
        lines = ask(
            [needs("fish"), "--no-config", "-c", command, script, ours], environment, run.cwd
        )
        assert [line.split("\t")[0] for line in lines.splitlines()] == ["--extract"]


class TestDescriptions:
    def test_are_whole_in_fish(
        self, run: Runner, environment: Mapping[str, str], needs: Callable[..., str]
    ) -> None:
        """A comma is no end."""
        script = str(SCRIPTS / "aws-role-exec.fish")
        command = "source $argv[1]; complete -C 'aws-role-exec --source-i'"
        lines = ask([needs("fish"), "--no-config", "-c", command, script], environment, run.cwd)
        assert lines == "--source-identity\tSource identity, as shown in CloudTrail.\n"


class TestPowerShell:
    """By its grammar and by what the script asks the program, since it does not run here."""

    SCRIPT = SCRIPTS / "aws-role-exec.ps1"

    def test_script_is_powershell(self) -> None:
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
        assert not parser.parse(self.SCRIPT.read_bytes()).root_node.has_error

    @pytest.mark.parametrize(
        ("words", "offered"),
        [
            (["--format", "c"], ["csh", "cmd", "credentials-file"]),
            (["--role-arn", "arn:aws:iam::123456789012:role/pr"], [ADMIN]),
            (["--profile", "with"], ["with space"]),
        ],
    )
    def test_program_answers_what_it_asks(
        self, environment: Mapping[str, str], words: list[str], offered: list[str]
    ) -> None:
        answer = self.ask(environment, words)
        assert [line[:2] for line in answer] == [["plain", word] for word in offered]

    def test_the_command_has_its_place(self, environment: Mapping[str, str]) -> None:
        """The words in front of it are four."""
        answer = self.ask(environment, ["--role-arn", "x", "--", "tar", "--extr"])
        assert answer[0][:2] == ["command", "4"]

    def ask(self, environment: Mapping[str, str], words: list[str]) -> list[list[str]]:
        variables = {
            **environment,
            "_AWS_ROLE_EXEC_COMPLETE": "powershell_complete",
            "COMP_WORDS": "\n".join(["aws-role-exec", *words]),
        }
        done = subprocess.run(["aws-role-exec"], env=variables, capture_output=True, text=True)
        assert done.stderr == ""
        return [line.split("\t") for line in done.stdout.splitlines()]


class TestNothingGoesWrong:
    def test_without_any_configuration(
        self, run: Runner, program: list[str], environment: Mapping[str, str]
    ) -> None:
        """Nothing to offer is nothing said."""
        for bad in ("/nonexistent", "/", "/dev/null"):
            variables = {
                **environment,
                "AWS_CONFIG_FILE": bad,
                "AWS_SHARED_CREDENTIALS_FILE": bad,
                "_AWS_ROLE_EXEC_COMPLETE": "bash_complete",
                "COMP_WORDS": "aws-role-exec --role-arn ",
            }
            done = subprocess.run(program, env=variables, capture_output=True, text=True)
            assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")

    @pytest.mark.parametrize("shell", NAMES)
    def test_the_program_prints_the_scripts_itself(self, run: Runner, shell: str) -> None:
        """As the packages install them."""
        done = run("--completion", shell).ok()
        assert done.out.strip() == (SCRIPTS / NAMES[shell]).read_text().strip()
        assert done.err == ""

    def test_a_shell_without_a_script_is_exit_2(self, run: Runner) -> None:
        failure = run("--completion", "tcsh").failure(2)
        assert failure.line == "aws-role-exec: --completion: no such shell 'tcsh'"
        assert failure.hint == "the shells are bash, zsh, fish, powershell"

    def test_a_default_for_it_does_not_keep_a_command_from_running(
        self, run: Runner, sts: Sts
    ) -> None:
        done = run.assume("--", "echo", "ran", env={"AWS_ROLE_EXEC_COMPLETION": "bash"})
        assert done.ok().out == "ran\n"
