"""What a person at a terminal is told beside the answer, and a pipe is not."""

import os
import re
import termios
from collections.abc import Iterator

import pytest

from identity.conftest import Terminal
from runner import ROLE, Runner
from servers.sts import ACCESS_DENIED, Sts, hang, slow

LINE = re.compile(r"\r\x1b\[Kaws-role-exec: waiting for http://\S+ \(at most \d+s more\)")
CLEAR = "\r\x1b[K"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def on_terminal(
    run: Runner, terminal: Terminal, *words: str, stdout: bool = False, code: int = 0
) -> tuple[str, str]:
    """What a run shows on the terminal that its stderr is, and what it writes to stdout."""
    end = os.open(os.ttyname(terminal._slave), os.O_RDWR | os.O_NOCTTY)
    try:
        done = run.assume(
            *words, env={"TERM": "xterm"}, stderr=end, **({"stdout": end} if stdout else {})
        )
    finally:
        os.close(end)
    assert done.code == code, terminal.rest()
    return terminal.rest(), "" if stdout else done.out


class TestWaiting:
    def test_is_told_after_two_seconds_and_goes_away(
        self, run: Runner, sts: Sts, terminal: Terminal
    ) -> None:
        """What for, and how long still."""
        sts.script(slow(3.5))
        shown, _ = on_terminal(run, terminal, "--", "true")
        assert LINE.match(shown), shown
        assert shown.endswith(CLEAR)

    def test_goes_away_before_an_error(self, run: Runner, sts: Sts, terminal: Terminal) -> None:
        sts.always(hang)
        words = ("--sts-timeout", "3s", "--", "true")
        shown, _ = on_terminal(run, terminal, *words, code=125)
        line, _, error = shown.rpartition(CLEAR)
        assert "waiting for" in line
        assert "aws-role-exec:" in error
        assert "waiting for" not in error

    def test_is_not_told_with_quiet(self, run: Runner, sts: Sts, terminal: Terminal) -> None:
        sts.script(slow(3))
        shown, _ = on_terminal(run, terminal, "-q", "--", "true")
        assert shown == ""

    def test_is_not_told_to_a_pipe(self, run: Runner, sts: Sts) -> None:
        sts.script(slow(3))
        assert run.assume("--", "true").ok().err == ""


class TestSecretsOnATerminal:
    def test_are_told_to_be_secrets(self, run: Runner, sts: Sts, terminal: Terminal) -> None:
        shown, _ = on_terminal(run, terminal, stdout=True)
        assert (
            shown.replace("\r", "")
            .splitlines()[-1]
            .startswith("aws-role-exec: note: these are secrets")
        )

    @pytest.mark.parametrize("words", [("-q",), ("--output", "creds"), ("--", "true")])
    def test_are_not_where_nobody_sees_them_or_wants_to_know(
        self, run: Runner, sts: Sts, terminal: Terminal, words: tuple[str, ...]
    ) -> None:
        shown, _ = on_terminal(run, terminal, *words, stdout=True)
        assert "note:" not in shown

    def test_are_not_in_a_pipe(self, run: Runner, sts: Sts, terminal: Terminal) -> None:
        shown, printed = on_terminal(run, terminal)
        assert "note:" not in shown
        assert "AWS_SECRET_ACCESS_KEY" in printed


class TestQuiet:
    def test_drops_notices(self, run: Runner, sts: Sts) -> None:
        loud = run.assume("--duration", "300", "--", "true").ok()
        assert "rounded" in loud.err or "15m" in loud.err
        assert run.assume("-q", "--duration", "300", "--", "true").ok().err == ""

    def test_keeps_errors(self, run: Runner, sts: Sts) -> None:
        sts.always(ACCESS_DENIED)
        run.assume("--quiet", "--", "true").failure(125)


class TestColor:
    def shown(self, run: Runner, terminal: Terminal, *words: str, **env: str) -> str:
        end = os.open(os.ttyname(terminal._slave), os.O_RDWR | os.O_NOCTTY)
        try:
            run(*words, env={"TERM": "xterm", **env}, stderr=end, stdout=end)
        finally:
            os.close(end)
        return terminal.rest()

    @pytest.mark.parametrize("words", [("--help",), ("-h",), ("help",), ("--bogus",)])
    def test_is_for_terminals(
        self, run: Runner, terminal: Terminal, words: tuple[str, ...]
    ) -> None:
        assert "\x1b[" in self.shown(run, terminal, *words)

    @pytest.mark.parametrize("words", [("--help",), ("-h",), ("help",), ("--bogus",)])
    @pytest.mark.parametrize(
        "env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"AWS_ROLE_EXEC_COLOR": "never"}]
    )
    def test_is_switched_off(
        self, run: Runner, terminal: Terminal, words: tuple[str, ...], env: dict[str, str]
    ) -> None:
        assert "\x1b[" not in self.shown(run, terminal, *words, **env)

    @pytest.mark.parametrize("words", [("--help",), ("-h",), ("--bogus",)])
    def test_is_switched_on(self, run: Runner, words: tuple[str, ...]) -> None:
        """For a pipe, and though NO_COLOR is set: an option counts before a variable."""
        done = run("--color", "always", *words, env={"NO_COLOR": "1"})
        assert "\x1b[" in done.out + done.err

    def test_of_another_kind_is_exit_2(self, run: Runner, sts: Sts) -> None:
        failure = run.assume("--color", "red", "--", "true").failure(2)
        assert failure.line.startswith("aws-role-exec: --color: 'red' is not one of")


class TestExplain:
    def test_is_folded_to_the_terminal_and_breaks_no_word(
        self, run: Runner, sts: Sts, terminal: Terminal
    ) -> None:
        """In a pipe a fact is a line."""
        termios.tcsetwinsize(terminal.master, (24, 80))
        end = os.open(os.ttyname(terminal._slave), os.O_RDWR | os.O_NOCTTY)
        words = ("--explain", "--session-name", "me", "--", "true")
        try:
            run.assume(*words, stdout=end).ok()
        finally:
            os.close(end)
        shown = terminal.rest().replace("\r", "")
        piped = run.assume(*words).ok().out
        times = re.compile(r"\d\d:\d\d:\d\d")
        assert times.sub("", shown).split() == times.sub("", piped).split()
        assert max(map(len, shown.splitlines())) <= 80
        assert max(map(len, piped.splitlines())) > 80


class TestNoArguments:
    def test_show_the_usage_on_a_terminal(self, run: Runner, terminal: Terminal) -> None:
        end = os.open(os.ttyname(terminal._slave), os.O_RDWR | os.O_NOCTTY)
        try:
            done = run(stderr=end, stdout=end)
        finally:
            os.close(end)
        shown = terminal.rest()
        assert done.code == 2
        assert shown.startswith("Usage: aws-role-exec")
        assert "false" not in shown.splitlines()

    def test_are_an_error_in_a_pipe(self, run: Runner) -> None:
        """And what evaluates it stops."""
        done = run()
        done.failure(2)
        assert done.out == "false\n"

    def test_are_a_run_where_the_environment_names_the_role(self, run: Runner, sts: Sts) -> None:
        run(env={"AWS_ROLE_EXEC_ROLE_ARN": ROLE}).ok()
        assert len(sts.asked) == 1
