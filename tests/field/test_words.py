"""Errors that said something untrue or nothing: each says what was found, and a hint that holds.

boto/botocore#2480 and okta/okta-aws-cli#169 (helpers), boto/botocore#2001 and
argoproj/argo-workflows#981 (keys that are copied wrongly), aws/aws-cli#6046 (a role without a
source); the others were found by trying.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers import sts as behave
from servers.certificates import Authority
from servers.metadata import ContainerCredentials
from servers.oidc import jwt
from servers.proxy import Proxy
from servers.sts import BASE, Asked, Conversation, Sts

KEYLESS: dict[str, str | bytes | None] = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
ANSWER = '{"Version":1,"AccessKeyId":"AKIAX","SecretAccessKey":"hunter2secret"%s}'


KEYS = {"SecretAccessKey": "hunter2secret", "Token": "t", "Expiration": "2036-01-01T00:00:00Z"}


def _printing(more: str = "") -> str:
    return f"echo '{ANSWER % more}'"


def _configure(run: Runner, text: str, name: str = "config") -> None:
    (run.home / ".aws").mkdir(exist_ok=True)
    (run.home / ".aws" / name).write_text(text)


class TestKeys:
    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ("AKIA\r", "line break"),
            ("a\nb", "line break"),
            ('"AKIA"', "quotes"),
            ("'AKIA'", "quotes"),
            ("two words", "whitespace"),
            ("${KEY}", "unexpanded variable"),
            ("{{ secrets.KEY }}", "unexpanded variable"),
            ("%KEY%", "unexpanded variable"),
            ("\x1b[0mAKIA", "cannot be part of a key"),
        ],
    )
    @pytest.mark.parametrize(
        "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    )
    def test_that_none_can_be_name_their_variable(
        self, run: Runner, sts: Sts, name: str, value: str, why: str
    ) -> None:
        """Before anything is sent."""
        failure = run.assume("--", "true", env={name: value}).failure(125)
        assert f"{name} contains" in failure.line
        assert why in failure.line
        assert failure.hint
        assert not sts.asked

    def test_of_a_file_name_the_profile_and_the_file(self, run: Runner, sts: Sts) -> None:
        """Not an env file, which has nothing to do with it."""
        keys = 'aws_access_key_id = "AKIAX"\naws_secret_access_key = hunter2secret\n'
        _configure(run, f"[default]\n{keys}", "credentials")
        failure = run.assume("--", "true", env=KEYLESS).failure(125)
        assert "aws_access_key_id of profile default in " in failure.line
        assert "env file" not in failure.text

    def test_of_a_service_name_it(self, run: Runner, sts: Sts) -> None:
        """Its control characters reach nobody."""
        with ContainerCredentials() as container:
            container.document = json.dumps({**KEYS, "AccessKeyId": "AKIA\r\nx: y"})
            env = {**KEYLESS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url}
            failure = run.assume("--", "true", env=env).failure(125)
        assert "the container credentials endpoint" in failure.line
        assert not sts.asked


class TestHelpers:
    @pytest.mark.parametrize(
        ("script", "why"),
        [
            ("echo a log line; " + _printing(), "text before the JSON object"),
            ("true", "printed nothing"),
            ("echo '<html>login</html>'", "an HTML or XML page"),
            ("echo '[1]'", "not JSON"),
            (_printing() + " | cut -c1-50", "cut short"),
            (r"printf '\377\376'", "not JSON"),
            ("exit 3", "exit status 3"),
            ("kill -9 $$", "signal 9"),
            ("echo '{\"Version\":2}'", "Version 2"),
            ("echo '{\"Version\":1}'", "no AccessKeyId and no SecretAccessKey"),
            (_printing(',"Expiration":""'), "is empty"),
            (_printing(',"Expiration":"soon"'), "not an ISO 8601 time"),
            (_printing(',"Expiration":"2020-01-01T00:00:00Z"'), "expired at 2020"),
        ],
    )
    def test_say_which_and_what_was_wrong(
        self, run: Runner, sts: Sts, tmp_path: Path, script: str, why: str
    ) -> None:
        """Which helper of which profile, and never what it printed."""
        helper = tmp_path / "helper"
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(0o755)
        _configure(run, f"[profile dev]\ncredential_process = {helper}\n")
        failure = run.assume("--profile", "dev", "--", "true", env=KEYLESS).failure(125)
        assert f"the credential_process of profile dev ({helper})" in failure.line
        assert why in failure.line
        assert "hunter2secret" not in failure.text
        assert failure.hint or "signal" in why or "Version" in why or "no Access" in why

    def test_that_fail_without_a_word_are_to_be_run_by_hand(self, run: Runner, sts: Sts) -> None:
        """There is nothing else to be told."""
        _configure(run, "[default]\ncredential_process = /bin/false\n")
        hint = run.assume("--", "true", env=KEYLESS).failure(125).hint
        assert hint == "it printed no reason: run it yourself"


class TestServices:
    @pytest.mark.parametrize(
        ("env", "why"),
        [
            ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.test/x"}, "example.test"),
            ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.1.2.3/x"}, "10.1.2.3"),
            ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "nonsense"}, "not an http://"),
            ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/\r\nx"}, "control character"),
            ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x\ny"}, "control character"),
        ],
    )
    def test_of_a_container_name_the_variable(
        self, run: Runner, sts: Sts, env: dict[str, str], why: str
    ) -> None:
        """And what is wrong with it."""
        failure = run.assume("--", "true", env={**KEYLESS, **env}).failure(125)
        assert next(iter(env)) in failure.line
        assert why in failure.line

    @pytest.mark.parametrize("content", ["a\nb\n", "a\r\nb", "two\nlines"])
    def test_token_files_with_a_line_break_are_named(
        self, run: Runner, sts: Sts, tmp_path: Path, content: str
    ) -> None:
        """With the variable that names them."""
        token = tmp_path / "token"
        token.write_text(content)
        env = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        }
        failure = run.assume("--", "true", env={**KEYLESS, **env}).failure(125)
        assert str(token) in failure.line
        assert "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in failure.line

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{}",
            "[]",
            "nonsense",
            '{"accessToken":"abcdefgh"}',
            '{"accessToken":"abcdefgh","expiresAt":"never"}',
            '{"accessToken":"abcdefgh","expiresAt":"2020-01-01T00:00:00Z"}',
        ],
    )
    def test_a_login_cache_that_is_no_login_says_to_log_in(
        self, run: Runner, sts: Sts, content: str
    ) -> None:
        """Whatever is wrong with it, and without a library's name for it."""
        url = "https://corp.example/start"
        _configure(
            run,
            f"[default]\nsso_start_url = {url}\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = dev\n",
        )
        cache = run.home / ".aws/sso/cache"
        cache.mkdir(parents=True)
        (cache / f"{hashlib.sha1(url.encode()).hexdigest()}.json").write_text(content)
        failure = run.assume("--", "true", env=KEYLESS).failure(125)
        assert failure.hint == "log in again: aws sso login"
        assert "Error" not in failure.line

    def test_that_are_busy_are_not_called_an_account(self, run: Runner, sts: Sts) -> None:
        """The hint holds for a node's own service as well as for STS."""
        with ContainerCredentials() as container:
            container.script(*[429] * 99)
            env = {**KEYLESS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url}
            failure = run.assume("--sts-timeout", "3s", "--", "true", env=env).failure(125)
        assert "HTTP 429" in failure.line
        assert "account" not in (failure.hint or "")


