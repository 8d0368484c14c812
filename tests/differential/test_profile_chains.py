"""A profile's chain, as a table: who asks STS for which role, in order, or what is wrong.

Every row is walked by our road and by botocore's full client, with real token files, commands,
metadata services and an SSO portal on loopback; both must ask what the row says. The random
worlds beside this reach such chains only by chance. The rows are our own: the aws-config crate,
which has such a table, is published without its test data.
"""

import datetime
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import botocore.credentials
import botocore.tokens
import pytest

from differential.test_same_as_botocore import ROLE, Asked, Outcome, answer, botocores, ours
from differential.worlds import World
from servers.metadata import (
    CONTAINER,
    INSTANCE,
    SSO,
    ContainerCredentials,
    InstanceMetadata,
    SsoPortal,
)

ACCOUNT = "arn:aws:iam::123456789012:role/"
START = "https://corp.awsapps.com/start"
ENVIRONMENT_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "hidden"}


def keys(name: str) -> str:
    return f"aws_access_key_id = AKIA{name}\naws_secret_access_key = hidden\n"


def role(name: str, source: str = "", more: str = "") -> str:
    named = f"source_profile = {source}\n" if source else ""
    return f"role_arn = {ACCOUNT}{name}\n{named}{more}"


TOKEN = "web_identity_token_file = {folder}/token\n"
PROCESS = "credential_process = /bin/cat {folder}/keys.json\n"
LOGIN = "sso_account_id = 123456789012\nsso_role_name = Dev\n"
OLD_LOGIN = f"{LOGIN}sso_region = eu-west-1\nsso_start_url = {START}\n"
SESSION = f"[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = {START}\n"


@dataclass(frozen=True)
class Chain:
    """The sections of a config file, by name; `dev` is the profile that `--profile` names.

    `asked` is each role that STS is asked for and by whom, without the `--role-arn` at the end;
    `signer` asks for that one. `error` is a pattern of our error instead.
    """

    profiles: dict[str, str]
    asked: tuple[str, ...] = ()
    signer: str = ""
    error: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    credentials: str = ""
    told: dict[str, str] = field(default_factory=dict)
    """Parameters of the first role."""


