"""What users do, and what it takes: one row a case of the budget of imports."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runner import ROLE, Runner
from servers import metadata
from servers.metadata import CONTAINER, INSTANCE, SSO, ContainerCredentials, InstanceMetadata
from servers.sts import ACCESS_DENIED, BASE, THROTTLING, Sts

SOURCE_ROLE = "arn:aws:iam::123456789012:role/source"
KEYLESS: dict[str, str | None] = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
THEN_TRUE = ("--", "/bin/true")
SECTION = f"aws_access_key_id = {BASE.access_key}\naws_secret_access_key = {BASE.secret}\n"
START_URL = "https://example.awsapps.com/start"
SSO_TOKEN = f".aws/sso/cache/{hashlib.sha1(b'corp', usedforsecurity=False).hexdigest()}.json"


@dataclass(frozen=True)
class World:
    """The servers that a case may meet; `{home}` in its variables and files is HOME."""

    sts: Sts
    instance: InstanceMetadata
    container: ContainerCredentials
    portal: metadata.SsoPortal

    def know_keys(self) -> None:
        for key in (INSTANCE, CONTAINER, SSO):
            self.sts.know(key)


@dataclass(frozen=True)
class Case:
    name: str
    env: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    then: tuple[str, ...] = THEN_TRUE
    alone: tuple[str, ...] | None = None
    """The whole command line, for what takes no role."""
    prepare: Callable[[World, dict[str, str | None]], None] = lambda world, env: None
    calls: int = 1
    """How many calls STS gets."""
    code: int = 0

    def arguments(self) -> tuple[str, ...]:
        if self.alone is not None:
            return self.alone
        return ("--role-arn", ROLE, *self.options, *self.then)

    def write_files(self, run: Runner, world: World) -> None:
        for name, text in self.files.items():
            path = run.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{home}", str(run.home)))


def _instance(world: World, env: dict[str, str | None]) -> None:
    env["AWS_EC2_METADATA_DISABLED"] = None
    env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = world.instance.url


def _container(world: World, env: dict[str, str | None]) -> None:
    env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = world.container.url + "/v2/credentials/0"


def _portal(world: World, env: dict[str, str | None]) -> None:
    env["AWS_ENDPOINT_URL_SSO"] = world.portal.url


def _throttle_once(world: World, env: dict[str, str | None]) -> None:
    world.sts.script(THROTTLING)


def _refuse(world: World, env: dict[str, str | None]) -> None:
    world.sts.always(ACCESS_DENIED)


CASES = (
    Case("version", alone=("--version",), calls=0),
    Case("keys in the environment"),
    Case(
        "config file with a region",
        {"AWS_REGION": None},
        {".aws/config": "[default]\nregion = us-east-1\n"},
    ),
    Case(
        "config file with comments and s3 blocks",
        {"AWS_REGION": None},
        {
            ".aws/config": "# ours\n[default]\nregion = us-east-1\n"
            "s3 =\n  addressing_style = path\n"
            "\n[profile b]\n; other\nregion = eu-west-1\noutput = json\n"
        },
    ),
    Case("credentials file", KEYLESS, {".aws/credentials": f"[default]\n{SECTION}"}),
    Case(
        "named profile",
        KEYLESS | {"AWS_PROFILE": "work"},
        {
            ".aws/config": "[profile work]\nregion = us-east-1\n",
            ".aws/credentials": f"[work]\n{SECTION}",
        },
    ),
    Case(
        "source_profile",
        KEYLESS | {"AWS_PROFILE": "work"},
        {
            ".aws/config": f"[profile work]\nrole_arn = {SOURCE_ROLE}\nsource_profile = source\n",
            ".aws/credentials": f"[source]\n{SECTION}",
        },
        calls=2,
    ),
    Case(
        "credential_process",
        KEYLESS,
        {
            ".aws/config": "[default]\ncredential_process = /bin/cat {home}/key.json\n",
            "key.json": json.dumps(
                {
                    "Version": 1,
                    "AccessKeyId": BASE.access_key,
                    "SecretAccessKey": BASE.secret,
                }
            ),
        },
    ),
    Case(
        "SSO with a cached token",
        KEYLESS,
        {
            ".aws/config": "[default]\nsso_session = corp\nsso_account_id = 123456789012\n"
            "sso_role_name = dev\n[sso-session corp]\nsso_region = us-east-1\n"
            f"sso_start_url = {START_URL}\n",
            SSO_TOKEN: json.dumps(
                {
                    "startUrl": START_URL,
                    "region": "us-east-1",
                    "accessToken": "sso-access-token-eyJraWQi",
                    "expiresAt": "2099-01-01T00:00:00Z",
                }
            ),
        },
        prepare=_portal,
    ),
    Case(
        "token file as EKS sets it up",
        KEYLESS
        | {
            "AWS_ROLE_ARN": SOURCE_ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/token",
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        },
        {"token": "header.payload.signature"},
        calls=2,
    ),
    Case("container endpoint", KEYLESS, prepare=_container),
    Case("instance metadata", KEYLESS, prepare=_instance),
    Case("two roles", options=("--role-arn", SOURCE_ROLE), calls=2),
    Case(
        "tags, external ID, policy ARN and source identity",
        options=(
            *("--tag", "project=genome", "--transitive-tag", "project"),
            *("--external-id", "dummy-id", "--source-identity", "alice"),
            *("--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ),
    ),
    Case(
        "settings that mean nothing to STS",
        {
            "AWS_SDK_LOAD_CONFIG": "1",
            "AWS_RETRY_MODE": "standard",
            "AWS_MAX_ATTEMPTS": "5",
            "AWS_CLI_AUTO_PROMPT": "off",
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        },
    ),
    Case(
        "a proxy that does not apply",
        {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1"},
    ),
    Case("throttled once", prepare=_throttle_once, calls=2),
    Case("refused", prepare=_refuse, code=125),
    Case("json", then=("--format", "json")),
    Case("file", then=("--format", "credentials-file", "--output", "credentials")),
    Case("dry run", options=("--dry-run",), calls=0),
    Case("help", alone=("--help",), calls=0),
    Case(
        "Tab",
        {"_AWS_ROLE_EXEC_COMPLETE": "bash_complete", "COMP_WORDS": "aws-role-exec --ro"},
        alone=(),
        calls=0,
    ),
    Case("explain", options=("--explain",)),
)
