"""What users do with aws-role-exec: one row a case, run beside the reference doing the same."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import stub

ROLE = "arn:aws:iam::123456789012:role/bench"
REGION = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
KEY_ID, SECRET = "AKIAEXAMPLEEXAMPLE00", "dummy+secret"
KEYS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
PLAIN = KEYS | REGION
TRUE = ("--", "/bin/true")
HOME = "{home}"
"""In arguments, variables and files: the case's home directory."""

ONE_CERTIFICATE = {"SSL_CERT_FILE": "{home}/../one.pem", "SSL_CERT_DIR": "{home}/empty"}
"""Both: Go reads /etc/ssl/certs as long as only the first is set."""

_SECTION = f"aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
_WITH_MUCH = """# Written by the site's set-up; see the wiki before changing anything.
[default]
region = us-east-1
output = json
; big files go in parts
s3 =
    max_concurrent_requests = 20
    multipart_threshold = 64MB
    addressing_style = virtual
cli_pager =

[profile dev]
region = eu-west-1
output = table

[profile archive]   # nightly
region = us-west-2
s3 =
  max_bandwidth = 50MB/s
  payload_signing_enabled = false
role_arn = arn:aws:iam::123456789012:role/archive
source_profile = default
duration_seconds = 3600
"""
_SSO_START = "https://example.awsapps.com/start"
_SSO_TOKEN = {
    "startUrl": _SSO_START,
    "region": "us-east-1",
    "accessToken": "dummy-token",
    "expiresAt": stub.SOON,
}
_TAB = "aws-role-exec --ro"

REAL_PROXY = "connections through a proxy use botocore's HTTP session"
TELLS = "also calls GetCallerIdentity, and prints a report"


@dataclass(frozen=True)
class Case:
    """A way to use aws-role-exec, and how the reference is made to do the same.

    `options` go behind `--role-arn` and `--session-name`, and `then` behind those. `reference`
    is what the reference gets instead of `options`, None where it has no such thing.
    """

    key: str
    title: str
    calls: int = 1
    """How many calls a run makes, to STS and to SSO's portal, without GetCallerIdentity."""
    variables: dict[str, str] = field(default_factory=lambda: PLAIN)
    files: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    then: tuple[str, ...] = TRUE
    reference: tuple[str, ...] | None = ()
    role: str = ROLE
    status: int = 0
    reference_status: int = 0
    exempt: str = ""
    """Why the bound on a case's CPU time is not for this one."""
    alone: tuple[str, ...] | None = None
    """The whole command line, for what takes no role; the reference's is then `reference`."""
    twice: bool = False
    """Whether the reference has to become itself to go through a second role."""
    distant: bool = True
    """Whether it is run with a long way to STS, too."""


