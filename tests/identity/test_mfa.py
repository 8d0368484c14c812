"""MFA: the code comes from the option or the terminal, never from stdin, never to stdout."""

import os
import signal
import time
from pathlib import Path

import pytest

from identity.conftest import CODE, KEYLESS, MFA, Terminal
from runner import PROBE, ROLE, Runner, wait_for
from servers.sts import Sts

PROMPT = f"Enter MFA code for {MFA}: "


@pytest.fixture
def mfa_profile(aws: Path) -> None:
    (aws / "config").write_text(
        "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/base\n"
        f"source_profile = work\nmfa_serial = {MFA}\n"
    )


class TestCode:
    def test_goes_with_the_device_to_the_first_role_only(
        self, run: Runner, sts: Sts, aws: Path
    ) -> None:
        """Later roles are asked for by a role, which has no device."""
        run(
            "--role-arn", ROLE + "/hub", "--role-arn", ROLE, "--mfa-serial", MFA,
            "--mfa-code", CODE, "--", "true",
        ).ok()  # fmt: skip
        first, last = sts.asked
        assert (first.params["SerialNumber"], first.params["TokenCode"]) == (MFA, CODE)
        assert "SerialNumber" not in last.params
        assert "TokenCode" not in last.params

    def test_that_was_used_is_told(self, run: Runner, sts: Sts, aws: Path) -> None:
        """A code is good once; the refusal says to wait for the next."""
        words = ("--mfa-serial", MFA, "--mfa-code", CODE, "--", "true")
        run.assume(*words).ok()
        failure = run.assume(*words).failure(125)
        assert "next one" in failure.text
        assert CODE not in failure.text

    def test_answers_a_profile_that_asks(self, run: Runner, sts: Sts, mfa_profile: None) -> None:
        """As the profile's own role is assumed by botocore."""
        run.assume("--profile", "admin", "--mfa-code", CODE, "--", "true").ok()
        assert sts.asked[0].params["TokenCode"] == CODE
        assert sts.asked[0].params["RoleArn"].endswith("/base")

    def test_without_a_device_is_no_code(self, run: Runner, sts: Sts, aws: Path) -> None:
        """Nothing would be done with it."""
        failure = run.assume("--profile", "work", "--mfa-code", CODE, "--", "true").failure(2)
        assert "--mfa-serial" in failure.text
        run.assume("--mfa-code", CODE, "--", "true").failure(2)
        assert not sts.asked


