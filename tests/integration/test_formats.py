"""Each format read back by who it is for."""

import configparser
import datetime
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from runner import ROLE, WHOAMI, Runner
from servers.moto import Moto
from servers.sts import Sts

NAMED = ("--role-arn", "arn:aws:iam::123456789012:role/path/my-role", "--session-name", "me")
ASSUMED = "arn:aws:sts::123456789012:assumed-role/my-role/me"


def whoami(run: Runner, **env: str | None) -> str:
    """Who a real SDK is in the runner's environment, without its base keys."""
    keyless = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, **env}
    done = subprocess.run(WHOAMI, env=run.environment(keyless), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.strip()


class TestACommand:
    def test_is_the_role(self, run: Runner, moto: Moto) -> None:
        """The SDK in the command finds the handed-over identity and no other."""
        env = {"AWS_ENDPOINT_URL_STS": moto.url}
        assert run(*NAMED, "--", *WHOAMI, env=env).ok().out.strip() == ASSUMED

    def test_may_be_aws_role_exec_itself(self, run: Runner, sts: Sts) -> None:
        """Nesting hops; the inner run starts from the outer's role."""
        run.assume("--", *run.program, "--role-arn", ROLE, "--", "true").ok()
        assert sts.asked[1].access_key == sts.issued[0].access_key


class TestCredentialsFile:
    def test_is_what_sdks_read(self, run: Runner, moto: Moto) -> None:
        """Programs that read ~/.aws/credentials only get the role, and the region."""
        env = {"AWS_ENDPOINT_URL_STS": moto.url}
        run(
            *NAMED, "--format", "credentials-file", "--output", "creds", "--region", "eu-west-1",
            env=env,
        ).ok()  # fmt: skip
        path = run.cwd / "creds"
        who = whoami(run, AWS_SHARED_CREDENTIALS_FILE=str(path), **env)
        assert who == ASSUMED

    def test_holds_the_keys_and_the_region(self, run: Runner, sts: Sts) -> None:
        """One section, `default`, that any INI parser reads."""
        run.assume(
            "--format", "credentials-file", "--output", "creds", "--region", "eu-west-1"
        ).ok()
        parser = configparser.ConfigParser(interpolation=None, default_section="none")
        parser.read(run.cwd / "creds")
        key = sts.issued[0]
        assert {name: dict(parser[name]) for name in parser.sections()} == {
            "default": {
                "aws_access_key_id": key.access_key,
                "aws_secret_access_key": key.secret,
                "aws_session_token": key.token,
                "region": "eu-west-1",
            }
        }


class TestJson:
    def test_is_what_credential_process_wants(
        self, run: Runner, moto: Moto, tmp_path: Path
    ) -> None:
        """A profile whose credential_process is aws-role-exec is the role."""
        command = shlex.join([*run.program, *NAMED, "--format", "json"])
        config = tmp_path / "config"
        config.write_text(f"[profile job]\ncredential_process = {command}\n")
        # AWS_PROFILE would reach the helper, which would ask itself: chosen in code instead.
        code = (
            "import botocore.session as s;"
            "print(s.Session(profile='job').create_client('sts').get_caller_identity()['Arn'])"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-c", code],
            env=run.environment(
                {
                    "AWS_ENDPOINT_URL_STS": moto.url,
                    "AWS_CONFIG_FILE": str(config),
                    "AWS_REGION": "eu-west-1",
                    "AWS_DEFAULT_REGION": "eu-west-1",
                }
            ),
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == ASSUMED, done.stderr[-500:]

    def test_has_exactly_the_documented_members(self, run: Runner, sts: Sts) -> None:
        """Version 1, the keys, the region, and an expiry in UTC to the second."""
        document = json.loads(run.assume("--format", "json", "--region", "eu-west-1").ok().out)
        key = sts.issued[0]
        expiration = document.pop("Expiration")
        assert document == {
            "Version": 1,
            "AccessKeyId": key.access_key,
            "SecretAccessKey": key.secret,
            "SessionToken": key.token,
            "Region": "eu-west-1",
        }
        expires = datetime.datetime.strptime(expiration, "%Y-%m-%dT%H:%M:%SZ")
        left = expires - datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        assert datetime.timedelta(minutes=55) < left <= datetime.timedelta(hours=1)


class TestEnv:
    def test_is_one_export_a_line_and_no_comment(self, run: Runner, sts: Sts) -> None:
        """Exactly the lines the contract names."""
        out = run.assume("--region", "eu-west-1").ok().out
        key = sts.issued[0]
        *lines, expiration = out.splitlines()
        assert lines == [
            f"export AWS_ACCESS_KEY_ID='{key.access_key}';",
            f"export AWS_SECRET_ACCESS_KEY='{key.secret}';",
            f"export AWS_SESSION_TOKEN='{key.token}';",
            "export AWS_REGION='eu-west-1';",
            "export AWS_DEFAULT_REGION='eu-west-1';",
        ]
        assert expiration.startswith("export AWS_CREDENTIAL_EXPIRATION='20")
        assert expiration.endswith("Z';")

    def test_is_the_default(self, run: Runner) -> None:
        """`eval "$(aws-role-exec --role-arn ...)"` is enough."""
        assert run.assume().ok().out.startswith("export ")


@pytest.mark.parametrize("fmt", ["env", "json"])
def test_nothing_but_the_format_is_printed(run: Runner, fmt: str) -> None:
    """stderr is empty when all is well."""
    assert run.assume("--format", fmt).ok().err == ""
