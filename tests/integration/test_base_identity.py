"""Where the base identity comes from: every provider of botocore's chain, for real."""

import datetime
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import ROLE, Runner
from servers.metadata import (
    CONTAINER,
    INSTANCE,
    SSO,
    ContainerCredentials,
    InstanceMetadata,
    SsoPortal,
)
from servers.sts import Key, Sts

KEYLESS: dict[str, str | bytes | None] = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
}
FILE_KEY = Key("AKIAFILEEXAMPLE00000", "FileSecret/Kd83+x")
PROCESS_KEY = Key("ASIAPROCESSEXAMPLE00", "ProcessSecret/Kd83+x", "ProcessToken//Zx9==")
TEMPORARY_KEY = Key("ASIAENVEXAMPLE000000", "EnvSecret/Kd83+x", "EnvToken//Zx9==")


@pytest.fixture
def aws(run: Runner, sts: Sts) -> Path:
    """The user's ~/.aws; STS knows every key of this file."""
    for key in (FILE_KEY, PROCESS_KEY, TEMPORARY_KEY, INSTANCE, CONTAINER, SSO):
        sts.know(key)
    directory = run.home / ".aws"
    directory.mkdir()
    return directory


def section(name: str, key: Key) -> str:
    token = f"aws_session_token = {key.token}\n" if key.token else ""
    return (
        f"[{name}]\naws_access_key_id = {key.access_key}\n"
        f"aws_secret_access_key = {key.secret}\n{token}"
    )


class TestEnvironment:
    def test_temporary_keys_with_their_token(self, run: Runner, sts: Sts, aws: Path) -> None:
        """A session in the environment is used with its token, and is gone afterwards."""
        seen = run.become(
            env={
                "AWS_ACCESS_KEY_ID": TEMPORARY_KEY.access_key,
                "AWS_SECRET_ACCESS_KEY": TEMPORARY_KEY.secret,
                "AWS_SESSION_TOKEN": TEMPORARY_KEY.token,
            }
        )
        assert sts.asked[0].access_key == TEMPORARY_KEY.access_key
        assert TEMPORARY_KEY.token not in seen.env.values()


class TestFiles:
    def test_shared_credentials_file_in_home(self, run: Runner, sts: Sts, aws: Path) -> None:
        """~/.aws/credentials, section default."""
        (aws / "credentials").write_text(section("default", FILE_KEY))
        run.assume("--", "true", env=KEYLESS).ok()
        assert sts.asked[0].access_key == FILE_KEY.access_key

    def test_shared_credentials_file_elsewhere(
        self, run: Runner, sts: Sts, aws: Path, tmp_path: Path
    ) -> None:
        """AWS_SHARED_CREDENTIALS_FILE; the command does not get to see it."""
        path = tmp_path / "elsewhere"
        path.write_text(section("default", FILE_KEY))
        seen = run.become(env={**KEYLESS, "AWS_SHARED_CREDENTIALS_FILE": str(path)})
        assert sts.asked[0].access_key == FILE_KEY.access_key
        assert "AWS_SHARED_CREDENTIALS_FILE" not in seen.env

    @pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
    def test_a_profile(self, run: Runner, sts: Sts, aws: Path, variable: str) -> None:
        """A profile in ~/.aws/config, chosen by the environment, with its region."""
        (aws / "config").write_text(section("profile job", FILE_KEY) + "region = eu-west-1\n")
        seen = run.become(env={**KEYLESS, variable: "job"})
        assert sts.asked[0].access_key == FILE_KEY.access_key
        assert sts.asked[0].region == "eu-west-1"
        assert seen.env["AWS_REGION"] == "eu-west-1"
        assert variable not in seen.env

    def test_a_profile_with_a_role_and_source_profile(
        self, run: Runner, sts: Sts, aws: Path
    ) -> None:
        """The profile's own role is assumed first, then ours."""
        (aws / "credentials").write_text(section("source", FILE_KEY))
        (aws / "config").write_text(
            "[profile job]\nrole_arn = arn:aws:iam::123456789012:role/base\n"
            "source_profile = source\nregion = eu-west-1\n"
        )
        run.assume("--", "true", env={**KEYLESS, "AWS_PROFILE": "job"}).ok()
        assert [asked.params["RoleArn"] for asked in sts.asked] == [
            "arn:aws:iam::123456789012:role/base",
            ROLE,
        ]
        assert sts.asked[0].access_key == FILE_KEY.access_key
        assert sts.asked[1].access_key == sts.issued[0].access_key


