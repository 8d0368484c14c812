"""Keys for a login of `aws sso login`: what is done here, what stays with botocore, and words."""

import datetime
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from aws_role_exec.errors import Doubt, IdentityError
from aws_role_exec.identity import sso
from aws_role_exec.identity.base import Base, Surroundings
from servers.metadata import SSO, SsoPortal
from unit.identity.conftest import Surround

START = "https://example.awsapps.com/start"
SESSION = {
    "sso_session": "corp",
    "sso_account_id": "123456789012",
    "sso_role_name": "Dev&Ops",
}
LEGACY = {
    "sso_start_url": START,
    "sso_region": "eu-west-1",
    "sso_account_id": "123456789012",
    "sso_role_name": "Dev&Ops",
}
CORP = {"sso_start_url": START, "sso_region": "eu-west-1"}


@pytest.fixture
def portal() -> Iterator[SsoPortal]:
    with SsoPortal() as server:
        yield server


def text(profile: dict[str, str], corp: dict[str, str] = CORP) -> str:
    lines = ["[profile dev]", *(f"{key} = {value}" for key, value in profile.items())]
    lines += ["[sso-session corp]", *(f"{key} = {value}" for key, value in corp.items())]
    return "\n".join(lines) + "\n"


def log_in(home: Path, name: str, minutes: float, **changes: Any) -> Path:
    """What `aws sso login` leaves behind."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    document = {
        "startUrl": START,
        "region": "eu-west-1",
        "accessToken": "sso-access-token-eyJraWQi",
        "expiresAt": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        **changes,
    }
    cache = home / ".aws/sso/cache"
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{hashlib.sha1(name.encode()).hexdigest()}.json"
    path.write_text(json.dumps({k: v for k, v in document.items() if v is not None}))
    return path


def find(surroundings: Surroundings, profile: dict[str, str]) -> Base | None:
    return sso.find_for(surroundings, "dev", profile)


@pytest.mark.parametrize(("profile", "name"), [(SESSION, "corp"), (LEGACY, START)])
class TestFound:
    def test_the_keys_and_the_request_are_botocores(
        self,
        surround: Surround,
        portal: SsoPortal,
        tmp_path: Path,
        profile: dict[str, str],
        name: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The cached token, the portal's path and its encoding."""
        log_in(tmp_path, name, 60)
        surroundings = surround({"AWS_ENDPOINT_URL_SSO": portal.url}, config=text(profile))
        for variable, value in surroundings.environ.items():
            monkeypatch.setenv(variable, value)
        directory = str(tmp_path / ".aws/sso/cache")
        monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", directory)
        monkeypatch.setattr("botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR", directory)
        theirs = botocore.session.Session(profile="dev").get_credentials().get_frozen_credentials()
        asked_by_botocore, portal.asked = portal.asked, []
        found = find(surroundings, profile)
        assert portal.asked == asked_by_botocore
        assert found is not None
        assert found.keys is not None
        assert found.keys.access_key_id == theirs.access_key == SSO.access_key
        assert found.source == "the SSO login of profile dev"

    def test_with_patience(
        self,
        surround: Surround,
        portal: SsoPortal,
        tmp_path: Path,
        profile: dict[str, str],
        name: str,
    ) -> None:
        """A portal that is overloaded is asked again."""
        log_in(tmp_path, name, 60)
        portal.script(429, "drop")
        surroundings = surround({"AWS_ENDPOINT_URL_SSO": portal.url}, config=text(profile))
        assert find(surroundings, profile) is not None

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", '{"accessToken": "x"}', '{"expiresAt": "2999-01-01T00:00:00Z"}']
    )
    def test_a_cache_that_is_damaged_says_to_log_in(
        self,
        surround: Surround,
        tmp_path: Path,
        profile: dict[str, str],
        name: str,
        content: str,
    ) -> None:
        path = log_in(tmp_path, name, 60)
        path.write_text(content)
        with pytest.raises(IdentityError, match=str(path)) as refusal:
            find(surround({}, config=text(profile)), profile)
        assert "aws sso login" in str(refusal.value.hint)

    def test_no_login_says_to_log_in(
        self, surround: Surround, profile: dict[str, str], name: str
    ) -> None:
        assert name
        with pytest.raises(IdentityError, match="dev is not logged in") as refusal:
            find(surround({}, config=text(profile)), profile)
        assert "aws sso login" in str(refusal.value.hint)

    @pytest.mark.parametrize(
        ("status", "hint"), [(401, "aws sso login"), (403, "assigned"), (404, "assigned")]
    )
    def test_what_the_portal_refuses_is_told_at_once(
        self,
        surround: Surround,
        portal: SsoPortal,
        tmp_path: Path,
        profile: dict[str, str],
        name: str,
        status: int,
        hint: str,
    ) -> None:
        log_in(tmp_path, name, 60)
        portal.script(status)
        with pytest.raises(IdentityError, match=f"HTTP {status}") as refusal:
            find(surround({"AWS_ENDPOINT_URL_SSO": portal.url}, config=text(profile)), profile)
        assert hint in str(refusal.value.hint)
        assert len(portal.asked) == 1


