"""The help: short and long, by topic, at the width of the terminal, and what was meant."""

import pytest

from aws_role_exec.request.help import TOPICS
from aws_role_exec.request.options import GROUPS, TABLE
from runner import Runner
from servers.sts import Sts

FORMS = [("-h",), ("--help",), ("help",), *(("help", name) for name in TOPICS)]


class TestHelp:
    @pytest.mark.parametrize("words", FORMS, ids=" ".join)
    @pytest.mark.parametrize("columns", ["80", "100", "120"])
    def test_fits_the_terminal_and_breaks_no_word(
        self, run: Runner, words: tuple[str, ...], columns: str
    ) -> None:
        """Every word of the widest form is whole in the narrow one."""
        shown = run(*words, env={"COLUMNS": columns}).ok().out
        widest = run(*words, env={"COLUMNS": "1000"}).ok().out
        assert max(map(len, shown.splitlines())) <= min(int(columns), 100)
        assert shown.split() == widest.split()

    @pytest.mark.parametrize("words", [("-h",), ("--help",)])
    def test_has_every_option_under_its_heading(self, run: Runner, words: tuple[str, ...]) -> None:
        shown = run(*words).ok().out
        for option in TABLE:
            part = shown.split(f"\n{option.group}:\n")[1].split("\n\n")[0]
            assert f"{option.flag} " in part + " "

    def test_has_no_heading_without_options(self) -> None:
        assert {option.group for option in TABLE} == set(GROUPS)

    def test_is_short_with_h(self, run: Runner) -> None:
        """It fits a screen."""
        assert len(run("-h").ok().out.splitlines()) <= 60

    def test_says_how_the_shell_stays_open(self, run: Runner) -> None:
        """`|| exit` is for scripts."""
        shown = run("--help").ok().out
        assert 'creds=$(aws-role-exec --profile admin) && eval "$creds"' in shown
        assert 'creds=$(aws-role-exec --role-arn "$ROLE") || exit' in shown

    def test_of_a_topic_that_there_is_not_is_exit_2(self, run: Runner) -> None:
        failure = run("help", "nonsense").failure(2)
        assert failure.line == "aws-role-exec: help: 'nonsense' is not a topic"
        assert failure.hint == f"the topics are {', '.join(TOPICS)}"

    def test_is_a_command_where_the_environment_names_a_role(self, run: Runner, sts: Sts) -> None:
        """It could be one, so it is looked for."""
        env = {"AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/r"}
        run("help", env=env).failure(127)


class TestVersion:
    def test_is_a_word_too(self, run: Runner) -> None:
        assert run("version").ok().out == run("--version").ok().out

    @pytest.mark.parametrize("words", [("--version", "-v"), ("--verbose", "--version")])
    def test_tells_what_it_is_made_of_for_a_report(self, run: Runner, words: list[str]) -> None:
        first, *facts = run(*words).ok().out.splitlines()
        assert first == run("--version").ok().out.strip()
        told = dict(line.split(": ", 1) for line in facts)
        names = {"commit", "platform", "CPython", "OpenSSL", "botocore"}
        assert set(told) == names
        assert all(value.strip() for value in told.values())
        assert told["botocore"].strip().count(".") == 2


class TestWhatWasMeant:
    @pytest.mark.parametrize(
        ("word", "meant"),
        [
            ("--role", "--role-arn"),
            ("--json", "--format json"),
            ("--debug", "--verbose"),
            ("--role-session-name", "--session-name"),
            ("--serial-number", "--mfa-serial"),
            ("--token-code", "--mfa-code"),
            ("--duration-seconds", "--duration"),
            ("--web-identity-token-file", "--web-identity file:PATH"),
            ("--no-color", "--color never"),
            ("-p", "--profile"),
            ("--tags", "--tag"),
            ("--rolearn", "--role-arn"),
            ("--seshion-name", "--session-name"),
        ],
    )
    def test_is_in_the_hint(self, run: Runner, sts: Sts, word: str, meant: str) -> None:
        """By meaning first, then by letters."""
        failure = run(word, "x", "--", "true").failure(2)
        assert failure.line == f"aws-role-exec: command line: no such option '{word}'"
        assert (failure.hint or "").startswith(f"did you mean {meant}? ")

    def test_is_an_option_that_exists(self) -> None:
        """Every suggestion can be typed."""
        from aws_role_exec.request.command_line import _ELSEWHERE

        flags = {option.flag for option in TABLE}
        assert {meant.split()[0] for meant in _ELSEWHERE.values()} <= flags
        assert not flags & set(_ELSEWHERE)
