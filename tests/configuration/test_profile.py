"""What is wrong with a profile is said in a user's terms, and nobody else's identity is used."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aws_role_exec.configuration.settings import load
from aws_role_exec.errors import Doubt, IdentityError, UsageError
from aws_role_exec.identity import profile
from aws_role_exec.identity.base import Base, Surroundings
from aws_role_exec.messages import keep_quiet
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.wire import Wire

Find = Callable[..., Base | None]
ROLE = "role_arn = arn:aws:iam::123456789012:role/x"


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Ask the profile source with these two files, and `--profile dev` unless said otherwise."""

    def ask(
        config: str = "", credentials: str = "", name: str | None = "dev", **environ: str
    ) -> Base | None:
        (tmp_path / "config").write_text(config)
        (tmp_path / "credentials").write_text(credentials)
        environ |= {
            "HOME": str(tmp_path),
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        wire = Wire(environ, None, Deadline(30), keep_quiet)
        return profile.find(
            Surroundings(environ, load(environ, name), "eu-west-1", wire, keep_quiet)
        )

    return ask


class TestANamedProfileThatYieldsNothing:
    @pytest.mark.parametrize(
        ("section", "what"),
        [
            ("", "dev has no credentials"),
            ("region = eu-west-1", "dev has no credentials"),
            ("sso_session = s", "uses SSO but has neither sso_account_id"),
            (
                "sso_start_url = https://x.awsapps.com/start",
                "uses SSO but has neither sso_account_id",
            ),
            ("aws_secret_access_key = hidden", "aws_secret_access_key but no aws_access_key_id"),
            ("source_profile = dev", "but no role_arn"),
            ("credential_source = Environment", "but no role_arn"),
        ],
    )
    def test_is_an_error_whatever_the_environment_holds(
        self, find: Find, section: str, what: str
    ) -> None:
        """Keys, a token and a node's role are somebody else's."""
        config = f"[profile dev]\n{section}\n[sso-session s]\nsso_region = eu-west-1\n"
        config += "sso_start_url = https://x.awsapps.com/start\n"
        variables = {
            "AWS_ACCESS_KEY_ID": "AKIA",
            "AWS_SECRET_ACCESS_KEY": "hidden",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere",
        }
        for environ in ({}, variables):
            with pytest.raises(IdentityError, match=what) as caught:
                find(config, **environ)
            assert "no other identity is used instead" in str(caught.value.hint)
            assert "hidden" not in f"{caught.value} {caught.value.hint}"

    def test_leaves_the_search_to_others_if_a_variable_names_it(self, find: Find) -> None:
        """As botocore: a site names profiles that hold only a region, on nodes with a role."""
        assert find("[profile dev]\nregion = eu-west-1\n", name=None, AWS_PROFILE="dev") is None
        assert find("[default]\nregion = eu-west-1\n", name=None) is None


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("config", "what"),
        [
            (f"[profile dev]\n{ROLE}\n", "neither source_profile nor credential_source"),
            ("[profile dev]\nrole_arn =\nsource_profile = dev\n", "its role_arn is empty"),
            (
                f"[profile dev]\n{ROLE}\nsource_profile = b\ncredential_source = Environment\n",
                "both source_profile and credential_source",
            ),
            (
                f"[profile dev]\n{ROLE}\ncredential_source = Ec2\n",
                "'Ec2' is not a credential_source",
            ),
            (f"[profile dev]\n{ROLE}\nsource_profile = b\n", "source_profile b does not exist"),
            (f"[profile dev]\n{ROLE}\nsource_profile = dev\n", r"circular \(dev -> dev\)"),
            (
                f"[profile dev]\n{ROLE}\nsource_profile = b\n[profile b]\n{ROLE}\n"
                f"source_profile = c\n[profile c]\n{ROLE}\nsource_profile = b\n",
                r"profile c: its source_profile chain is circular \(dev -> b -> c -> b\)",
            ),
            (
                f"[profile dev]\n{ROLE}\nsource_profile = b\n[profile b]\nregion = x\n",
                "profile b, a source_profile of profile dev, has no credentials",
            ),
            (
                f"[profile dev]\n{ROLE}\ncredential_source = Environment\n",
                "credential_source Environment has no credentials here",
            ),
            (
                f"[profile dev]\n{ROLE}\ncredential_source = EcsContainer\n",
                "credential_source EcsContainer has no credentials here",
            ),
            (
                f"[profile dev]\n{ROLE}\ncredential_source = Ec2InstanceMetadata\n",
                "credential_source Ec2InstanceMetadata has no credentials here",
            ),
            ("[profile dev]\nweb_identity_token_file = /t\n", "but no role_arn"),
            ("[profile dev]\naws_access_key_id = AKIA\n", "aws_access_key_id but no aws_secret"),
        ],
    )
    def test_is_said_with_the_profile(self, find: Find, config: str, what: str) -> None:
        with pytest.raises(IdentityError, match=what) as caught:
            find(config)
        assert "dev" in str(caught.value)

    @pytest.mark.parametrize(
        "pairs",
        [
            "aws_access_key_id = \naws_secret_access_key = hidden",
            "aws_access_key_id = AKIA\naws_secret_access_key = 'hidden'",
            "aws_access_key_id = AKIA\naws_secret_access_key = hid den",
            "aws_access_key_id = AKIA\naws_secret_access_key = ${hidden}",
            "aws_access_key_id = AKIA\naws_secret_access_key = x\naws_session_token = hid\n  den",
        ],
    )
    def test_with_a_key_is_said_with_profile_and_file(
        self, find: Find, tmp_path: Path, pairs: str
    ) -> None:
        """And without the key."""
        for files in ((f"[profile dev]\n{pairs}\n", ""), ("", f"[dev]\n{pairs}\n")):
            name = "config" if files[0] else "credentials"
            with pytest.raises(
                IdentityError, match=f"of profile dev in {tmp_path / name}"
            ) as caught:
                find(*files)
            assert "hid" not in f"{caught.value}"

    def test_a_block_in_place_of_a_value_is_said(self, find: Find) -> None:
        with pytest.raises(UsageError, match="role_arn of profile dev: expected a value"):
            find("[profile dev]\nrole_arn =\n  a = b\n")

    def test_a_login_session_is_left_to_botocore(self, find: Find) -> None:
        with pytest.raises(Doubt):
            find("[profile dev]\nlogin_session = arn:aws:iam::123456789012:user/me\n")

    @pytest.mark.skipif(
        os.name == "nt" or os.geteuid() != 0, reason="as root, who can become somebody else"
    )
    def test_a_file_that_cannot_be_read_hides_no_identity(self, find: Find, tmp_path: Path) -> None:
        """The keys in it were meant, and not a node's role."""
        path = Path("/tmp") / f"aws-role-exec-profile-{os.getpid()}"
        path.write_text("[default]\naws_access_key_id = AKIA\n")
        path.chmod(0o600)
        environ = {"AWS_SHARED_CREDENTIALS_FILE": str(path), "HOME": "/"}
        os.seteuid(65534)
        try:
            found = load(environ, None)
        finally:
            os.seteuid(0)
            path.unlink()
        wire = Wire(environ, None, Deadline(30), keep_quiet)
        with pytest.raises(IdentityError, match=f"cannot read {path}: Permission denied"):
            profile.find(Surroundings(environ, found, "eu-west-1", wire, keep_quiet))


class TestWhatIsFound:
    def test_says_where_the_keys_are(self, find: Find, tmp_path: Path) -> None:
        pairs = "aws_access_key_id = AKIA\naws_secret_access_key = hidden\n"
        found = find("", f"[dev]\n{pairs}")
        assert found is not None
        assert found.source == f"profile dev in {tmp_path / 'credentials'}"
        assert found.provider == "shared-credentials-file"
        found = find(f"[profile dev]\n{pairs}")
        assert found is not None
        assert (found.provider, found.is_renewable) == ("config-file", True)
        assert "hidden" not in repr(found)

    def test_a_role_that_wants_a_code_cannot_be_asked_again(self, find: Find) -> None:
        keys = "aws_access_key_id = AKIA\naws_secret_access_key = hidden\n"
        found = find(f"[profile dev]\n{keys}{ROLE}\nsource_profile = dev\nmfa_serial = arn:x\n")
        assert found is not None
        assert not found.is_renewable
        assert [(hop.mfa_serial, hop.named_by) for hop in found.hops] == [("arn:x", "profile dev")]
