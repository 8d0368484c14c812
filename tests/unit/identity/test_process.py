"""A profile's helper: how it is run, what it may print, and what is said when it fails."""

import json
import os
import shlex
import time
from pathlib import Path

import botocore.session
import pytest

from aws_role_exec.errors import IdentityError
from aws_role_exec.identity import process
from unit.identity.conftest import Surround

KEYS = {"Version": 1, "AccessKeyId": "ASIAHELPER", "SecretAccessKey": "helper-secret-Kd83"}
SESSION = {**KEYS, "SessionToken": "helper-token-Zx9==", "Expiration": "2999-01-01T00:00:00Z"}


def script(directory: Path, text: str) -> str:
    """The path of a shell script with these lines."""
    path = directory / "helper.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def printing(directory: Path, text: str) -> str:
    (directory / "printed").write_text(text)
    return f"/bin/cat {directory / 'printed'}"


class TestKeys:
    @pytest.mark.parametrize(
        "document", [KEYS, SESSION, {**KEYS, "SessionToken": None, "Expiration": None}]
    )
    def test_are_those_that_botocore_reads(
        self,
        surround: Surround,
        tmp_path: Path,
        document: dict[str, object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        command = printing(tmp_path, json.dumps(document) + "\n")
        surroundings = surround({}, config=f"[profile dev]\ncredential_process = {command}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", surroundings.environ["AWS_CONFIG_FILE"])
        theirs = botocore.session.Session(profile="dev").get_credentials().get_frozen_credentials()
        found = process.find_for(surroundings, command, "dev")
        assert found.keys is not None
        assert (found.keys.access_key_id, found.keys.secret_access_key) == theirs[:2]
        assert found.keys.session_token == (theirs.token or "")
        assert (found.provider, found.source) == (
            "custom-process",
            "the credential_process of profile dev (/bin/cat)",
        )

    @pytest.mark.parametrize("quoted", ["'a  b'", '"a  b"', "a\\ \\ b"])
    def test_of_a_command_with_quotes(
        self, surround: Surround, tmp_path: Path, quoted: str
    ) -> None:
        """Split as a shell would, and no shell is there: `;` and `$X` are words like others."""
        helper = script(tmp_path, f'printf "%s|" "$@" >{tmp_path}/words; cat {tmp_path}/printed')
        printing(tmp_path, json.dumps(KEYS))
        process.find_for(surround({}), f"{helper} {quoted} ; $HOME", "dev")
        assert (tmp_path / "words").read_text() == "a  b|;|$HOME|"


class TestRun:
    def test_with_the_callers_environment_but_our_own_settings(
        self, surround: Surround, tmp_path: Path
    ) -> None:
        """They were for this run, and not for a helper that is this program again."""
        printing(tmp_path, json.dumps(KEYS))
        helper = script(tmp_path, f"env >{tmp_path}/env; cat {tmp_path}/printed")
        environ = {"MARK": "x", "AWS_PROFILE": "dev", "AWS_ROLE_EXEC_ROLE_ARN": "arn:x"}
        process.find_for(surround(environ, config="[profile dev]\n"), helper, "dev")
        seen = (tmp_path / "env").read_text().splitlines()
        assert {"MARK=x", "AWS_PROFILE=dev"} <= set(seen)
        assert "AWS_ROLE_EXEC_ROLE_ARN=arn:x" not in seen

    def test_with_no_descriptor_of_ours(self, surround: Surround, tmp_path: Path) -> None:
        printing(tmp_path, json.dumps(KEYS))
        helper = script(tmp_path, f"ls /proc/$$/fd >{tmp_path}/fds; cat {tmp_path}/printed")
        ours = os.open(tmp_path / "printed", os.O_RDONLY)
        os.set_inheritable(ours, True)
        try:
            process.find_for(surround({}), helper, "dev")
        finally:
            os.close(ours)
        assert str(ours) not in (tmp_path / "fds").read_text().split()

    @pytest.mark.parametrize("loud", ["yes >&2", "cat /dev/zero"])
    def test_that_prints_without_end_is_ended(
        self, surround: Surround, tmp_path: Path, loud: str
    ) -> None:
        """Memory is bounded on both streams, and time too."""
        with pytest.raises((IdentityError, TimeoutError)):
            process.find_for(surround({}, seconds=2), script(tmp_path, loud), "dev")

    @pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
    def test_that_does_not_end_is_ended_with_its_children(
        self, surround: Surround, tmp_path: Path, trap: str
    ) -> None:
        """At the deadline, also when it ignores SIGTERM; and its name is what was waited for."""
        helper = script(
            tmp_path,
            f"{trap}echo $$ >{tmp_path}/pids; sleep 1000 & echo $! >>{tmp_path}/pids; wait",
        )
        surroundings = surround({}, seconds=1)
        with pytest.raises(TimeoutError):
            process.find_for(surroundings, helper, "dev")
        assert "profile dev" in surroundings.wire.deadline.waiting_for
        assert helper in surroundings.wire.deadline.waiting_for
        for pid in (tmp_path / "pids").read_text().split():
            until = time.monotonic() + 10
            while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
                if ") Z" in Path(f"/proc/{pid}/stat").read_text():
                    break  # nobody has asked how it ended; it runs no more
                time.sleep(0.01)
            else:
                assert not os.path.exists(f"/proc/{pid}")


class TestFailure:
    @pytest.mark.parametrize(
        ("printed", "words"),
        [
            ("", "printed nothing"),
            ("\n \n", "printed nothing"),
            ("INFO logging in\n" + json.dumps(KEYS), "text before the JSON object"),
            ("<!DOCTYPE html><p>Sign in", "an HTML or XML page"),
            ("please sign in", "text that is not JSON"),
            ('{"Version": 1, "AccessKeyId": "ASIA', "malformed, cut short"),
            (json.dumps(KEYS) * 2, "followed by something else"),
            ("[1]", "not JSON"),
            ("{}", "no Version"),
            (json.dumps({**KEYS, "Version": 2}), "Version 2; it must be 1"),
            (json.dumps({**KEYS, "Version": "1"}), "a Version that is not a number"),
            ('{"Version": 1, "SecretAccessKey": "helper-secret-Kd83"}', "no AccessKeyId"),
            ('{"Version": 1, "AccessKeyId": "A"}', "no SecretAccessKey"),
            (json.dumps({**KEYS, "Expiration": ""}), "Expiration of .* is empty"),
            (json.dumps({**KEYS, "Expiration": "soon"}), "not an ISO 8601 time"),
            (json.dumps({**KEYS, "Expiration": 5}), "not an ISO 8601 time"),
            (json.dumps({**KEYS, "Expiration": "2001-01-01T00:00:00Z"}), "expired at 2001"),
            (json.dumps({**KEYS, "SessionToken": "a\r\nb"}), "line break"),
            (json.dumps({**KEYS, "AccessKeyId": "${KEY}"}), "unexpanded variable"),
        ],
    )
    def test_to_print_keys_is_told_by_what_is_wrong(
        self, surround: Surround, tmp_path: Path, printed: str, words: str
    ) -> None:
        """With the helper and the profile, and without a word of what it printed."""
        with pytest.raises(IdentityError, match=words) as refusal:
            process.find_for(surround({}), printing(tmp_path, printed), "dev")
        message = f"{refusal.value} {refusal.value.hint}"
        assert "profile dev (/bin/cat)" in message
        assert "helper-secret" not in message
        assert "sign in" not in message.lower()
        assert message.isprintable()

    def test_is_told_with_its_exit_status_and_last_words(
        self, surround: Surround, tmp_path: Path
    ) -> None:
        """Those on stderr; what it prints on stdout is never shown."""
        helper = script(
            tmp_path, "echo helper-secret; echo trace >&2; echo 'no session: log in' >&2; exit 3"
        )
        with pytest.raises(
            IdentityError, match=r"profile dev .* exit status 3: no session: log in$"
        ) as refusal:
            process.find_for(surround({}), helper, "dev")
        assert "helper-secret" not in str(refusal.value)

    def test_by_a_signal_is_told_so(self, surround: Surround, tmp_path: Path) -> None:
        with pytest.raises(IdentityError, match="killed by signal 9"):
            process.find_for(surround({}), script(tmp_path, "kill -9 $$"), "dev")

    @pytest.mark.parametrize(
        "line",
        [
            "+ export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
            "token: eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiIxIn0.c2lnbmF0dXJlMQ",
        ],
    )
    def test_with_a_secret_on_stderr_does_not_show_it(
        self, surround: Surround, tmp_path: Path, line: str
    ) -> None:
        """As `set -x` prints it."""
        helper = script(tmp_path, f"echo {shlex.quote(line)} >&2; exit 1")
        with pytest.raises(IdentityError, match=r"exit status 1: .*\*\*\*") as refusal:
            process.find_for(surround({}), helper, "dev")
        assert "wJalr" not in str(refusal.value)
        assert "eyJhb" not in str(refusal.value)

    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ("", "names no program"),
            ("/nonexistent/helper --x", "cannot be run: No such file"),
            ("/etc/passwd", "cannot be run: Permission denied"),
            ("'/bin/cat", "unclosed quote"),
        ],
    )
    def test_to_start_is_told(self, surround: Surround, command: str, words: str) -> None:
        with pytest.raises(IdentityError, match=f"profile dev.* {words}"):
            process.find_for(surround({}), command, "dev")