class TestToken:
    def test_of_a_session_that_ends_soon_is_refreshed_by_botocore(
        self, surround: Surround, tmp_path: Path
    ) -> None:
        for minutes in (-60, 14):
            log_in(tmp_path, "corp", minutes)
            with pytest.raises(Doubt):
                find(surround({}, config=text(SESSION)), SESSION)

    def test_without_a_session_cannot_be_refreshed(
        self, surround: Surround, portal: SsoPortal, tmp_path: Path
    ) -> None:
        """It is used to its end, and then the error says to log in."""
        log_in(tmp_path, START, 5)
        environ = {"AWS_ENDPOINT_URL_SSO": portal.url}
        assert find(surround(environ, config=text(LEGACY)), LEGACY) is not None
        log_in(tmp_path, START, -5)
        with pytest.raises(IdentityError, match="expired at"):
            find(surround(environ, config=text(LEGACY)), LEGACY)

    def test_may_have_an_old_clis_time(
        self, surround: Surround, portal: SsoPortal, tmp_path: Path
    ) -> None:
        log_in(tmp_path, "corp", 0, expiresAt="2999-01-01T00:00:00UTC")
        environ = {"AWS_ENDPOINT_URL_SSO": portal.url}
        assert find(surround(environ, config=text(SESSION)), SESSION) is not None

    def test_that_no_header_may_hold_is_not_sent(self, surround: Surround, tmp_path: Path) -> None:
        log_in(tmp_path, "corp", 60, accessToken="secret-a\r\nX: b")
        with pytest.raises(IdentityError, match="malformed") as refusal:
            find(surround({}, config=text(SESSION)), SESSION)
        assert "secret-a" not in str(refusal.value)


class TestSettings:
    def test_without_account_and_role_are_no_identity(self, surround: Surround) -> None:
        profile = {"sso_session": "corp", "region": "x"}
        assert find(surround({}, config=text(profile)), profile) is None

    @pytest.mark.parametrize("missing", ["sso_role_name", "sso_account_id"])
    def test_that_are_not_complete_are_named(self, surround: Surround, missing: str) -> None:
        profile = {key: value for key, value in SESSION.items() if key != missing}
        with pytest.raises(IdentityError, match=f"profile dev .* no {missing}"):
            find(surround({}, config=text(profile)), profile)

    def test_of_a_session_that_does_not_exist_are_told(self, surround: Surround) -> None:
        profile = {**SESSION, "sso_session": "other"}
        with pytest.raises(IdentityError, match="sso-session other, which does not exist"):
            find(surround({}, config=text(profile)), profile)

    def test_that_contradict_each_other_are_told(self, surround: Surround) -> None:
        profile = {**SESSION, "sso_region": "us-east-1"}
        with pytest.raises(IdentityError, match="differ in sso_region"):
            find(surround({}, config=text(profile)), profile)

    @pytest.mark.parametrize(
        ("environ", "more"),
        [
            ({"AWS_USE_FIPS_ENDPOINT": "true"}, {}),
            ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, {}),
            ({}, {"endpoint_url": "http://127.0.0.1:1"}),
            ({}, {"services": "local"}),
            ({}, {"sso_region": "us-gov-west-1"}),
            ({}, {"sso_region": "cn-north-1"}),
        ],
    )
    def test_that_change_the_portals_name_are_botocores_matter(
        self, surround: Surround, tmp_path: Path, environ: dict[str, str], more: dict[str, str]
    ) -> None:
        log_in(tmp_path, START, 60)
        profile = {**LEGACY, **more}
        with pytest.raises(Doubt):
            find(surround(environ, config=text(profile)), profile)


def test_the_portal_of_every_region_is_botocores(surround: Surround) -> None:
    """Or it is left to botocore."""
    session = botocore.session.Session()
    regions = session.get_available_regions("sso")
    assert len(regions) > 20
    for region in regions:
        client = session.create_client("sso", region_name=region)
        ours = sso._portal(surround({}), {}, region)
        assert ours == client.meta.endpoint_url
