"""Which setting counts: variables before the profile, and empty ones not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import pytest

from aws_role_exec.configuration.settings import Settings, find_endpoint, load
from aws_role_exec.errors import UsageError

Load = Callable[..., Settings]


@pytest.fixture
def load_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load the settings from two files and an environment, which botocore sees as well."""

    def from_files(
        config: str = "", credentials: str = "", profile: str | None = None, **environ: str
    ) -> Settings:
        (tmp_path / "config").write_text(config)
        (tmp_path / "credentials").write_text(credentials)
        environ["AWS_CONFIG_FILE"] = str(tmp_path / "config")
        environ["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "credentials")
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return load(environ, profile)

    return from_files


def botocores_complaint() -> str:
    """Return what botocore says when a client is to be made in this environment."""
    session = botocore.session.Session()
    keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "none"}
    with pytest.raises(botocore.exceptions.BotoCoreError) as caught:
        session.create_client("sts", region_name="eu-west-1", **keys)  # type: ignore[arg-type]
    return str(caught.value)


PROFILES = "[default]\nregion = eu-west-1\n[profile dev]\nregion = eu-west-2\n[profile b]\n"


class TestTheProfile:
    def test_nobody_names_one(self, load_from: Load) -> None:
        found = load_from(PROFILES)
        assert (found.profile, found.named_by, found.get("region")) == (None, "", "eu-west-1")

    @pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
    def test_a_variable_names_it(self, load_from: Load, name: str) -> None:
        found = load_from(PROFILES, **{name: "dev"})
        assert (found.profile, found.named_by, found.get("region")) == ("dev", name, "eu-west-2")
        assert not found.is_named_by_option

    def test_the_option_goes_first(self, load_from: Load) -> None:
        found = load_from(PROFILES, profile="dev", AWS_PROFILE="b", AWS_DEFAULT_PROFILE="b")
        assert (found.profile, found.is_named_by_option) == ("dev", True)

    def test_both_variables_rank_as_in_botocore(self, load_from: Load) -> None:
        found = load_from(PROFILES, AWS_PROFILE="b", AWS_DEFAULT_PROFILE="dev")
        assert found.profile == botocore.session.Session().profile == "dev"

    def test_an_empty_variable_is_unset(self, load_from: Load) -> None:
        assert load_from(PROFILES, AWS_PROFILE="").profile is None
        assert load_from(PROFILES, AWS_PROFILE="dev", AWS_DEFAULT_PROFILE="").profile == "dev"

    @pytest.mark.parametrize(
        ("config", "credentials", "hint"),
        [
            (PROFILES, "", "the profiles are b, default, dev"),
            ("[stage]\nregion = x\n", "", "config to [profile stage]"),
            (
                "",
                "[profile stage]\nk = v\n",
                "credentials to [stage]",
            ),
            ("", "", "see "),
        ],
    )
    def test_one_that_is_not_there_is_named_with_what_to_write(
        self, load_from: Load, config: str, credentials: str, hint: str
    ) -> None:
        with pytest.raises(UsageError, match=r"^--profile: no such profile 'stage'") as caught:
            load_from(config, credentials, "stage")
        assert hint in str(caught.value.hint)
        with pytest.raises(UsageError, match=r"^AWS_PROFILE: no such profile 'stage'"):
            load_from(config, credentials, AWS_PROFILE="stage")

    def test_an_empty_option_is_no_profile(self, load_from: Load) -> None:
        with pytest.raises(UsageError, match="profile name is empty"):
            load_from(PROFILES, profile="")


class TestASetting:
    def test_a_variable_counts_before_the_profile_unless_it_is_empty(self, load_from: Load) -> None:
        config = "[default]\nca_bundle = /profile\nuse_fips_endpoint = TRUE\n"
        assert load_from(config, AWS_CA_BUNDLE="/variable").get("ca_bundle") == "/variable"
        assert load_from(config, AWS_CA_BUNDLE="").get("ca_bundle") == "/profile"
        assert load_from(config).is_true("use_fips_endpoint")
        assert not load_from(config, AWS_USE_FIPS_ENDPOINT="1").is_true("use_fips_endpoint")

    def test_one_that_is_empty_is_unset(self, load_from: Load) -> None:
        assert load_from("[default]\nregion =\n").get("region") is None

    def test_a_block_is_no_value(self, load_from: Load) -> None:
        with pytest.raises(UsageError, match=r"^region of profile default: expected a value"):
            load_from("[default]\nregion =\n  a = b\n").get("region")

    def test_no_secret_is_in_the_representation(self, load_from: Load) -> None:
        assert repr(load_from("[default]\naws_secret_access_key = hidden\n")) == "Settings(None)"