class TestRecursion:
    def test_of_a_helper_that_comes_back_to_itself_is_refused(
        self, surround: Surround, tmp_path: Path
    ) -> None:
        """Through a shell script, too: the second level says so in one line, with a hint."""
        printing(tmp_path, json.dumps(KEYS))
        helper = script(tmp_path, f"env >{tmp_path}/env; cat {tmp_path}/printed")
        config = "[profile dev]\n"
        process.find_for(surround({"AWS_PROFILE": "dev"}, config=config), helper, "dev")
        inside = dict(
            line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines()
        )
        with pytest.raises(IdentityError, match="would run it again") as refusal:
            process.find_for(surround(inside, config=config), helper, "dev")
        assert "--profile" in str(refusal.value.hint)
        other = printing(tmp_path, json.dumps(KEYS))
        assert process.find_for(surround(inside, config=config), other, "dev").keys is not None

    def test_is_told_by_the_first_level_with_the_seconds_words(
        self, surround: Surround, tmp_path: Path
    ) -> None:
        """A helper that is this program gives its own error and hint, once."""
        helper = script(
            tmp_path,
            "echo 'aws-role-exec: source credentials: none' >&2; echo 'hint: do x' >&2; exit 125",
        )
        with pytest.raises(IdentityError, match=r"status 125: none$") as refusal:
            process.find_for(surround({}), helper, "dev")
        assert refusal.value.hint == "do x"
