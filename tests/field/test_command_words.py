"""Words that are no command here: quoted lines, assignments, built-ins, aliases, ARNs.

99designs/aws-vault#272 (an alias), 99designs/aws-vault#270 (a built-in).
"""

import pytest

from runner import ROLE, Runner
from servers.sts import Sts


@pytest.fixture(autouse=True)
def _no_request(sts: Sts) -> object:
    yield
    assert not sts.asked


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["aws s3 ls"], "quotes"),
        (["ls -l | wc"], "sh -c"),
        (["FOO=bar", "env"], "env NAME=value"),
        (["AWS_PAGER=", "aws"], "env NAME=value"),
        (["cd", "/"], "part of the shell"),
        (["source", "venv/bin/activate"], "part of the shell"),
        (["eval", "date"], "part of the shell"),
        (["export", "A=b"], "part of the shell"),
        (["tfplan"], "alias"),
        (["--region", "eu-west-1"], "before --"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_says_what_to_write_instead(run: Runner, words: list[str], hint: str) -> None:
    """127 as ever, and the way out."""
    failure = run.assume("--", *words).failure(127)
    assert "command not found" in failure.line
    assert hint in (failure.hint or "")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ([ROLE, "--", "true"], "--role-arn"),
        (["/usr/bin/env A=b"], "quotes"),
        (["DIRECTORY=/tmp", "env"], "env NAME=value"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_with_a_slash_says_so_too(run: Runner, words: list[str], hint: str) -> None:
    """Such a word is a path."""
    failure = run.assume("--", *words).failure(127)
    assert hint in (failure.hint or "")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ([ROLE, "--", "aws", "s3", "ls"], "write --role-arn before the ARN"),
        ([], "--role-arn"),
        (["--", "true"], "--role-arn"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_without_a_role_says_how_to_name_it(run: Runner, words: list[str], hint: str) -> None:
    """No message begins with an option that nobody gave."""
    failure = run(*words).failure(2)
    assert failure.line.startswith("aws-role-exec: command line: no role given")
    assert hint in (failure.hint or "")


@pytest.mark.parametrize(("word", "begins"), [("help", "Usage: "), ("version", "aws-role-exec ")])
def test_help_and_version_in_place_of_a_command_are_understood(
    run: Runner, word: str, begins: str
) -> None:
    assert run(word).ok().out.startswith(begins)


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [
        ("--policy", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--policy-arn"),
        ("--policy", "policy.json", "file://PATH"),
        ("--policy-arn", '{"Statement":[]}', "--policy"),
        ("--policy-arn", "file://policy.json", "--policy"),
    ],
)
def test_the_option_that_was_meant_is_named(
    run: Runner, option: str, value: str, hint: str
) -> None:
    failure = run.assume(option, value, "--", "true").failure(2)
    assert hint in (failure.hint or "")


@pytest.mark.parametrize("name", ["json", "fish", "credentials-file"])
def test_a_format_written_as_an_option_is_understood(run: Runner, name: str) -> None:
    """`--json` was answered with `--owner` and `--version`."""
    failure = run.assume(f"--{name}").failure(2)
    assert (failure.hint or "").startswith(f"did you mean --format {name}?")
    assert "--owner" not in failure.line


class TestPath:
    def test_empty_is_not_called_unset(self, run: Runner) -> None:
        """An empty PATH is the working directory (POSIX: XBD 8.3)."""
        failure = run.assume("--", "ls", env={"PATH": ""}).failure(127)
        assert "PATH is empty" in (failure.hint or "")

    def test_unset_says_where_was_searched(self, run: Runner) -> None:
        failure = run.assume("--", "nosuch", env={"PATH": None}).failure(127)
        assert "/usr/bin" in (failure.hint or "")

    def test_a_program_of_the_working_directory(self, run: Runner) -> None:
        """Which a shell would not find either."""
        (run.cwd / "tool").write_text("#!/bin/sh\n")
        (run.cwd / "tool").chmod(0o755)
        assert "./tool" in (run.assume("--", "tool").failure(127).hint or "")


@pytest.mark.parametrize("length", [300, 4000, 100_000])
def test_a_path_of_any_length_gives_a_line_that_can_be_read(run: Runner, length: int) -> None:
    """The words around it were pushed off the screen."""
    for words in (("--", "/" + "x" * length), ("--output", "/" + "x" * length)):
        failure = run.assume(*words)
        assert failure.code in (2, 126, 127)
        assert len(failure.err) < 1000
        assert failure.err.startswith("aws-role-exec: ")


def test_completion_asked_for_by_hand_is_one_line(run: Runner) -> None:
    """It was a KeyError, or exit 1 without a word."""
    for value in ("bash_complete", "zsh_complete", "1", "bash", "tcsh_source", "bash_sauce"):
        failure = run("--dry-run", env={"_AWS_ROLE_EXEC_COMPLETE": value}).failure(2)
        assert failure.line.startswith("aws-role-exec: _AWS_ROLE_EXEC_COMPLETE: ")
    env = {
        "_AWS_ROLE_EXEC_COMPLETE": "zsh_complete",
        "COMP_WORDS": "aws-role-exec",
        "COMP_CWORD": "x",
    }
    run(env=env).failure(2)