class TestCredentialProcess:
    def document(self, **more: object) -> str:
        return json.dumps(
            {
                "Version": 1,
                "AccessKeyId": PROCESS_KEY.access_key,
                "SecretAccessKey": PROCESS_KEY.secret,
                "SessionToken": PROCESS_KEY.token,
                **more,
            }
        )

    def test_is_run(self, run: Runner, sts: Sts, aws: Path) -> None:
        """With the caller's environment."""
        (aws / "keys.json").write_text(self.document())
        (aws / "config").write_text(
            f"[default]\ncredential_process = sh -c 'env >{aws}/seen; cat {aws}/keys.json'\n"
        )
        run.assume("--", "true", env={**KEYLESS, "MARK": "x"}).ok()
        assert sts.asked[0].access_key == PROCESS_KEY.access_key
        seen = (aws / "seen").read_text().splitlines()
        assert "MARK=x" in seen
        assert not [line for line in seen if line.startswith(("_PYI", "LD_LIBRARY_PATH"))]

    def test_that_fails_is_an_error_without_its_secrets(
        self, run: Runner, sts: Sts, aws: Path
    ) -> None:
        """What it prints on stdout is a secret, also when it exits 1."""
        (aws / "keys.json").write_text(self.document())
        (aws / "config").write_text(
            f"[default]\ncredential_process = sh -c 'cat {aws}/keys.json; exit 1'\n"
        )
        run.assume("-v", "--", "true", env={**KEYLESS, "AWS_ROLE_EXEC_DEBUG": "1"}, debug=True)
        run.assume("--", "true", env=KEYLESS).failure(125)
        assert not sts.asked

    @pytest.mark.parametrize("output", ["", "nonsense", "{}", '{"Version": 9}'])
    def test_that_prints_nonsense_is_an_error(
        self, run: Runner, sts: Sts, aws: Path, output: str
    ) -> None:
        """Not a traceback."""
        (aws / "keys.json").write_text(output)
        (aws / "config").write_text(f"[default]\ncredential_process = cat {aws}/keys.json\n")
        run.assume("--", "true", env=KEYLESS).failure(125)
        assert not sts.asked


class TestWebIdentity:
    @pytest.fixture
    def env(self, tmp_path: Path) -> dict[str, str | bytes | None]:
        token = tmp_path / "token"
        token.write_text("eyJhbGciOiJSUzI1NiJ9.web-identity.token")
        return {
            **KEYLESS,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/irsa",
            "AWS_ROLE_SESSION_NAME": "pod",
        }

    def test_file_of_a_pod(self, run: Runner, sts: Sts, env: dict[str, str | bytes | None]) -> None:
        """IRSA: AssumeRoleWithWebIdentity first, then our role with what it gave."""
        seen = run.become(env=env)
        first, second = sts.asked
        assert first.action == "AssumeRoleWithWebIdentity"
        assert first.params["WebIdentityToken"] == "eyJhbGciOiJSUzI1NiJ9.web-identity.token"
        assert first.params["RoleArn"] == "arn:aws:iam::123456789012:role/irsa"
        assert first.params["RoleSessionName"] == "pod"
        assert second.action == "AssumeRole"
        assert second.access_key == sts.issued[0].access_key
        for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"):
            assert name not in seen.env

    def test_a_missing_token_file_is_named(
        self, run: Runner, sts: Sts, env: dict[str, str | bytes | None]
    ) -> None:
        """As a volume that was not mounted."""
        missing = "/nonexistent/token"
        failure = run.assume("--", "true", env={**env, "AWS_WEB_IDENTITY_TOKEN_FILE": missing})
        assert missing in failure.failure(125).text
        assert not sts.asked


class TestContainer:
    @pytest.fixture
    def endpoint(self) -> Iterator[ContainerCredentials]:
        with ContainerCredentials(token="Basic dGFzaw==") as server:
            yield server

    def test_endpoint_with_its_token(
        self, run: Runner, sts: Sts, aws: Path, endpoint: ContainerCredentials
    ) -> None:
        """ECS and EKS Pod Identity; the command cannot ask the endpoint by its environment."""
        seen = run.become(
            env={
                **KEYLESS,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url + "/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic dGFzaw==",
            }
        )
        assert sts.asked[0].access_key == CONTAINER.access_key
        assert not [name for name in seen.env if name.startswith("AWS_CONTAINER")]

    def test_endpoint_with_a_token_file(
        self, run: Runner, sts: Sts, aws: Path, endpoint: ContainerCredentials
    ) -> None:
        """EKS Pod Identity puts the token in a file."""
        (aws / "token").write_text("Basic dGFzaw==")
        run.assume(
            "--",
            "true",
            env={
                **KEYLESS,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(aws / "token"),
            },
        ).ok()
        assert sts.asked[0].access_key == CONTAINER.access_key

    def test_endpoint_that_refuses(
        self, run: Runner, sts: Sts, endpoint: ContainerCredentials
    ) -> None:
        """A wrong token is an error with a reason, not a fall back to another identity."""
        env = {
            **KEYLESS,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic wrong",
        }
        run.assume("--", "true", env=env).failure(125)
        assert not sts.asked