CHAINS = {
    # --- where a chain ends ---
    "keys in the profile": Chain({"dev": keys("DEV")}, (), "AKIADEV"),
    "a role of a profile with keys": Chain(
        {"dev": role("a", "b"), "b": keys("B")}, ("AKIAB asks for a",), "a"
    ),
    "a role of a profile in the credentials file": Chain(
        {"dev": role("a", "b")}, ("AKIAB asks for a",), "a", credentials=f"[b]\n{keys('B')}"
    ),
    "a role and its source in the credentials file alone": Chain(
        {},
        ("AKIAB asks for a",),
        "a",
        credentials=f"[dev]\n{role('a', 'b')}[b]\n{keys('B')}",
    ),
    "keys beside a role that another profile assumes": Chain(
        {"dev": role("a", "b") + keys("DEV"), "b": keys("B")}, ("AKIAB asks for a",), "a"
    ),
    "a profile that is its own source, with keys": Chain(
        {"dev": role("a", "dev") + keys("DEV")}, ("AKIADEV asks for a",), "a"
    ),
    "keys and a role in the source: its keys sign and its role is left out": Chain(
        {"dev": role("a", "b"), "b": role("b", "c") + keys("B"), "c": keys("C")},
        ("AKIAB asks for a",),
        "a",
    ),
    "keys and itself in the source": Chain(
        {"dev": role("a", "b"), "b": role("b", "b") + keys("B")}, ("AKIAB asks for a",), "a"
    ),
    "keys in a source that leads back": Chain(
        {"dev": role("a", "b"), "b": role("b", "dev") + keys("B")}, ("AKIAB asks for a",), "a"
    ),
    "three roles in a row": Chain(
        {"dev": role("a", "b"), "b": role("b", "c"), "c": role("c", "d"), "d": keys("D")},
        ("AKIAD asks for c", "c asks for b", "b asks for a"),
        "a",
    ),
    "a role of the default profile": Chain(
        {"dev": role("a", "default"), "default": keys("DEFAULT")}, ("AKIADEFAULT asks for a",), "a"
    ),
    "a token file": Chain({"dev": role("a", more=TOKEN)}, ("a token asks for a",), "a"),
    "a token file beside keys": Chain(
        {"dev": role("a", more=TOKEN) + keys("DEV")}, ("a token asks for a",), "a"
    ),
    "a token file at the end": Chain(
        {"dev": role("a", "b"), "b": role("b", more=TOKEN)},
        ("a token asks for b", "b asks for a"),
        "a",
    ),
    "a token file at the end of two roles": Chain(
        {"dev": role("a", "b"), "b": role("b", "c"), "c": role("c", more=TOKEN)},
        ("a token asks for c", "c asks for b", "b asks for a"),
        "a",
    ),
    "a command": Chain({"dev": PROCESS}, (), "AKIAPROCESS"),
    "a command at the end": Chain(
        {"dev": role("a", "b"), "b": PROCESS}, ("AKIAPROCESS asks for a",), "a"
    ),
    "a command at the end of two roles": Chain(
        {"dev": role("a", "b"), "b": role("b", "c"), "c": PROCESS},
        ("AKIAPROCESS asks for b", "b asks for a"),
        "a",
    ),
    "a login": Chain({"dev": OLD_LOGIN}, (), SSO.access_key),
    "a login at the end": Chain(
        {"dev": role("a", "b"), "b": OLD_LOGIN}, (f"{SSO.access_key} asks for a",), "a"
    ),
    "a login's session at the end": Chain(
        {"dev": role("a", "b"), "b": f"{LOGIN}sso_session = corp\n{SESSION}"},
        (f"{SSO.access_key} asks for a",),
        "a",
    ),
    "a login whose profile says again what its session says": Chain(
        {"dev": f"{LOGIN}sso_region = eu-west-1\nsso_session = corp\n{SESSION}"},
        (),
        SSO.access_key,
    ),
    # --- credential_source ---
    "the environment's keys": Chain(
        {"dev": role("a", more="credential_source = Environment\n")},
        ("AKIAENV asks for a",),
        "a",
        environ=ENVIRONMENT_KEYS,
    ),
    "the container's": Chain(
        {"dev": role("a", more="credential_source = EcsContainer\n")},
        (f"{CONTAINER.access_key} asks for a",),
        "a",
        environ={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{container}/get"},
    ),
    "the instance's, though the environment has keys": Chain(
        {"dev": role("a", more="credential_source = Ec2InstanceMetadata\n")},
        (f"{INSTANCE.access_key} asks for a",),
        "a",
        environ={**ENVIRONMENT_KEYS, "AWS_EC2_METADATA_DISABLED": "false"},
    ),
    "the environment's keys at the end of two roles": Chain(
        {"dev": role("a", "b"), "b": role("b", more="credential_source = Environment\n")},
        ("AKIAENV asks for b", "b asks for a"),
        "a",
        environ=ENVIRONMENT_KEYS,
    ),
    # --- letters ---
    "settings in any case": Chain(
        {
            "dev": f"ROLE_ARN = {ACCOUNT}a\nSource_Profile = b\n",
            "b": "AWS_Access_Key_Id = AKIAB\nAWS_SECRET_ACCESS_KEY = hidden\n",
        },
        ("AKIAB asks for a",),
        "a",
    ),
    "profiles that differ in case alone": Chain(
        {"dev": role("a", "Dev"), "Dev": keys("CAPITAL"), "DEV": keys("CAPITALS")},
        ("AKIACAPITAL asks for a",),
        "a",
    ),
    # --- what a role is told ---
    "a role with its name, external id and duration": Chain(
        {
            "dev": role(
                "a", "b", "role_session_name = me\nexternal_id = theirs\nduration_seconds = 1200\n"
            ),
            "b": keys("B"),
        },
        ("AKIAB asks for a",),
        "a",
        told={"RoleSessionName": "me", "ExternalId": "theirs", "DurationSeconds": "1200"},
    ),
    "a token file with the role's name": Chain(
        {"dev": role("a", "b"), "b": role("b", more=f"{TOKEN}role_session_name = me\n")},
        ("a token asks for b", "b asks for a"),
        "a",
        told={"RoleSessionName": "me", "WebIdentityToken": "eyJ0.eyJ1.c2ln"},
    ),
    # --- what is wrong ---
    "no such profile": Chain({"b": keys("B")}, error="dev"),
    "no file at all": Chain({}, error="dev"),
    "only a region": Chain({"dev": "region = eu-west-1\n"}, error="has no credentials"),
    "nobody who assumes the role": Chain(
        {"dev": role("a")}, error="neither source_profile nor credential_source"
    ),
    "nobody who assumes the role, beside keys": Chain(
        {"dev": role("a") + keys("DEV")}, error="neither source_profile nor credential_source"
    ),
    "nobody who assumes the source's role": Chain(
        {"dev": role("a", "b"), "b": role("b")},
        error="profile b .*neither source_profile nor credential_source",
    ),
    "both kinds of source": Chain(
        {"dev": role("a", "b", "credential_source = Environment\n"), "b": keys("B")},
        error="both source_profile and credential_source",
        environ=ENVIRONMENT_KEYS,
    ),
    "both kinds of source in the source": Chain(
        {
            "dev": role("a", "b"),
            "b": role("b", "c", "credential_source = Environment\n"),
            "c": keys("C"),
        },
        error="profile b has both source_profile and credential_source",
        environ=ENVIRONMENT_KEYS,
    ),
    "no such source": Chain({"dev": role("a", "b")}, error="source_profile b does not exist"),
    "a source in other letters": Chain(
        {"dev": role("a", "B"), "b": keys("B")}, error="source_profile B does not exist"
    ),
    "a source without anything": Chain(
        {"dev": role("a", "b"), "b": "region = eu-west-1\n"}, error="profile b.* has no credentials"
    ),
    "a source with half of a key": Chain(
        {"dev": role("a", "b"), "b": "aws_access_key_id = AKIAB\n"},
        error="profile b .*no aws_secret_access_key",
    ),
    "a source with the other half of a key": Chain(
        {"dev": role("a", "b"), "b": "aws_secret_access_key = hidden\n"}, error="profile b"
    ),
    "itself, without keys": Chain({"dev": role("a", "dev")}, error="circular .dev -> dev"),
    "a circle of two": Chain(
        {"dev": role("a", "b"), "b": role("b", "dev")}, error="circular .dev -> b -> dev"
    ),
    "a circle of two in which the first has keys": Chain(
        {"dev": role("a", "b") + keys("DEV"), "b": role("b", "dev")},
        error="circular .dev -> b -> dev",
    ),
    "a circle further on": Chain(
        {"dev": role("a", "b"), "b": role("b", "c"), "c": role("c", "b")},
        error="circular .dev -> b -> c -> b",
    ),
    "a credential_source in other letters": Chain(
        {"dev": role("a", more="credential_source = environment\n")},
        error="'environment' is not a credential_source",
        environ=ENVIRONMENT_KEYS,
    ),
    "a credential_source that nobody knows": Chain(
        {"dev": role("a", more="credential_source = Moon\n")},
        error="'Moon' is not a credential_source",
        environ=ENVIRONMENT_KEYS,
    ),
    "the environment's keys, which are not there": Chain(
        {"dev": role("a", more="credential_source = Environment\n")},
        error="credential_source Environment has no credentials here",
    ),
    "the instance's, which is switched off": Chain(
        {"dev": role("a", more="credential_source = Ec2InstanceMetadata\n")},
        error="credential_source Ec2InstanceMetadata has no credentials here",
        environ=ENVIRONMENT_KEYS,
    ),
    "a token file without a role": Chain({"dev": TOKEN}, error="no role_arn"),
    "a token file that is missing, at the end": Chain(
        {"dev": role("a", "b"), "b": role("b", more="web_identity_token_file = /nowhere\n")},
        error="/nowhere",
    ),
    "a command that fails, at the end": Chain(
        {"dev": role("a", "b"), "b": "credential_process = /bin/false\n"}, error="/bin/false|fail"
    ),
    "a login without its account": Chain(
        {"dev": OLD_LOGIN.replace("sso_account_id", "#")}, error="no sso_account_id"
    ),
    "a login without its role": Chain(
        {"dev": OLD_LOGIN.replace("sso_role_name", "#")}, error="no sso_role_name"
    ),
    "a login whose profile and session differ": Chain(
        {"dev": f"{LOGIN}sso_region = us-east-1\nsso_session = corp\n{SESSION}"},
        error="differ in sso_region",
    ),
    "a login's session that does not exist": Chain(
        {"dev": f"{LOGIN}sso_session = nosuch\n"}, error='"nosuch" sso_session'
    ),
}


@dataclass(frozen=True)
class Services:
    """Who gives keys on loopback."""

    instance: InstanceMetadata
    container: ContainerCredentials
    portal: SsoPortal


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with InstanceMetadata() as instance, ContainerCredentials() as container, SsoPortal() as portal:
        yield Services(instance, container, portal)


def lay_out(chain: Chain, home: Path, services: Services) -> World:
    """Write the files of a chain below `home`."""
    aws = home / ".aws"
    (aws / "sso/cache").mkdir(parents=True)
    config = "".join(
        f"[{name if name == 'default' else f'profile {name}'}]\n{pairs}"
        for name, pairs in chain.profiles.items()
    )
    (aws / "config").write_text(config.replace("{folder}", str(home)))
    (aws / "credentials").write_text(chain.credentials)
    (home / "token").write_text("eyJ0.eyJ1.c2ln")
    printed = {"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "hidden"}
    (home / "keys.json").write_text(json.dumps(printed))
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=4)
    login = {"accessToken": services.portal.token, "expiresAt": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    for key in (START, "corp"):
        name = hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
        (aws / f"sso/cache/{name}.json").write_text(json.dumps(login))
    environ = {
        "HOME": str(home),
        "PATH": os.defpath,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": services.instance.url,
        "AWS_ENDPOINT_URL_SSO": services.portal.url,
        **{k: v.replace("{container}", services.container.url) for k, v in chain.environ.items()},
    }
    return World(0, home, environ, "dev", config, chain.credentials)


def key_of(name: str) -> str:
    """Return the key that STS answers with for a role."""
    found = re.search("<AccessKeyId>(.*?)<", answer({"RoleArn": ACCOUNT + name}).decode())
    assert found
    return found[1]


ROLE_OF = {key_of(name): name for name in "abcd"}


def in_words(asked: list[Asked]) -> list[str]:
    """Return who asks for which role."""
    words = []
    for one in asked:
        wanted = dict(one.parameters)["RoleArn"].removeprefix(ACCOUNT)
        signer = ROLE_OF.get(one.access_key_id, one.access_key_id) or "a token"
        words.append(f"{signer} asks for {wanted}")
    return words


def walk(
    chain: Chain, home: Path, services: Services, patch: pytest.MonkeyPatch
) -> tuple[Outcome, Outcome]:
    """Return what we did, and what botocore did."""
    world = lay_out(chain, home, services)
    for name in list(os.environ):
        if name.startswith(("AWS_", "HOME", "REQUESTS_")):
            patch.delenv(name)
    for name, value in world.environ.items():
        patch.setenv(name, value)
    for reader in (botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider):
        # botocore asks for the home directory when it is imported, not when it looks there.
        patch.setattr(reader, "_SSO_TOKEN_CACHE_DIR", str(home / ".aws/sso/cache"))
    we, region = ours(world)
    return we, botocores(world, region or "us-east-1")


@pytest.mark.parametrize("name", [name for name, chain in CHAINS.items() if not chain.error])
def test_asks_for_the_roles_of_a_profile_in_order(
    name: str, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = CHAINS[name]
    we, they = walk(chain, tmp_path, services, monkeypatch)
    expected = [*chain.asked, f"{chain.signer} asks for {ROLE.removeprefix(ACCOUNT)}"]
    assert (we.error, in_words(we.asked)) == (None, expected)
    assert dict(we.asked[0].parameters).items() >= chain.told.items()
    assert we == they


@pytest.mark.parametrize("name", [name for name, chain in CHAINS.items() if chain.error])
def test_says_what_is_wrong_with_a_profile_and_asks_nobody(
    name: str, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And botocore has an error there too."""
    chain = CHAINS[name]
    we, they = walk(chain, tmp_path, services, monkeypatch)
    assert re.search(chain.error, we.error or "no error"), we
    assert "hidden" not in (we.error or "")
    assert we.asked == []
    assert they.error, they


def test_the_table_can_tell_every_role_from_another() -> None:
    """Else two roles that changed places would look right."""
    assert sorted(ROLE_OF.values()) == ["a", "b", "c", "d"]