def cases() -> list[Case]:
    """Return all of them."""
    keys_of = {".aws/credentials": f"[default]\n{_SECTION}"}
    proxy = f"http://{stub.PROXY[0]}:{stub.PROXY[1]}"
    sso_cache = f".aws/sso/cache/{hashlib.sha1(b'corp', usedforsecurity=False).hexdigest()}.json"
    return [
        Case("plain", "keys in the environment"),
        Case("one", "keys in the environment, one certificate", variables=PLAIN | ONE_CERTIFICATE),
        Case(
            "region",
            "config file with a region",
            variables=KEYS,
            files={".aws/config": "[default]\nregion = us-east-1\n"},
        ),
        Case(
            "config",
            "config file with profiles, comments and `s3 =` blocks",
            variables=KEYS,
            files={".aws/config": _WITH_MUCH},
        ),
        Case("credentials", "keys in a credentials file", variables=REGION, files=keys_of),
        Case(
            "profile",
            "a named profile",
            variables={"AWS_PROFILE": "work"},
            files={
                ".aws/config": "[default]\nregion = eu-west-1\n\n[profile work]\n"
                "region = us-east-1\n",
                ".aws/credentials": f"[work]\n{_SECTION}",
            },
        ),
        Case(
            "source_profile",
            "a profile with source_profile",
            calls=2,
            variables={"AWS_PROFILE": "work"},
            files={
                ".aws/config": f"[profile work]\nregion = us-east-1\nrole_arn = {ROLE}-one\n"
                "role_session_name = bench\nsource_profile = source\n",
                ".aws/credentials": f"[source]\n{_SECTION}",
            },
        ),
        Case(
            "process",
            "credential_process = /bin/cat",
            variables={"AWS_PROFILE": "work"},
            files={
                ".aws/config": "[profile work]\nregion = us-east-1\n"
                f"credential_process = /bin/cat {HOME}/key.json\n",
                "key.json": json.dumps(
                    {"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": SECRET}
                ),
            },
        ),
        Case(
            "sso",
            "SSO with a cached token",
            calls=2,
            variables={"AWS_PROFILE": "work"},
            files={
                ".aws/config": "[profile work]\nregion = us-east-1\nsso_session = corp\n"
                "sso_account_id = 123456789012\nsso_role_name = dev\n\n[sso-session corp]\n"
                f"sso_region = us-east-1\nsso_start_url = {_SSO_START}\n"
                "sso_registration_scopes = sso:account:access\n",
                sso_cache: json.dumps(_SSO_TOKEN),
            },
        ),
        Case(
            "token_file",
            "token file as EKS sets it up",
            calls=2,
            variables=REGION
            | {
                "AWS_ROLE_ARN": f"{ROLE}-one",
                "AWS_WEB_IDENTITY_TOKEN_FILE": f"{HOME}/token",
                "AWS_STS_REGIONAL_ENDPOINTS": "regional",
            },
            files={"token": "header.payload.signature"},
        ),
        Case(
            "container",
            "container endpoint",
            variables=REGION | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/0"},
        ),
        Case("instance", "instance metadata", variables=REGION),
        Case("two", "two roles", calls=2, options=("--role-arn", f"{ROLE}-two"), twice=True),
        Case(
            "session",
            "tags, external ID, policy ARN and source identity",
            options=(
                *("--tag", "project=genome", "--tag", "cost-center=42"),
                *("--transitive-tag", "project", "--external-id", "dummy-id"),
                *("--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
                *("--source-identity", "alice"),
            ),
        ),
        Case(
            "settings",
            "SDK settings that mean nothing to STS",
            variables=PLAIN
            | {
                "AWS_SDK_LOAD_CONFIG": "1",
                "AWS_PAGER": "",
                "AWS_DEFAULT_OUTPUT": "json",
                "AWS_CLI_AUTO_PROMPT": "off",
                "AWS_RETRY_MODE": "standard",
                "AWS_MAX_ATTEMPTS": "5",
                "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional",
                "AWS_STS_REGIONAL_ENDPOINTS": "regional",
                "AWS_SDK_UA_APP_ID": "bench",
            },
        ),
        Case(
            "no_proxy",
            "HTTPS_PROXY, with NO_PROXY covering STS",
            variables=PLAIN
            | {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,.amazonaws.com"},
        ),
        Case(
            "proxy",
            "HTTPS_PROXY that applies",
            variables=PLAIN | {"HTTPS_PROXY": proxy},
            exempt=REAL_PROXY,
            distant=False,
        ),
        Case(
            "throttled",
            "throttled once, without the wait",
            calls=2,
            role="arn:aws:iam::123456789012:role/throttled",
            distant=False,
        ),
        Case(
            "refused",
            "refused",
            role="arn:aws:iam::123456789012:role/refused",
            status=125,
            reference_status=1,
        ),
        Case(
            "mfa",
            "MFA code",
            options=(
                *("--mfa-serial", "arn:aws:iam::123456789012:mfa/alice"),
                *("--mfa-code", "123456"),
            ),
            reference=None,
        ),
        Case("json", "`--format json`", then=("--format", "json")),
        Case(
            "file",
            "`--output` to a file",
            then=("--format", "credentials-file", "--output", f"{HOME}/written"),
        ),
        Case("explain", "`--explain`", options=("--explain",), reference=None, exempt=TELLS),
        Case("dry_run", "`--dry-run`", calls=0, options=("--dry-run",), reference=("--dry-run",)),
        Case("help", "`--help`", calls=0, alone=("--help",), reference=("--help",)),
        Case(
            "tab",
            "Tab",
            calls=0,
            variables={"_AWS_ROLE_EXEC_COMPLETE": "bash_complete", "COMP_WORDS": _TAB},
            alone=(),
            reference=("__complete", "--ro"),
        ),
        Case("version", "`--version`", calls=0, alone=("--version",), reference=("--version",)),
    ]


def write_home(home: Path, files: dict[str, str]) -> None:
    """Make a home directory with these files in it."""
    (home / "empty").mkdir(parents=True)
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(HOME, str(home)))