class TestBotocoresOwnSentences:
    """What botocore refuses to make a client with is refused in its words."""

    @pytest.mark.parametrize(
        ("config", "environ"),
        [
            ("", {"AWS_DEFAULTS_MODE": "bad"}),
            ("[default]\ndefaults_mode = worse\n", {}),
            ("", {"AWS_STS_REGIONAL_ENDPOINTS": "Regional"}),
            ("[default]\nsts_regional_endpoints = LEGACY\n", {}),
            ("[default]\nservices = nosuch\n", {}),
            ("[default]\nservices = s\n[services s]\n", {}),
            ("[default]\nsso_session = nosuch\n", {}),
            ("[default]\nsso_session = s\n[sso-session s]\n", {}),
            ("[default]\nsso_session = s\n[sso-session s]\nsso_region = eu-west-1\n", {}),
        ],
    )
    def test_are_said(self, load_from: Load, config: str, environ: dict[str, str]) -> None:
        with pytest.raises(UsageError) as caught:
            find_endpoint(load_from(config, **environ), "eu-west-1")
        place, _, sentence = str(caught.value).partition(": ")
        assert sentence == botocores_complaint()
        assert place in ("configuration", *environ) or place.endswith(" of profile default")

    @pytest.mark.parametrize("mode", ["legacy", "Standard", "AUTO", "in-region", ""])
    def test_modes_that_botocore_knows_pass(self, load_from: Load, mode: str) -> None:
        assert load_from(AWS_DEFAULTS_MODE=mode).profile is None


class TestTheEndpoint:
    CONFIG = (
        "[default]\nservices = s\nendpoint_url = http://profile:1\n"
        "[services s]\nsts =\n  endpoint_url = http://services:2\n"
    )

    @pytest.mark.parametrize(
        ("config", "environ"),
        [
            (CONFIG, {"AWS_ENDPOINT_URL_STS": "http://sts:3", "AWS_ENDPOINT_URL": "http://all:4"}),
            (CONFIG, {"AWS_ENDPOINT_URL_STS": "", "AWS_ENDPOINT_URL": "http://all:4"}),
            (CONFIG, {"AWS_ENDPOINT_URL": ""}),
            (CONFIG.replace("  endpoint_url", "  endpoint_urls"), {}),
            (CONFIG.replace("sts =", "s3 ="), {}),
            (CONFIG, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"}),
            (CONFIG, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "1"}),
            (CONFIG + "[default]\n".replace("default", "x"), {"AWS_ENDPOINT_URL_S3": "http://s3"}),
            ("[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://h\n", {}),
            ("[default]\nservices = nosuch\n", {"AWS_ENDPOINT_URL": "http://all:4"}),
            ("[default]\nsts_regional_endpoints = legacy\n", {}),
            ("", {"AWS_STS_REGIONAL_ENDPOINTS": "legacy", "AWS_USE_FIPS_ENDPOINT": "true"}),
            ("[default]\nuse_dualstack_endpoint = true\nuse_fips_endpoint = True\n", {}),
        ],
    )
    def test_is_botocores(self, load_from: Load, config: str, environ: dict[str, str]) -> None:
        found = find_endpoint(load_from(config, **environ), "eu-west-1")
        keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "none"}
        session = botocore.session.Session()
        client: Any = session.create_client("sts", region_name="eu-west-1", **keys)  # type: ignore[arg-type]
        operation = client.meta.service_model.operation_model("AssumeRole")
        url, _, _ = client._resolve_endpoint_ruleset(operation, {}, {"client_region": "eu-west-1"})
        assert found.url == f"{url}/"

    @pytest.mark.parametrize(
        ("config", "environ", "place"),
        [
            ("", {"AWS_ENDPOINT_URL_STS": "localhost:4566"}, "AWS_ENDPOINT_URL_STS"),
            ("", {"AWS_ENDPOINT_URL": " http://h:1 "}, "AWS_ENDPOINT_URL"),
            ("[default]\nendpoint_url = ftp://h\n", {}, "endpoint_url of profile default"),
            (CONFIG.replace("services:2", "[::1"), {}, "endpoint_url of services s"),
            ("[default]\nservices = s\n[services s]\nsts = http://h\n", {}, "services s"),
        ],
    )
    def test_that_is_malformed_is_named_by_its_place(
        self, load_from: Load, config: str, environ: dict[str, str], place: str
    ) -> None:
        with pytest.raises(UsageError, match=f"^{place}: "):
            load_from(config, **environ).endpoint_override()