class TestPrompt:
    def test_is_on_the_terminal_while_the_streams_are_the_commands(
        self, run: Runner, sts: Sts, aws: Path, terminal: Terminal
    ) -> None:
        """stdin arrives whole, stdout has the command's output only, stderr nothing."""
        with run.start(
            "--role-arn", ROLE, "--mfa-serial", MFA, "--", "cat",
            prefix=terminal.prefix, stdin=-1,
        ) as process:  # fmt: skip
            terminal.wait_for(PROMPT)
            assert not sts.asked
            terminal.type(f"{CODE}\n")
            out, err = process.communicate(b"999999\nfor the command\n", timeout=90)
        assert process.returncode == 0, err
        assert out == b"999999\nfor the command\n"
        assert err == b""
        assert sts.asked[0].params["TokenCode"] == CODE

    def test_of_a_profile_is_there_too(
        self, run: Runner, sts: Sts, mfa_profile: None, terminal: Terminal
    ) -> None:
        """botocore's own would fall back to standard input."""
        with run.start(
            "--role-arn", ROLE, "--profile", "admin", "--", *PROBE,
            prefix=terminal.prefix, stdin=-1,
        ) as process:  # fmt: skip
            terminal.wait_for(PROMPT)
            terminal.type(f"{CODE}\n")
            _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
        assert err == b""
        assert [asked.params.get("TokenCode") for asked in sts.asked] == [CODE, None]

    @pytest.mark.parametrize("how", ["serial", "profile"])
    def test_takes_its_time(
        self, run: Runner, sts: Sts, mfa_profile: None, terminal: Terminal, how: str
    ) -> None:
        """--sts-timeout is for the network, not for the person."""
        who = ("--mfa-serial", MFA) if how == "serial" else ("--profile", "admin")
        with run.start(
            "--role-arn", ROLE, *who, "--sts-timeout", "3s", "--", "true", prefix=terminal.prefix
        ) as process:
            terminal.wait_for(PROMPT)
            time.sleep(4)
            terminal.type(f"{CODE}\n")
            _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err

    def test_asks_again_for_what_is_no_code(
        self, run: Runner, sts: Sts, aws: Path, terminal: Terminal
    ) -> None:
        """Twice; then it gives up."""
        with run.start(
            "--role-arn", ROLE, "--mfa-serial", MFA, "--", "true", prefix=terminal.prefix
        ) as process:
            for wrong in ("12345", "abcdef", ""):
                terminal.wait_for(PROMPT)
                terminal.shown = ""
                terminal.type(f"{wrong}\n")
            _, err = process.communicate(timeout=90)
        assert process.returncode == 125
        assert err == b"aws-role-exec: MFA: no code was entered\n"
        assert "a code is 6 digits" in terminal.rest()
        assert not sts.asked

    def test_ends_with_the_input(
        self, run: Runner, sts: Sts, aws: Path, terminal: Terminal
    ) -> None:
        """Ctrl-D."""
        with run.start(
            "--role-arn", ROLE, "--mfa-serial", MFA, "--", "true", prefix=terminal.prefix
        ) as process:
            terminal.wait_for(PROMPT)
            terminal.type("\x04")
            process.communicate(timeout=90)
        assert process.returncode == 125
        assert not sts.asked

    def test_is_left_by_ctrl_c_with_the_terminal_as_it_was(
        self, run: Runner, sts: Sts, aws: Path, terminal: Terminal
    ) -> None:
        """The process dies of SIGINT, and what is typed next can be seen."""
        before = terminal.settings()
        with run.start(
            "--role-arn", ROLE, "--mfa-serial", MFA, "--", "true", prefix=terminal.prefix
        ) as process:
            terminal.wait_for(PROMPT)
            terminal.type("\x03")
            _, err = process.communicate(timeout=90)
        assert process.returncode == -signal.SIGINT
        assert err == b""
        assert terminal.settings() == before


class TestWithoutATerminal:
    def test_a_device_alone_is_refused_at_once(self, run: Runner, sts: Sts, aws: Path) -> None:
        """Standard input is not asked, whatever it holds."""
        result = run.assume("--mfa-serial", MFA, "--", "true", input=f"{CODE}\n".encode())
        failure = result.failure(2)
        assert "terminal" in failure.line
        assert "--mfa-code" in (failure.hint or "")
        assert not sts.asked

    def test_so_is_a_profile_that_asks(self, run: Runner, sts: Sts, mfa_profile: None) -> None:
        """And standard input stays the command's."""
        read, write = os.pipe()
        os.write(write, f"{CODE}\n".encode())
        os.close(write)
        failure = run.assume("--profile", "admin", "--", "true", stdin=read, env=KEYLESS).failure(
            125
        )
        assert os.read(read, 100) == f"{CODE}\n".encode()
        os.close(read)
        assert "terminal" in failure.line
        assert "--mfa-code" in (failure.hint or "")
        assert not sts.asked


def test_a_code_is_in_no_ones_argv_but_ours(
    run: Runner, sts: Sts, aws: Path, terminal: Terminal
) -> None:
    """No helper is started for the prompt."""
    with run.start(
        "--role-arn", ROLE, "--mfa-serial", MFA, "--", "true", prefix=terminal.prefix
    ) as process:
        terminal.wait_for(PROMPT)
        wait_for(lambda: os.path.exists(f"/proc/{process.pid}/task"))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        assert children == ""