class TestProfiles:
    @pytest.mark.parametrize(
        ("rest", "why", "hint"),
        [
            ("", "neither source_profile nor credential_source", "source_profile"),
            ("source_profile = nosuch", "nosuch does not exist", "[profile NAME]"),
            ("source_profile = plain", "profile plain", "credential_process"),
            ("source_profile = dev\nrole_session_name = x", "is circular", "its own"),
            ("credential_source = Moon", "'Moon'", "Environment"),
            (
                "credential_source = Environment",
                "Environment has no credentials here",
                "AWS_ACCESS_KEY_ID",
            ),
        ],
    )
    def test_with_a_role_and_nobody_to_assume_it(
        self, run: Runner, sts: Sts, rest: str, why: str, hint: str
    ) -> None:
        """Not half a key pair, of which there is none."""
        config = f"[profile dev]\nrole_arn = {ROLE}\n{rest}\n[profile plain]\nregion = eu-west-1\n"
        _configure(run, config)
        failure = run.assume("--profile", "dev", "--", "true", env=KEYLESS).failure(125)
        assert why in failure.line
        assert hint in (failure.hint or "")

    def test_without_the_word_profile_are_shown_how_to_write_them(
        self, run: Runner, sts: Sts
    ) -> None:
        """The section is there, and is none."""
        _configure(run, "[dev]\naws_access_key_id = AKIAX\naws_secret_access_key = abc\n")
        for words, env in ((["--profile", "dev"], {}), ([], {"AWS_PROFILE": "dev"})):
            failure = run.assume(*words, "--", "true", env={**KEYLESS, **env}).failure(2)
            assert "to [profile dev]" in (failure.hint or "")

    def test_of_irsa_are_refused_with_what_the_token_says(
        self, run: Runner, sts: Sts, tmp_path: Path
    ) -> None:
        """A trust policy is mended by comparing it with the token."""
        (tmp_path / "token").write_text(jwt())
        sts.always(
            behave.refusal(
                "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"
            )
        )
        env = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": ROLE}
        failure = run.assume("--", "true", env={**KEYLESS, **env}).failure(125)
        assert "(AWS_WEB_IDENTITY_TOKEN_FILE)" in failure.line
        assert "sub=" in (failure.hint or "")