class TestInstance:
    def env(self, server: InstanceMetadata) -> dict[str, str | bytes | None]:
        return {
            **KEYLESS,
            "AWS_EC2_METADATA_DISABLED": None,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/",
        }

    def test_metadata_version_2(self, run: Runner, sts: Sts, aws: Path) -> None:
        """A node with `HttpTokens=required`."""
        with InstanceMetadata() as server:
            run.assume("--", "true", env=self.env(server)).ok()
        assert sts.asked[0].access_key == INSTANCE.access_key
        assert server.asked[0] == "PUT /latest/api/token"

    def test_beyond_the_hop_limit(self, run: Runner, sts: Sts) -> None:
        """In a container on a node with hop limit 1: no credentials, and not after all the time."""
        with InstanceMetadata(beyond_hop_limit=True) as server:
            result = run.assume("--sts-timeout", "1h", "--", "true", env=self.env(server))
        assert "do not arrive" in result.failure(125).line
        assert server.asked.count("PUT /latest/api/token") == 3
        assert not sts.asked

    def test_can_be_disabled(self, run: Runner, sts: Sts) -> None:
        """AWS_EC2_METADATA_DISABLED is obeyed."""
        with InstanceMetadata() as server:
            env = {**self.env(server), "AWS_EC2_METADATA_DISABLED": "true"}
            run.assume("--", "true", env=env).failure(125)
        assert not server.asked


class TestSso:
    @pytest.fixture
    def portal(self) -> Iterator[SsoPortal]:
        with SsoPortal() as server:
            yield server

    def sign_in(self, aws: Path, portal: SsoPortal, *, hours: int, token: str) -> None:
        """What `aws sso login` leaves behind."""
        cache = aws / "sso" / "cache"
        cache.mkdir(parents=True)
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
        document = {
            "startUrl": "https://example.awsapps.com/start",
            "region": "eu-west-1",
            "accessToken": token,
            "expiresAt": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        }
        name = hashlib.sha1(b"corp").hexdigest()
        (cache / f"{name}.json").write_text(json.dumps(document))
        (aws / "config").write_text(
            "[sso-session corp]\nsso_start_url = https://example.awsapps.com/start\n"
            "sso_region = eu-west-1\nsso_registration_scopes = sso:account:access\n"
            "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\n"
            "sso_role_name = Dev\nregion = eu-west-1\n"
        )

    def env(self, portal: SsoPortal) -> dict[str, str | bytes | None]:
        return {**KEYLESS, "AWS_PROFILE": "dev", "AWS_ENDPOINT_URL_SSO": portal.url}

    def test_cache_of_aws_sso_login(
        self, run: Runner, sts: Sts, aws: Path, portal: SsoPortal
    ) -> None:
        """A signed-in user needs no keys."""
        self.sign_in(aws, portal, hours=4, token=portal.token)
        run.assume("--", "true", env=self.env(portal)).ok()
        assert sts.asked[0].access_key == SSO.access_key
        assert portal.asked == ["/federation/credentials?role_name=Dev&account_id=123456789012"]

    def test_that_has_expired_says_to_sign_in(
        self, run: Runner, sts: Sts, aws: Path, portal: SsoPortal
    ) -> None:
        """The hint is the command to type."""
        self.sign_in(aws, portal, hours=-4, token=portal.token)
        failure = run.assume("--", "true", env=self.env(portal)).failure(125)
        assert "aws sso login" in failure.text
        assert not sts.asked

    def test_that_was_signed_out_elsewhere(
        self, run: Runner, sts: Sts, aws: Path, portal: SsoPortal
    ) -> None:
        """The portal's 401 is an error with the same cure, and the token stays secret."""
        self.sign_in(aws, portal, hours=4, token="revoked-access-token")
        result = run.assume("-v", "--", "true", env=self.env(portal))
        assert result.code == 125
        assert "revoked-access-token" not in result.err
        assert not sts.asked
