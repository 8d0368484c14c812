"""`--profile admin -- command`: the profile names the role, or is a role's session already."""

import datetime
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity.conftest import KEYLESS, MFA, WORK
from runner import ROLE, Runner
from servers.metadata import SSO, SsoPortal
from servers.sts import BASE, Sts

ADMIN = "arn:aws:iam::123456789012:role/admin"
MIDDLE = "arn:aws:iam::123456789012:role/middle"
START = "https://example.awsapps.com/start"
LOGIN = (
    f"[profile dev]\nsso_start_url = {START}\nsso_region = eu-west-1\n"
    "sso_account_id = 123456789012\nsso_role_name = Dev\n"
)


@pytest.fixture
def admin(aws: Path) -> Path:
    """~/.aws with `admin`, a role that `work` assumes."""
    (aws / "config").write_text(f"[profile admin]\nrole_arn = {ADMIN}\nsource_profile = work\n")
    return aws


@pytest.fixture
def portal(aws: Path) -> Iterator[SsoPortal]:
    """A login of the profile `dev`, and the portal that knows it."""
    (aws / "config").write_text(LOGIN)
    cache = aws / "sso" / "cache"
    cache.mkdir(parents=True)
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=4)
    with SsoPortal() as portal:
        login = {"accessToken": portal.token, "expiresAt": f"{expires:%Y-%m-%dT%H:%M:%SZ}"}
        name = hashlib.sha1(START.encode()).hexdigest()
        (cache / f"{name}.json").write_text(json.dumps(login))
        yield portal