class TestPages:
    @pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 405, 407, 413, 451])
    @pytest.mark.parametrize("body", ["<html><body><p>Forbidden</body></html>", ""])
    def test_of_somebody_else_are_told_as_such(
        self, run: Runner, sts: Sts, status: int, body: str
    ) -> None:
        """With the status and the kind of page, after three attempts."""
        sts.always(behave.page(status, body))
        failure = run.assume("--", "true").failure(125)
        assert f"the response is not from STS (HTTP {status}, text/html: " in failure.line
        assert "login page" in (failure.hint or "")
        assert len(sts.asked) == 3

    def test_of_a_login_name_its_host(self, run: Runner, sts: Sts) -> None:
        """And not the rest of the address, which may hold a secret."""

        def redirect(conversation: Conversation, _: Asked) -> None:
            location = "https://me:hunter2secret@login.example/x?state=hunter3secret"
            conversation.reply(302, "", Location=location)

        sts.always(redirect)
        failure = run.assume("--", "true").failure(125)
        assert "(HTTP 302, to https://login.example: " in failure.line
        assert "secret" not in failure.text

    def test_of_overload_without_a_body_are_told_as_that(self, run: Runner, sts: Sts) -> None:
        """All the time was used."""
        sts.always(behave.page(429, ""))
        failure = run.assume("--sts-timeout", "3s", "--", "true").failure(125)
        assert failure.line.endswith("the last: HTTP 429")
        assert len(sts.asked) >= 2
        assert "too many requests at once" in (failure.hint or "")


class TestTheWay:
    def test_a_proxys_password_is_shown_how_to_write(self, run: Runner, sts: Sts) -> None:
        """The hint itself is no password, and is not hidden as one."""
        with Proxy(sts, "me:right") as proxy:
            failure = run.assume("--", "true", env={"http_proxy": proxy.url}).failure(125)
        assert "USER:PASSWORD@" in (failure.hint or "")

    @pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
    def test_authorities_that_are_not_there_are_told_so(
        self,
        run: Runner,
        sts_servers: Callable[..., Sts],
        authority: Authority,
        tmp_path: Path,
        name: str,
    ) -> None:
        """With the file's name."""
        missing = str(tmp_path / "missing.pem")
        url = sts_servers(authority.context()).url
        env = {"AWS_ENDPOINT_URL_STS": url, name: missing}
        failure = run.assume("--", "true", env=env).failure(125)
        assert f"{missing} is missing" in failure.line

    @pytest.mark.parametrize("word", ["true;", "ls|wc", "sleep&"])
    def test_a_shells_signs_are_no_command(self, run: Runner, sts: Sts, word: str) -> None:
        """They have a shell read them."""
        failure = run.assume("--", word, "x").failure(127)
        assert "sh -c" in (failure.hint or "")


class TestOurOwnMistakes:
    @pytest.mark.parametrize(
        "place",
        [
            "identity.environment.find",
            "sts.protocol.sign",
            "network.exchange.exchange",
            "sts.protocol.read",
            "handover.environment.child_environment",
        ],
    )
    @pytest.mark.parametrize("debug", [False, True])
    def test_are_never_swallowed(
        self, run: Runner, sts: Sts, tmp_path: Path, place: str, debug: bool
    ) -> None:
        """Wherever on the road one is: told as a bug, once, and shown with AWS_ROLE_EXEC_DEBUG."""
        module, _, function = place.rpartition(".")
        script = tmp_path / "broken.py"
        script.write_text(
            f"import sys\nfrom aws_role_exec.{module.rpartition('.')[0]} import"
            f" {module.rpartition('.')[2]} as module\nfrom aws_role_exec.network import wire\n"
            "def broken_here(*_, **__): raise KeyError('hunter2secret')\n"
            f"module.{function} = broken_here\n"
            f"if hasattr(wire, '{function}'): wire.{function} = broken_here\n"
            "from aws_role_exec.__main__ import main\nmain()\n"
        )
        run.program = [sys.executable, str(script)]
        result = run.assume(
            "--", "true", env={"AWS_ROLE_EXEC_DEBUG": "1" if debug else None}, debug=debug
        )
        assert result.code == 125
        assert "unexpected: KeyError" in result.err
        assert "hint: this is a bug" in result.err
        assert ("in broken_here" in result.err) == debug
        assert "hunter2secret" not in result.err.replace("raise KeyError('hunter2secret')", "")
        assert BASE.secret not in result.err
