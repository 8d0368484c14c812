"""Exit codes, one line, hints, and no secret, whatever goes wrong."""

import os
import stat
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers import sts as behave
from servers.sts import BASE, REFUSALS, Key, Sts


class TestTheCommandsExitCode:
    @pytest.mark.parametrize("code", [0, 1, 2, 42, 125, 126, 127, 255])
    def test_is_ours(self, run: Runner, code: int) -> None:
        """As if the command had been run directly."""
        assert run.assume("--", "sh", "-c", f"exit {code}").code == code

    @pytest.mark.parametrize("signal", ["TERM", "KILL", "SEGV"])
    def test_so_is_the_signal_that_ends_it(self, run: Runner, signal: str) -> None:
        """Not 128+n: the process that is waited for really dies of it."""
        result = run.assume("--", "sh", "-c", f"ulimit -c 0; kill -{signal} $$")
        assert result.code == -{"TERM": 15, "KILL": 9, "SEGV": 11}[signal]


class TestCommandLookup:
    def test_a_command_that_is_not_there_is_127(self, run: Runner, sts: Sts) -> None:
        """STS is not asked for a command that cannot run."""
        assert "no-such-command" in run.assume("--", "no-such-command").failure(127).line
        run.assume("--", "/no/such/command").failure(127)
        run.assume("--", "").failure(127)
        assert not sts.asked

    def test_a_command_that_cannot_be_executed_is_126(self, run: Runner, sts: Sts) -> None:
        """A directory, or a file without x."""
        plain = run.cwd / "plain"
        plain.write_text("#!/bin/sh\n")
        run.assume("--", "./plain").failure(126)
        run.assume("--", "/etc").failure(126)
        run.assume("--", "plain", env={"PATH": str(run.cwd)}).failure(126)
        assert not sts.asked

    def test_a_missing_interpreter_is_126_and_says_so(self, run: Runner) -> None:
        """'No such file' about a file that is there would puzzle anyone."""
        script = executable(run.cwd / "script", b"#!/no/such/interpreter\n")
        assert "interpreter" in run.assume("--", str(script)).failure(126).text

    def test_a_broken_program_is_126(self, run: Runner) -> None:
        """A truncated ELF file, say."""
        broken = executable(run.cwd / "broken", b"\x7fELF\x02\x01\x01" + b"\0" * 9)
        assert run.assume("--", str(broken)).code in (126, 127, 2)

    def test_a_script_without_a_first_line_runs_under_sh(self, run: Runner) -> None:
        """As a shell would run it, with its arguments."""
        script = executable(run.cwd / "script", b'echo "$0|$1|$2|${AWS_SESSION_TOKEN:+token}"\n')
        result = run.assume("--", "./script", "a b", "").ok()
        assert result.out == "./script|a b||token\n"
        assert script.exists()

    def test_path_is_searched_as_posix_says(self, run: Runner) -> None:
        """A file without x is passed over; an empty entry is the working directory."""
        first, second = run.cwd / "first", run.cwd / "second"
        for directory in (first, second):
            directory.mkdir()
        (first / "tool").write_text("#!/bin/sh\necho first\n")
        executable(second / "tool", b"#!/bin/sh\necho second\n")
        executable(run.cwd / "here", b"#!/bin/sh\necho here\n")
        path = f"{first}:{second}:/bin"
        assert run.assume("--", "tool", env={"PATH": path}).ok().out == "second\n"
        assert run.assume("--", "here", env={"PATH": path + ":"}).ok().out == "here\n"

    def test_without_path_the_system_is_searched(self, run: Runner) -> None:
        """A Slurm Prolog has no PATH."""
        run.assume("--", "true", env={"PATH": None}).ok()


