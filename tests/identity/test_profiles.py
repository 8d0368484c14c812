"""--profile: whose keys, whose region, and nobody else's."""

import datetime
import hashlib
import json
import shlex
import sys
from pathlib import Path

import pytest

from identity.conftest import KEYLESS, WORK
from runner import WHOAMI, Runner
from servers.metadata import (
    CONTAINER,
    INSTANCE,
    SSO,
    ContainerCredentials,
    InstanceMetadata,
    SsoPortal,
)
from servers.moto import Moto
from servers.sts import BASE, Sts

BASE_ROLE = "arn:aws:iam::123456789012:role/base"


class TestProfile:
    def test_goes_before_keys_in_the_environment(self, run: Runner, sts: Sts, aws: Path) -> None:
        """As in the CLI; AWS_PROFILE alone would not."""
        run.assume("--profile", "work", "--", "true").ok()
        run.assume("--", "true", env={"AWS_PROFILE": "work"}).ok()
        assert [a.access_key for a in sts.asked] == [WORK.access_key, BASE.access_key]

    def test_goes_before_the_profile_of_the_environment(
        self, run: Runner, sts: Sts, aws: Path
    ) -> None:
        """Which need not even exist."""
        seen = run.become("--profile", "work", env={**KEYLESS, "AWS_PROFILE": "typo"})
        assert sts.asked[0].access_key == WORK.access_key
        assert "AWS_PROFILE" not in seen.env

    def test_has_a_default_in_the_environment(self, run: Runner, sts: Sts, aws: Path) -> None:
        """AWS_ROLE_EXEC_PROFILE."""
        run.assume("--", "true", env={"AWS_ROLE_EXEC_PROFILE": "work"}).ok()
        assert sts.asked[0].access_key == WORK.access_key

    def test_brings_its_region(self, run: Runner, sts: Sts, aws: Path) -> None:
        """Unless a variable or the option names one."""
        (aws / "config").write_text(
            "[profile work]\nregion = eu-north-1\n[default]\nregion = us-west-2\n"
        )
        seen = run.become("--profile", "work")
        assert (sts.asked[0].region, seen.env["AWS_REGION"]) == ("eu-north-1", "eu-north-1")
        seen = run.become("--profile", "work", env={"AWS_REGION": "eu-west-3"})
        assert seen.env["AWS_REGION"] == "eu-west-3"

    def test_brings_its_endpoint(self, run: Runner, sts: Sts, aws: Path) -> None:
        """Its `services` section is for the very STS we ask."""
        (aws / "config").write_text(
            f"[profile work]\nservices = mine\n[services mine]\nsts =\n  endpoint_url = {sts.url}\n"
        )
        run.assume("--profile", "work", "--", "true", env={"AWS_ENDPOINT_URL_STS": None}).ok()
        assert sts.asked[0].access_key == WORK.access_key

    @pytest.mark.parametrize("name", ["typo", "", "wo rk", "default"])
    def test_that_is_not_there_is_exit_2_and_no_request(
        self, run: Runner, sts: Sts, aws: Path, name: str
    ) -> None:
        """Also in a dry run, also with a region named; the hint names those that are."""
        for more in ([], ["--dry-run"], ["--region", "eu-west-1"]):
            failure = run.assume("--profile", name, *more, "--", "true").failure(2)
            assert failure.line.startswith("aws-role-exec: --profile: ")
            assert name in failure.line
        if name:
            assert "work" in (failure.hint or "")
        assert not sts.asked

    def test_without_any_configuration_is_exit_2(self, run: Runner, sts: Sts) -> None:
        """There are no profiles at all."""
        run.assume("--profile", "work", "--", "true").failure(2)
        assert not sts.asked

    def test_in_a_file_that_cannot_be_parsed_is_exit_2(
        self, run: Runner, sts: Sts, aws: Path
    ) -> None:
        """The file is named."""
        (aws / "config").write_text("no section\n")
        failure = run.assume("--profile", "work", "--", "true").failure(2)
        assert str(aws / "config") in failure.line