class TestRole:
    def test_of_the_profile_is_assumed_by_its_source(
        self, run: Runner, sts: Sts, admin: Path
    ) -> None:
        """Keys in the environment and AWS_PROFILE do not count."""
        done = run("--profile", "admin", "--", "true", env={"AWS_PROFILE": "typo"})
        done.ok()
        assert [(a.access_key, a.params["RoleArn"]) for a in sts.asked] == [
            (WORK.access_key, ADMIN)
        ]

    def test_is_named_by_our_own_variable_too(self, run: Runner, sts: Sts, admin: Path) -> None:
        run("--", "true", env={"AWS_ROLE_EXEC_PROFILE": "admin"}).ok()
        assert sts.asked[0].params["RoleArn"] == ADMIN

    def test_is_not_taken_from_aws_profile(self, run: Runner, sts: Sts, admin: Path) -> None:
        """It is set in many shells for other reasons; the hint says how to name it."""
        failure = run("--", "true", env={"AWS_PROFILE": "admin"}).failure(2)
        assert failure.line == "aws-role-exec: command line: no role given; use --role-arn"
        assert failure.hint == (
            "AWS_PROFILE alone does not select one; did you mean --profile admin?"
        )
        assert not sts.asked

    def test_is_the_base_where_a_role_arn_is_given(
        self, run: Runner, sts: Sts, admin: Path
    ) -> None:
        run.assume("--profile", "admin", "--", "true").ok()
        assert [a.params["RoleArn"] for a in sts.asked] == [ADMIN, ROLE]

    def test_takes_the_session_options_and_those_before_it_do_not(
        self, run: Runner, sts: Sts, admin: Path
    ) -> None:
        (admin / "config").write_text(
            f"[profile admin]\nrole_arn = {ADMIN}\nsource_profile = middle\n"
            f"[profile middle]\nrole_arn = {MIDDLE}\nsource_profile = work\nexternal_id = theirs\n"
        )
        words = ("--external-id", "mine", "--tag", "a=b", "--session-name", "me")
        run("--profile", "admin", *words, "--", "true").ok()
        first, last = (a.params for a in sts.asked)
        assert (first["RoleArn"], first["ExternalId"]) == (MIDDLE, "theirs")
        assert "Tags.member.1.Key" not in first
        assert (last["RoleArn"], last["ExternalId"]) == (ADMIN, "mine")
        assert (last["Tags.member.1.Key"], last["RoleSessionName"]) == ("a", "me")

    def test_has_the_profiles_settings_as_defaults_below_the_options(
        self, run: Runner, sts: Sts, admin: Path
    ) -> None:
        with (admin / "config").open("a") as config:
            config.write("role_session_name = bob\nduration_seconds = 7200\nexternal_id = theirs\n")
        run("--profile", "admin", "--", "true").ok()
        run("--profile", "admin", "--duration", "1h", "--session-name", "me", "--", "true").ok()
        variables = {"AWS_ROLE_EXEC_DURATION": "3h"}
        run("--profile", "admin", "--", "true", env=variables).ok()
        told = [(a.params["RoleSessionName"], a.params["DurationSeconds"]) for a in sts.asked]
        assert told == [("bob", "7200"), ("me", "3600"), ("bob", "10800")]

    def test_has_our_session_name_where_nobody_names_one(
        self, run: Runner, sts: Sts, admin: Path
    ) -> None:
        run("--profile", "admin", "--", "true").ok()
        assert sts.asked[0].params["RoleSessionName"].startswith("aws-role-exec-")

    @pytest.mark.parametrize(
        ("setting", "line"),
        [
            ("duration_seconds = 1h", "'1h' is not a number of seconds"),
            ("duration_seconds = 60", "1m0s is shorter than"),
            ("duration_seconds = 90000", "25h0m0s is longer than"),
            ("role_session_name = b@d name", "a session name can have only"),
            ("external_id = x", "STS accepts 2 to"),
            ("mfa_serial = me", "STS accepts 9 to"),
        ],
    )
    def test_with_a_setting_that_sts_would_refuse_is_exit_2_with_its_place(
        self, run: Runner, sts: Sts, admin: Path, setting: str, line: str
    ) -> None:
        with (admin / "config").open("a") as config:
            config.write(f"{setting}\n")
        failure = run("--profile", "admin", "--", "true").failure(2)
        name = setting.partition(" ")[0]
        assert failure.line.startswith(f"aws-role-exec: {name} of profile admin: ")
        assert line in failure.line
        assert not sts.asked

    def test_with_an_arn_of_a_user_is_exit_2(self, run: Runner, sts: Sts, admin: Path) -> None:
        user = ADMIN.replace("role/", "user/")
        (admin / "config").write_text(
            f"[profile admin]\nrole_arn = {user}\nsource_profile = work\n"
        )
        failure = run("--profile", "admin", "--", "true").failure(2)
        assert failure.line.startswith("aws-role-exec: role_arn of profile admin: ")
        assert not sts.asked

    def test_with_a_device_takes_the_code(self, run: Runner, sts: Sts, admin: Path) -> None:
        sts.mfa_codes[MFA] = {"137246"}
        with (admin / "config").open("a") as config:
            config.write(f"mfa_serial = {MFA}\n")
        run("--profile", "admin", "--mfa-code", "137246", "--", "true").ok()
        told = sts.asked[0].params
        assert (told["SerialNumber"], told["TokenCode"]) == (MFA, "137246")

    def test_with_a_device_and_no_terminal_is_exit_2(
        self, run: Runner, sts: Sts, admin: Path
    ) -> None:
        with (admin / "config").open("a") as config:
            config.write(f"mfa_serial = {MFA}\n")
        failure = run("--profile", "admin", "--", "true").failure(2)
        assert failure.line.startswith("aws-role-exec: mfa_serial of profile admin: ")
        assert not sts.asked

    def test_of_a_token_file_takes_what_a_token_allows(
        self, run: Runner, sts: Sts, aws: Path
    ) -> None:
        (aws / "token").write_text("header.claims.signature")
        (aws / "config").write_text(
            f"[profile pod]\nrole_arn = {ADMIN}\nweb_identity_token_file = {aws}/token\n"
        )
        run("--profile", "pod", "--duration", "2h", "--", "true").ok()
        asked = sts.asked[0]
        assert asked.action == "AssumeRoleWithWebIdentity"
        assert (asked.params["RoleArn"], asked.params["DurationSeconds"]) == (ADMIN, "7200")
        failure = run("--profile", "pod", "--tag", "a=b", "--", "true").failure(2)
        assert failure.line.startswith("aws-role-exec: --tag: STS does not accept it")

    def test_that_is_refused_is_told_with_the_role(
        self, run: Runner, sts: Sts, admin: Path
    ) -> None:
        sts.trust = {"ExternalId": "wanted"}
        failure = run("--profile", "admin", "--", "true").failure(125)
        assert failure.line.startswith(f"aws-role-exec: assuming {ADMIN}: AccessDenied")
        assert "external ID" in (failure.hint or "")

    def test_whose_source_has_nothing_is_never_the_nodes(
        self, run: Runner, sts: Sts, aws: Path
    ) -> None:
        (aws / "config").write_text(
            f"[profile admin]\nrole_arn = {ADMIN}\nsource_profile = bare\n"
            "[profile bare]\nregion = eu-west-1\n"
        )
        failure = run("--profile", "admin", "--", "true").failure(125)
        assert "profile bare" in failure.line
        assert not sts.asked

    @pytest.mark.parametrize("section", ["region = eu-west-1", "aws_access_key_id = AKIADEV"])
    def test_that_no_profile_names_is_exit_2(
        self, run: Runner, sts: Sts, aws: Path, section: str
    ) -> None:
        """Long-lived keys are never handed over."""
        (aws / "config").write_text(f"[profile dev]\n{section}\naws_secret_access_key = hidden\n")
        failure = run("--profile", "dev", "--", "true").failure(2)
        assert failure.line == (
            "aws-role-exec: --profile: profile dev names no role: it has neither role_arn nor an"
            " SSO account and role"
        )
        assert not sts.asked

    def test_is_told_by_a_dry_run(self, run: Runner, sts: Sts, admin: Path) -> None:
        with (admin / "config").open("a") as config:
            config.write("role_session_name = bob\nduration_seconds = 7200\n")
        done = run("--profile", "admin", "--dry-run", "--", "true").ok()
        assert done.err.splitlines() == [
            f"DRY RUN: would assume {ADMIN}",
            "profile: admin",
            "session-name: bob",
            "duration: 2h0m0s",
            "region: us-east-1",
            "command: true",
        ]
        assert not sts.asked

    def test_is_told_by_explain(self, run: Runner, sts: Sts, admin: Path) -> None:
        shown = run("--profile", "admin", "--explain", "--format", "json").ok().out
        found = json.loads(shown)
        assert (found["Profile"], found["RoleArns"]) == ("admin", [ADMIN])
        assert found["BaseIdentity"]["Arn"] == WORK.arn