def executable(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


HINTS = {
    "AccessDenied": ["trust policy", "my-role"],
    "ExpiredToken": ["expired"],
    "InvalidClientTokenId": [],
    "SignatureDoesNotMatch": [],
    "MalformedPolicyDocument": ["policy"],
    "PackedPolicyTooLarge": ["113%"],
    "RegionDisabledException": ["region"],
    "ValidationError-MaxSessionDuration": ["duration"],
    "ValidationError-chaining": ["1h", "hour"],
}


@pytest.mark.usefixtures("both_transports")
class TestRefusals:
    @pytest.mark.parametrize("name", REFUSALS)
    def test_are_exit_125_with_a_hint_and_never_retried(
        self, run: Runner, sts: Sts, name: str
    ) -> None:
        """STS said no: asking again would only hide it."""
        sts.always(REFUSALS[name])
        failure = run.assume("--", "true").failure(125)
        assert len(sts.asked) == 1
        if name != "SignatureDoesNotMatch":
            assert failure.hint, "a hint is promised"
        words = HINTS[name]
        assert not words or any(word in failure.text for word in words)

    def test_access_denied_says_who_asked_for_which_role(self, run: Runner, sts: Sts) -> None:
        """The two names that the trust policy must bring together."""
        sts.always(behave.ACCESS_DENIED)
        failure = run.assume("--", "true").failure(125)
        assert "arn:aws:iam::123456789012:user/alice" in failure.text
        assert ROLE in failure.text

    @pytest.mark.parametrize(("seconds", "minutes"), [(3600, "60"), (-7200, "120")])
    def test_clock_skew_is_told_in_minutes(
        self, run: Runner, sts: Sts, seconds: int, minutes: str
    ) -> None:
        """The Date header says by how much the clock is wrong."""
        sts.always(behave.clock_skew(seconds))
        text = run.assume("--", "true").failure(125).text
        assert "clock" in text
        hours = str(abs(seconds) // 3600)
        assert any(word in text for word in (minutes, str(abs(seconds)), hours + "h", hours + " h"))

    def test_an_unknown_code_is_told_as_it_is(self, run: Runner, sts: Sts) -> None:
        """What STS invents tomorrow reaches the user, on one line, without control characters."""
        sts.always(behave.refusal("BrandNew", "first line\nsecond \x9b31mline", 400))
        result = run.assume("--", "true")
        failure = result.failure(125)
        assert "BrandNew" in failure.line
        assert "\x9b" not in result.err

    @pytest.mark.parametrize("name", ["GARBAGE", "EMPTY", "BROKEN_XML"])
    def test_an_answer_that_is_no_answer(self, run: Runner, sts: Sts, name: str) -> None:
        """A captive portal's page is an error in our words, not a parser's."""
        sts.always(getattr(behave, name))
        run.assume("--sts-timeout", "3s", "--", "true").failure(125)

    def test_the_error_is_printed_once(self, run: Runner, sts: Sts) -> None:
        """The original printed everything twice."""
        sts.always(behave.ACCESS_DENIED)
        assert run.assume("--", "true").err.count("not authorized") == 1


KEYLESS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


class TestNoBaseCredentials:
    def test_says_where_was_looked(self, run: Runner, sts: Sts) -> None:
        """And nothing is sent."""
        failure = run.assume("--", "true", env=KEYLESS).failure(125)
        assert failure.hint
        assert "credential" in failure.line.lower()
        assert not sts.asked

    def test_half_a_key_is_no_traceback(self, run: Runner, sts: Sts) -> None:
        """AWS_ACCESS_KEY_ID without its secret."""
        run.assume("--", "true", env={"AWS_SECRET_ACCESS_KEY": None}).failure(125)
        run.assume("--", "true", env={"AWS_SECRET_ACCESS_KEY": ""}).failure(125)
        assert not sts.asked

    def test_a_stale_expiry_is_told(self, run: Runner, sts: Sts) -> None:
        """Keys that an earlier `eval` left in the shell have run out."""
        env = {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}
        failure = run.assume("--", "true", env=env).failure(125)
        assert "expired" in failure.text
        assert failure.hint
        assert not sts.asked

    def test_an_expiry_that_is_no_time_is_named(self, run: Runner, sts: Sts) -> None:
        """The variable is botocore's; the message is ours."""
        env = {"AWS_CREDENTIAL_EXPIRATION": "soon"}
        assert "AWS_CREDENTIAL_EXPIRATION" in run.assume("--", "true", env=env).failure(125).line
        assert not sts.asked

    def test_a_missing_profile_is_named(self, run: Runner, sts: Sts) -> None:
        """A typo in AWS_PROFILE is seen."""
        failure = run.assume("--", "true", env={**KEYLESS, "AWS_PROFILE": "typo"})
        assert "typo" in failure.failure(failure.code).line
        assert failure.code in (2, 125)

    def test_a_broken_config_file_is_named(self, run: Runner, tmp_path: Path) -> None:
        """So is a configuration that cannot be parsed."""
        config = tmp_path / "config"
        config.write_text("no section\n")
        result = run.assume("--", "true", env={"AWS_CONFIG_FILE": str(config)})
        assert result.code in (2, 125)
        assert str(config) in result.failure(result.code).line


@pytest.mark.usefixtures("both_transports")
class TestSecretsNeverShow:
    """The runner checks stderr for every secret after each run; here the loudest runs."""

    @pytest.mark.parametrize(
        "trouble", ["ok", *REFUSALS, "throttling", "dropped", "GARBAGE", "BROKEN_XML", "echo"]
    )
    def test_on_any_outcome(self, run: Runner, sts: Sts, trouble: str) -> None:
        """Neither -v nor debugging prints a key, a token or a signature, however it ends."""
        base = sts.know(Key("ASIABASE", "BaseSessionSecret/x8", "BaseSessionToken//Zx9=="))
        (run.home / ".aws").mkdir()
        (run.home / ".aws" / "credentials").write_text(
            f"[default]\naws_access_key_id = {base.access_key}\n"
            f"aws_secret_access_key = {base.secret}\naws_session_token = {base.token}\n"
        )
        env = {**KEYLESS, "AWS_ROLE_EXEC_DEBUG": "1"}
        sts.always(
            {
                **REFUSALS,
                **behave.TROUBLES,
                "ok": behave.ok,
                "GARBAGE": behave.GARBAGE,
                "BROKEN_XML": broken_answer,
                "echo": echo,
            }[trouble]
        )
        limit = "30s" if trouble == "ok" else "2s"
        result = run.assume("-v", "--sts-timeout", limit, "--", "true", env=env, debug=True)
        assert (result.code == 0) == (trouble == "ok")
        assert b"Signature=" not in result.stderr

    def test_in_a_process_list(self, run: Runner) -> None:
        """No secret travels as an argument."""
        seen = run.become(argv=["x"])
        assert BASE.secret.encode() not in b"".join(seen.argv)

    def test_not_even_with_no_room_for_the_output(self, run: Runner) -> None:
        """A full disk gives 125 and no half of a key on stderr."""
        if not os.path.exists("/dev/full"):
            pytest.skip("SKIPPED: no /dev/full on this platform")
        with open("/dev/full", "wb") as full:
            run.assume("--format", "json", stdout=full).failure(125)


def broken_answer(conversation: behave.Conversation, asked: behave.Asked) -> None:
    """A good answer cut in the middle of the secrets."""
    text = conversation.server.assume_role(asked)
    conversation.xml(200, text[: text.index("<SessionToken>") + 60])


def echo(conversation: behave.Conversation, asked: behave.Asked) -> None:
    """A refusal that repeats the request with its token, as AWS's own sometimes does."""
    first = ("x-amz-security-token", "authorization")  # before any message is cut off
    names = sorted(asked.headers, key=lambda name: name not in first)
    headers = "\n".join(f"{name}:{asked.headers[name]}" for name in names)
    behave.refusal(
        "SignatureDoesNotMatch",
        f"The Canonical String should have been\n{headers}",
    )(conversation, asked)


class TestFailClosed:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("--format", "env"),
            (),
            ("--duration", "soon"),
            ("--no-such-option",),
            ("--region", "not a region"),
        ],
        ids=" ".join,
    )
    def test_a_shell_format_prints_a_line_that_fails(
        self, run: Runner, sts: Sts, arguments: tuple[str, ...]
    ) -> None:
        """`eval "$(aws-role-exec ...)"` must not carry on under the old identity."""
        sts.always(behave.ACCESS_DENIED)
        result = run.assume(*arguments)
        assert result.code in (2, 125)
        assert result.out.strip() == "false"

    def test_also_when_the_format_is_set_in_the_environment(self, run: Runner, sts: Sts) -> None:
        """A default is as good as an option."""
        sts.always(behave.ACCESS_DENIED)
        assert run.assume(env={"AWS_ROLE_EXEC_FORMAT": "env"}).out.strip() == "false"

    def test_also_without_a_role(self, run: Runner) -> None:
        """The first mistake anyone makes."""
        assert run("--format", "env").out.strip() == "false"

    def test_other_formats_print_nothing(self, run: Runner, sts: Sts) -> None:
        """JSON's reader wants JSON or nothing."""
        sts.always(behave.ACCESS_DENIED)
        assert run.assume("--format", "json").stdout == b""

    def test_a_failed_command_run_prints_nothing_on_stdout(self, run: Runner, sts: Sts) -> None:
        """stdout belongs to the command."""
        sts.always(behave.ACCESS_DENIED)
        assert run.assume("--", "true").stdout == b""
        assert run.assume("--duration", "soon", "--", "true").stdout == b""