class TestKinds:
    def test_a_role_with_a_source_profile(self, run: Runner, sts: Sts, aws: Path) -> None:
        """Its external id is its own, ours is for our role."""
        (aws / "config").write_text(
            f"[profile job]\nrole_arn = {BASE_ROLE}\nsource_profile = work\nexternal_id = theirs\n"
        )
        run.assume("--profile", "job", "--external-id", "ours", "--", "true").ok()
        assert [a.params["ExternalId"] for a in sts.asked] == ["theirs", "ours"]
        assert [a.access_key for a in sts.asked] == [WORK.access_key, sts.issued[0].access_key]

    def test_a_role_from_the_keys_in_the_environment(
        self, run: Runner, sts: Sts, aws: Path
    ) -> None:
        """credential_source = Environment."""
        (aws / "config").write_text(
            f"[profile job]\nrole_arn = {BASE_ROLE}\ncredential_source = Environment\n"
        )
        run.assume("--profile", "job", "--", "true").ok()
        assert sts.asked[0].access_key == BASE.access_key
        assert sts.asked[0].params["RoleArn"] == BASE_ROLE

    def test_a_role_from_the_instance(self, run: Runner, sts: Sts, aws: Path) -> None:
        """credential_source = Ec2InstanceMetadata."""
        (aws / "config").write_text(
            f"[profile job]\nrole_arn = {BASE_ROLE}\ncredential_source = Ec2InstanceMetadata\n"
        )
        with InstanceMetadata() as server:
            env = {
                "AWS_EC2_METADATA_DISABLED": None,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/",
            }
            run.assume("--profile", "job", "--", "true", env=env).ok()
        assert sts.asked[0].access_key == INSTANCE.access_key

    def test_a_role_from_the_container(self, run: Runner, sts: Sts, aws: Path) -> None:
        """credential_source = EcsContainer."""
        (aws / "config").write_text(
            f"[profile job]\nrole_arn = {BASE_ROLE}\ncredential_source = EcsContainer\n"
        )
        with ContainerCredentials() as server:
            env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url}
            run.assume("--profile", "job", "--", "true", env=env).ok()
        assert sts.asked[0].access_key == CONTAINER.access_key

    def test_a_web_identity_file(self, run: Runner, sts: Sts, aws: Path) -> None:
        """The profile's role by the token, then ours."""
        (aws / "token").write_text("header.claims.signature")
        (aws / "config").write_text(
            f"[profile pod]\nrole_arn = {BASE_ROLE}\nweb_identity_token_file = {aws}/token\n"
        )
        run.assume("--profile", "pod", "--", "true").ok()
        assert [a.action for a in sts.asked] == ["AssumeRoleWithWebIdentity", "AssumeRole"]

    def test_a_process(self, run: Runner, sts: Sts, aws: Path) -> None:
        """credential_process."""
        answer = {
            "Version": 1,
            "AccessKeyId": WORK.access_key,
            "SecretAccessKey": WORK.secret,
        }
        words = shlex.join([sys.executable, "-c", f"print({json.dumps(json.dumps(answer))})"])
        (aws / "config").write_text(f"[profile tool]\ncredential_process = {words}\n")
        run.assume("--profile", "tool", "--", "true").ok()
        assert sts.asked[0].access_key == WORK.access_key

    @pytest.mark.parametrize("session", [True, False])
    def test_sso_as_the_cli_configures_it(
        self, run: Runner, sts: Sts, aws: Path, session: bool
    ) -> None:
        """`aws configure sso` with an sso-session, and the older form without."""
        start = "https://example.awsapps.com/start"
        place = f"sso_start_url = {start}\nsso_region = eu-west-1\n"
        account = "sso_account_id = 123456789012\nsso_role_name = Dev\nregion = eu-west-1\n"
        (aws / "config").write_text(
            f"[sso-session corp]\n{place}sso_registration_scopes = sso:account:access\n"
            f"[profile dev]\nsso_session = corp\n{account}"
            if session
            else f"[profile dev]\n{place}{account}"
        )
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=4)
        cache = aws / "sso" / "cache"
        cache.mkdir(parents=True)
        name = hashlib.sha1(("corp" if session else start).encode()).hexdigest()
        with SsoPortal() as portal:
            (cache / f"{name}.json").write_text(
                json.dumps(
                    {
                        "startUrl": start,
                        "region": "eu-west-1",
                        "accessToken": portal.token,
                        "expiresAt": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
                    }
                )
            )
            env = {"AWS_ENDPOINT_URL_SSO": portal.url}
            run.assume("--profile", "dev", "--", "true", env=env).ok()
        assert sts.asked[0].access_key == SSO.access_key

    def test_of_moto(self, run: Runner, moto: Moto, aws: Path) -> None:
        """An STS that is not ours."""
        env = {**KEYLESS, "AWS_ENDPOINT_URL_STS": moto.url}
        words = ("--profile", "work", "--session-name", "p-1", "--tag", "a=b")
        done = run.assume(*words, "--", *WHOAMI, env=env)
        assert done.ok().out.strip().endswith(":assumed-role/my-role/p-1")


class TestRefusals:
    def test_of_the_profiles_own_role_has_a_hint(self, run: Runner, sts: Sts, aws: Path) -> None:
        """With the profile's name."""
        (aws / "config").write_text(
            f"[profile job]\nrole_arn = {BASE_ROLE}\nsource_profile = work\n"
        )
        sts.trust = {"ExternalId": "wanted"}
        failure = run.assume("--profile", "job", "--", "true").failure(125)
        assert failure.line.startswith(
            f"aws-role-exec: assuming {BASE_ROLE} (profile job): AccessDenied"
        )
        assert "trust policy" in (failure.hint or "")

    def test_without_credentials_is_named(self, run: Runner, sts: Sts, aws: Path) -> None:
        """The keys in the environment are not used in its place."""
        (aws / "config").write_text("[profile bare]\nregion = eu-west-1\n")
        failure = run.assume("--profile", "bare", "--", "true").failure(125)
        assert "profile bare has no credentials" in failure.line
        assert not sts.asked
