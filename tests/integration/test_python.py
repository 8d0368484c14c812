"""`aws_role_exec.session` in a Python program: a role for boto3 and botocore that renews itself."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers.sts import ACCESS_DENIED, BASE, EXPIRED_TOKEN, Sts

SOURCE = Path(__file__).resolve().parents[2] / "src"
LIFETIME_SECONDS = 15
Python = Callable[..., subprocess.CompletedProcess[str]]
HEAD = f"""\
import os, signal, sys, threading, time
import aws_role_exec
from aws_role_exec.errors import AwsRoleExecError
ROLE = {ROLE!r}

def whoami(session):
    return session.create_client("sts").get_caller_identity()["Arn"]
"""


@pytest.fixture
def python(run: Runner) -> Python:
    """Runs a program; it fails where the program does."""

    def start(
        program: str, env: Mapping[str, str | None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        text = HEAD + textwrap.dedent(program)
        environment = {**run.environment(env), "PYTHONPATH": str(SOURCE)}
        done = subprocess.run(
            [sys.executable, "-c", text],
            env=environment,
            cwd=run.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        for secret in run.secrets():
            assert secret not in done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
        return done

    return start


class TestSession:
    def test_is_under_the_role(self, python: Python, sts: Sts) -> None:
        """By what STS says, with the command's session name."""
        done = python("print(whoami(aws_role_exec.session(ROLE, region='eu-west-1')))")
        assert done.stdout.startswith(
            "arn:aws:sts::123456789012:assumed-role/my-role/aws-role-exec-"
        )
        assert sts.asked[0].region == "eu-west-1"

    def test_is_boto3s_too(self, python: Python, sts: Sts) -> None:
        done = python(
            """
            import boto3
            session = boto3.Session(botocore_session=aws_role_exec.session(ROLE))
            print(session.region_name, session.client("sts").get_caller_identity()["Arn"])
            """
        )
        region, arn = done.stdout.split()
        assert region == "us-east-1"
        assert ":assumed-role/my-role/" in arn

    def test_takes_what_the_command_takes(self, python: Python, sts: Sts) -> None:
        """Under STS's names for it."""
        python(
            """
            aws_role_exec.session(
                ["arn:aws:iam::123456789012:role/hub", ROLE],
                duration="30m", session_name="me", external_id="their-id",
                source_identity="alice", tags={"a": "b", "c": "d e"}, transitive_tags=["a"],
                policy={"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}},
                policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"], sts_timeout="20s",
            )
            """
        )
        assert [asked.params["RoleArn"] for asked in sts.asked] == [
            "arn:aws:iam::123456789012:role/hub",
            ROLE,
        ]
        told = sts.asked[1].params
        assert told["DurationSeconds"] == "1800"
        assert told["RoleSessionName"] == "me"
        assert told["ExternalId"] == "their-id"
        assert told["SourceIdentity"] == "alice"
        assert told["Tags.member.2.Value"] == "d e"
        assert told["TransitiveTagKeys.member.1"] == "a"
        assert told["Policy"] == '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
        assert told["PolicyArns.member.1.arn"].endswith("ReadOnlyAccess")

    def test_takes_the_role_of_a_profile(self, python: Python, run: Runner, sts: Sts) -> None:
        aws = run.home / ".aws"
        aws.mkdir()
        (aws / "config").write_text(
            f"[profile admin]\nrole_arn = {ROLE}\ncredential_source = Environment\n"
        )
        assert (
            ":assumed-role/my-role/"
            in python("print(whoami(aws_role_exec.session(profile='admin')))").stdout
        )

    def test_does_not_see_the_commands_variables(self, python: Python, sts: Sts) -> None:
        """AWS_ROLE_EXEC_POLICY in a shell is no argument of a program's."""
        python("aws_role_exec.session(ROLE)", env={"AWS_ROLE_EXEC_EXTERNAL_ID": "x" * 20})
        assert "ExternalId" not in sts.asked[0].params

    def test_is_nobody_elses_whatever_the_environment_says(self, python: Python, sts: Sts) -> None:
        """AWS_PROFILE may even name a profile that does not exist, and keys may come later."""
        done = python(
            """
            session = aws_role_exec.session(ROLE)
            os.environ.update(AWS_PROFILE="typo", AWS_ACCESS_KEY_ID="AKIAOTHER",
                              AWS_SECRET_ACCESS_KEY="other")
            print(whoami(session))
            """
        )
        assert ":assumed-role/my-role/" in done.stdout


