"""The last source: botocore does the step in doubt; its errors are told in our words."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import botocore.exceptions as bc
import pytest

from aws_role_exec.errors import IdentityError
from aws_role_exec.identity import botocore_chain
from aws_role_exec.identity.base import Base
from aws_role_exec.sts import refusals
from aws_role_exec.trail import Trail
from servers.metadata import CONTAINER, ContainerCredentials, InstanceMetadata
from servers.sts import BASE, INTERNAL_FAILURE, Sts
from unit.identity.conftest import Surround

KEYS = {"AWS_ACCESS_KEY_ID": BASE.access_key, "AWS_SECRET_ACCESS_KEY": BASE.secret}
ROLE = "arn:aws:iam::123456789012:role/of-the-profile"
HELPER_KEYS = {"Version": 1, "AccessKeyId": "ASIAHELPER", "SecretAccessKey": "helper-secret-Kd83"}


Find = Callable[..., Base]


@pytest.fixture
def find(surround: Surround, monkeypatch: pytest.MonkeyPatch) -> Find:
    """Ask botocore's chain in an environment of its own."""

    def ask(environ: dict[str, str], **more: object) -> Base:
        surroundings = surround(environ, **more)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in surroundings.environ.items():
            monkeypatch.setenv(name, value)
        return botocore_chain.find(surroundings, Trail())

    return ask


def source_profile(helper: str) -> str:
    return (
        f"[profile dev]\nrole_arn = {ROLE}\nsource_profile = base\n"
        f"[profile base]\ncredential_process = {helper}\n"
    )


class TestFound:
    def test_keys_whose_expiration_is_written_unusually(self, find: Find) -> None:
        found = find({**KEYS, "AWS_CREDENTIAL_EXPIRATION": "Tue, 1 Jan 2999 00:00:00 GMT"})
        assert (found.keys.access_key_id, found.provider) == (BASE.access_key, "env")
        assert found.source == "the environment"

    def test_an_empty_profile_variable_is_unset(self, find: Find) -> None:
        assert find({**KEYS, "AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": ""}).provider == "env"

    def test_the_container_endpoint_is_asked_by_our_own_source(self, find: Find) -> None:
        """With its patience."""
        with ContainerCredentials() as endpoint:
            endpoint.script(503, 503)
            found = find({"AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url})
        assert found.keys.access_key_id == CONTAINER.access_key
        assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in found.source

    def test_a_profiles_role_with_patience(self, find: Find, sts: Sts) -> None:
        """STS has an internal failure once; the helper is ours to run."""
        sts.script(INTERNAL_FAILURE)
        config = f"[profile dev]\nrole_arn = {ROLE}\ncredential_source = Environment\n"
        environ = {**KEYS, "AWS_ENDPOINT_URL_STS": sts.url}
        found = find(environ, config=config, profile="dev")
        assert found.provider == "assume-role"
        assert sts.issued[-1].access_key == found.keys.access_key_id


class TestProfile:
    @pytest.mark.parametrize("by_option", [True, False])
    def test_named_on_purpose_with_nothing_to_sign_with_is_an_error(
        self, find: Find, by_option: bool
    ) -> None:
        """Never the node's role."""
        with InstanceMetadata() as node:
            environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": node.url}
            environ |= {} if by_option else {"AWS_PROFILE": "dev"}
            with pytest.raises(IdentityError, match="profile dev has no credentials"):
                find(
                    environ,
                    config="[profile dev]\nregion = eu-west-1\n",
                    profile="dev" if by_option else None,
                )
        assert node.asked == []


class TestHelper:
    @pytest.mark.parametrize(
        ("printed", "words"),
        [("", "printed nothing"), ("log\n{}", "text before"), ("{}", "no Version")],
    )
    def test_of_a_source_profile_is_told_by_what_is_wrong(
        self, find: Find, tmp_path: Path, printed: str, words: str
    ) -> None:
        """Which helper of which profile, as for the fast source."""
        (tmp_path / "printed").write_text(printed)
        config = source_profile(f"/bin/cat {tmp_path}/printed")
        with pytest.raises(IdentityError, match=words) as refusal:
            find({}, config=config, profile="dev")
        assert "profile base (/bin/cat)" in str(refusal.value)

    def test_of_the_profile_itself_is_run_by_our_own_source(
        self, find: Find, tmp_path: Path
    ) -> None:
        (tmp_path / "printed").write_text(json.dumps(HELPER_KEYS))
        config = f"[profile dev]\ncredential_process = /bin/cat {tmp_path}/printed\n"
        found = find({}, config=config, profile="dev")
        assert (found.keys.access_key_id, found.provider) == ("ASIAHELPER", "custom-process")

    def test_that_does_not_end_is_ended_with_the_deadline(self, find: Find) -> None:
        config = "[profile dev]\ncredential_process = /bin/sleep 1000\n"
        with pytest.raises(TimeoutError):
            find({}, config=config, profile="dev", seconds=1)


class TestRefused:
    @pytest.mark.parametrize(
        ("config", "words", "hint"),
        [
            (
                f"[profile dev]\nrole_arn = {ROLE}\n",
                "source_profile or credential_source is missing",
                "add source_profile",
            ),
            ("[profile dev]\naws_access_key_id = A\n", "aws_secret_access_key is missing", "both"),
            (
                f"[profile dev]\nrole_arn = {ROLE}\nsource_profile = nobody\n",
                'source_profile "nobody" referenced in the profile "dev" does not exist',
                None,
            ),
            (
                "[profile dev]\naws_access_key_id = A\naws_secret_access_key = ${SECRET}\n",
                "secret access key from .* contains an unexpanded variable",
                "set the value itself",
            ),
        ],
    )
    def test_by_a_profile_that_is_not_complete(
        self, find: Find, config: str, words: str, hint: str | None
    ) -> None:
        with pytest.raises(IdentityError, match=words) as refusal:
            find({}, config=config, profile="dev")
        assert hint is None or hint in str(refusal.value.hint)

    def test_nowhere_says_where_was_looked(self, find: Find) -> None:
        with pytest.raises(IdentityError, match="source credentials: none found") as refusal:
            find({"AWS_EC2_METADATA_DISABLED": "true"})
        assert "the environment" in str(refusal.value.hint)
        assert "is disabled" in str(refusal.value.hint)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (bc.LoginRefreshRequired(), "login"),
        (bc.LoginTokenLoadError(error_msg="x"), "login"),
        (bc.MissingDependencyException(msg="botocore[crt]"), "no crt"),
        (bc.UnauthorizedSSOTokenError(), "sso"),
        (bc.PartialCredentialsError(provider="x", cred_var="aws_secret_access_key"), "partial"),
        (RuntimeError("Credentials were refreshed, but are still expired."), "expired"),
    ],
)
def test_what_botocore_cannot_do_has_its_hint(error: Exception, name: str) -> None:
    """As it stands on the page of errors."""
    why, hint = botocore_chain._words(error)
    assert why
    assert hint == refusals.IDENTITY_HINTS[name]