class TestSession:
    """An SSO account and role: the profile is a role's session already."""

    def test_is_handed_over_as_it_is(
        self, run: Runner, sts: Sts, portal: SsoPortal, aws: Path
    ) -> None:
        """With the time at which it ends; STS is not asked."""
        env = {**KEYLESS, "AWS_ENDPOINT_URL_SSO": portal.url}
        done = run("--profile", "dev", "--format", "json", env=env).ok()
        found = json.loads(done.out)
        assert (found["AccessKeyId"], found["SessionToken"]) == (SSO.access_key, SSO.token)
        assert found["Expiration"].endswith("Z")
        assert not sts.asked

    def test_is_the_commands_and_nobody_elses(
        self, run: Runner, sts: Sts, portal: SsoPortal, aws: Path
    ) -> None:
        """The keys of the environment are taken out."""
        env = {"AWS_ENDPOINT_URL_SSO": portal.url}
        shown = run("--profile", "dev", "--", "/usr/bin/env", env=env).ok().out
        assert f"AWS_ACCESS_KEY_ID={SSO.access_key}\n" in shown
        assert BASE.access_key not in shown

    @pytest.mark.parametrize(
        "words",
        [
            ("--duration", "1h"),
            ("--session-name", "me"),
            ("--policy", '{"Statement": []}'),
            ("--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
            ("--external-id", "mine"),
            ("--source-identity", "me"),
            ("--tag", "a=b"),
            ("--transitive-tag", "a"),
            ("--mfa-serial", MFA),
            ("--mfa-code", "137246"),
        ],
    )
    def test_takes_no_session_options(
        self, run: Runner, sts: Sts, portal: SsoPortal, aws: Path, words: tuple[str, str]
    ) -> None:
        """A policy that is not applied would hand over more than was asked for."""
        option, value = words
        variable = "AWS_ROLE_EXEC_" + option[2:].upper().replace("-", "_")
        for given, env, label in (
            (words, {}, option),
            ((), {variable: value}, variable),
        ):
            done = run("--profile", "dev", *given, "--", "true", env=env)
            failure = done.failure(2)
            assert failure.line == (
                f"aws-role-exec: {label}: profile dev is already a session of role Dev in account"
                " 123456789012, which cannot be changed"
            )
        assert not portal.asked

    def test_that_is_over_says_how_to_log_in(
        self, run: Runner, sts: Sts, portal: SsoPortal, aws: Path
    ) -> None:
        for cached in (aws / "sso/cache").iterdir():
            cached.unlink()
        failure = run("--profile", "dev", "--", "true").failure(125)
        assert "aws sso login" in (failure.hint or "")
        assert not sts.asked

    def test_is_told_by_a_dry_run(
        self, run: Runner, sts: Sts, portal: SsoPortal, aws: Path
    ) -> None:
        done = run("--profile", "dev", "--dry-run", "--", "true").ok()
        assert done.err.splitlines() == [
            "DRY RUN: would use the session of role Dev in account 123456789012",
            "profile: dev",
            "region: us-east-1",
            "command: true",
        ]

    def test_is_told_by_explain(self, run: Runner, sts: Sts, portal: SsoPortal, aws: Path) -> None:
        env = {"AWS_ENDPOINT_URL_SSO": portal.url}
        shown = run("--profile", "dev", "--explain", "--", "true", env=env).ok().out
        assert f"caller:             {SSO.arn}" in shown
        assert "the command gets the profile's own session, until " in shown
        assert "session name" not in shown

    def test_of_another_partition_has_that_ones_region(
        self, run: Runner, sts: Sts, portal: SsoPortal, aws: Path
    ) -> None:
        config = (aws / "config").read_text()
        for login, region in (
            ("us-gov-east-1", "us-gov-west-1"),
            ("cn-north-1", "cn-north-1"),
            ("eusc-de-east-1", "eusc-de-east-1"),
            ("us-east-2", "us-east-1"),
        ):
            (aws / "config").write_text(config.replace("eu-west-1", login))
            done = run("--profile", "dev", "--dry-run", "--", "true").ok()
            assert f"region: {region}" in done.err