class TestRenewal:
    def test_goes_on_across_expiry_as_whom_it_began(self, python: Python, sts: Sts) -> None:
        """A client made before works after; what the environment holds by then does not count."""
        sts.session_seconds = LIFETIME_SECONDS
        done = python(
            f"""
            session = aws_role_exec.session(ROLE, session_name="first")
            client = session.create_client("sts")
            print(client.get_caller_identity()["Arn"])
            frozen = session.get_credentials().get_frozen_credentials()
            os.environ.update(AWS_ACCESS_KEY_ID=frozen.access_key,
                              AWS_SECRET_ACCESS_KEY=frozen.secret_key,
                              AWS_SESSION_TOKEN=frozen.token)
            time.sleep({LIFETIME_SECONDS + 1})
            print(client.get_caller_identity()["Arn"])
            """
        )
        first, second = done.stdout.split()
        assert first == second
        roles = [asked for asked in sts.asked if asked.action == "AssumeRole"]
        assert {asked.access_key for asked in roles} == {BASE.access_key}
        assert sts.asked[-1].access_key != sts.issued[0].access_key

    def test_is_rare_for_a_short_session(self, python: Python, sts: Sts) -> None:
        """botocore alone would renew one of 15 minutes with every request."""
        python(
            """
            session = aws_role_exec.session(ROLE, duration="15m")
            client = session.create_client("sts")
            for _ in range(3):
                client.get_caller_identity()
            """
        )
        assert [asked.action for asked in sts.asked].count("AssumeRole") == 1

    def test_that_fails_says_why_from_the_request(self, python: Python, sts: Sts) -> None:
        sts.session_seconds = LIFETIME_SECONDS
        sts.script(lambda c, a: c.server.answer(c, a), EXPIRED_TOKEN)
        done = python(
            f"""
            session = aws_role_exec.session(ROLE)
            client = session.create_client("sts")
            time.sleep({LIFETIME_SECONDS + 1})
            try:
                client.get_caller_identity()
            except AwsRoleExecError as error:
                print(error)
            """
        )
        assert "ExpiredToken" in done.stdout


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "kind", "message"),
        [
            ("'nonsense'", "UsageError", "role_arn: 'nonsense' is not the ARN of an IAM role"),
            ("ROLE, duration='5m'", "UsageError", "duration: 5m0s is shorter than"),
            ("ROLE, session_name='a b'", "UsageError", "session_name: 'a b'"),
            ("ROLE, tags={'aws:x': 'y'}", "UsageError", "tags: 'aws:x'"),
            ("ROLE, policy={'a': 1}", "UsageError", "policy: "),
            ("", "UsageError", "no role given"),
        ],
    )
    def test_of_an_argument_name_it_and_nobody_is_asked(
        self, python: Python, sts: Sts, arguments: str, kind: str, message: str
    ) -> None:
        done = python(
            f"""
            try:
                aws_role_exec.session({arguments})
            except AwsRoleExecError as error:
                print(type(error).__name__, error)
            """
        )
        assert done.stdout.startswith(kind), done.stdout
        assert message in done.stdout
        assert not sts.asked

    def test_have_the_hint_as_a_note(self, python: Python, sts: Sts) -> None:
        """Which a traceback and a notebook show."""
        sts.always(ACCESS_DENIED)
        done = python(
            """
            try:
                aws_role_exec.session(ROLE)
            except AwsRoleExecError as error:
                print(error.hint)
                print(error.__notes__)
            """
        )
        hint, notes = done.stdout.splitlines()
        assert "trust policy" in hint
        assert hint[:40] in notes

    def test_end_at_the_deadline(self, python: Python, sts: Sts) -> None:
        sts.always(EXPIRED_TOKEN)
        sts.always(lambda conversation, _asked: conversation.server.closing.wait(60))
        done = python(
            """
            try:
                aws_role_exec.session(ROLE, sts_timeout="1s")
            except AwsRoleExecError as error:
                print(error)
            """
        )
        assert "no response within 1s" in done.stdout


class TestTheProcess:
    def test_keeps_its_signals_children_and_environment(self, python: Python, sts: Sts) -> None:
        """Also at the deadline, at which the command would end what it started."""
        sts.script(lambda c, a: c.server.answer(c, a))
        sts.always(lambda conversation, _asked: conversation.server.closing.wait(60))
        done = python(
            """
            import subprocess
            child = subprocess.Popen(["sleep", "60"])
            signals = {s: signal.getsignal(s) for s in (signal.SIGALRM, signal.SIGINT)}
            environ = dict(os.environ)
            aws_role_exec.session(ROLE)
            try:
                aws_role_exec.session(ROLE, sts_timeout="1s")
            except AwsRoleExecError:
                pass
            assert child.poll() is None
            child.kill()
            assert signals == {s: signal.getsignal(s) for s in signals}
            assert environ == dict(os.environ)
            print("kept")
            """
        )
        assert done.stdout == "kept\n"

    def test_may_ask_from_any_thread(self, python: Python, sts: Sts) -> None:
        """Signals are the main thread's alone."""
        done = python(
            """
            found = []
            thread = threading.Thread(
                target=lambda: found.append(whoami(aws_role_exec.session(ROLE))))
            thread.start()
            thread.join()
            print(found[0])
            """
        )
        assert ":assumed-role/my-role/" in done.stdout

    def test_imports_nothing_of_it_until_it_is_called(self, python: Python) -> None:
        """The package is the command's too."""
        done = python(
            "print(sorted({'botocore', 'aws_role_exec.sessions', 'json'} & {*sys.modules}))"
        )
        assert done.stdout == "[]\n"
