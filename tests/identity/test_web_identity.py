"""An OIDC token as the base identity: from a file, a variable, or GitHub."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from identity.conftest import KEYLESS
from runner import ROLE, WHOAMI, Runner
from servers.certificates import Authority
from servers.metadata import InstanceMetadata
from servers.moto import Moto
from servers.oidc import CLAIMS, GitHubTokens, jwt
from servers.sts import INTERNAL_FAILURE, Key, Sts, page, refusal

HUB = "arn:aws:iam::123456789012:role/hub"
TOKEN = jwt()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture
def github() -> Iterator[GitHubTokens]:
    with GitHubTokens() as server:
        yield server


class TestToken:
    def test_in_a_file_is_the_whole_identity(self, run: Runner, sts: Sts, token_file: Path) -> None:
        """One unsigned request, keys or not in the environment."""
        seen = run.become("--web-identity", f"file:{token_file}")
        (asked,) = sts.asked
        assert asked.action == "AssumeRoleWithWebIdentity"
        assert asked.params["WebIdentityToken"] == TOKEN
        assert asked.params["RoleArn"] == ROLE
        assert asked.params["DurationSeconds"] == "3600"
        assert "authorization" not in asked.headers
        assert seen.env["AWS_ACCESS_KEY_ID"] == sts.issued[0].access_key

    def test_is_read_with_a_url_too(self, run: Runner, sts: Sts, token_file: Path) -> None:
        """As --policy takes it."""
        run.assume("--web-identity", f"file://{token_file}", "--", "true").ok()

    def test_in_a_variable(self, run: Runner, sts: Sts) -> None:
        """GitLab's id_tokens; the option's own default works as for every option."""
        env = {"MY_ID": TOKEN, "AWS_ROLE_EXEC_WEB_IDENTITY": "env:MY_ID"}
        seen = run.become(env=env)
        assert sts.asked[0].params["WebIdentityToken"] == TOKEN
        assert "MY_ID" not in seen.env
        assert "AWS_ROLE_EXEC_WEB_IDENTITY" not in seen.env

    def test_may_have_a_long_session_and_policies(
        self, run: Runner, sts: Sts, token_file: Path
    ) -> None:
        """12 hours, as nothing is chained; tags would not be taken."""
        run.assume(
            "--web-identity", f"file:{token_file}", "--duration", "12h",
            "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--", "true",
        ).ok()  # fmt: skip
        assert sts.asked[0].params["DurationSeconds"] == "43200"
        assert sts.asked[0].params["PolicyArns.member.1.arn"].endswith("/ReadOnlyAccess")

    def test_goes_on_to_further_roles(self, run: Runner, sts: Sts, token_file: Path) -> None:
        """The token is for the first, tags and the rest are for the last."""
        run(
            "--web-identity", f"file:{token_file}", "--role-arn", HUB, "--role-arn", ROLE,
            "--tag", "a=b", "--external-id", "x1", "--", "true",
        ).ok()  # fmt: skip
        first, last = sts.asked
        assert (first.action, last.action) == ("AssumeRoleWithWebIdentity", "AssumeRole")
        assert (first.params["RoleArn"], last.params["RoleArn"]) == (HUB, ROLE)
        assert "Tags.member.1.Key" not in first.params
        assert last.params["Tags.member.1.Key"] == "a"
        assert last.access_key == sts.issued[0].access_key
        assert last.signature_valid

    def test_looks_for_no_other_identity(self, run: Runner, sts: Sts, token_file: Path) -> None:
        """The metadata service is not asked, and a broken provider is not run."""
        aws = run.home / ".aws"
        aws.mkdir()
        (aws / "config").write_text("[default]\ncredential_process = touch /nonexistent/x\n")
        with InstanceMetadata() as metadata:
            env = {
                **KEYLESS,
                "AWS_EC2_METADATA_DISABLED": None,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url + "/",
            }
            run.assume("--web-identity", f"file:{token_file}", "--", "true", env=env).ok()
        assert metadata.asked == []

    def test_works_with_moto(self, run: Runner, moto: Moto, token_file: Path) -> None:
        """An STS that is not ours, asked who we have become."""
        done = run.assume(
            "--web-identity", f"file:{token_file}", "--session-name", "ci-1", "--", *WHOAMI,
            env={**KEYLESS, "AWS_ENDPOINT_URL_STS": moto.url},
        )  # fmt: skip
        assert done.ok().out.strip().endswith(":assumed-role/my-role/ci-1")


class TestSecrecy:
    @pytest.mark.parametrize("loud", [False, True])
    @pytest.mark.parametrize("length", [300, 2000])
    def test_a_token_that_sts_quotes_is_not_printed(
        self, run: Runner, sts: Sts, tmp_path: Path, loud: bool, length: int
    ) -> None:
        """Neither whole nor cut, with -v and debugging either."""
        token = jwt({**CLAIMS, "pad": "x" * length})
        (tmp_path / "token").write_text(token)
        sts.always(refusal("InvalidIdentityToken", f"cannot read {token}", 400))
        result = run.assume(
            *(["-v"] if loud else []), "--web-identity", f"file:{tmp_path / 'token'}", "--", "true",
            env={"AWS_ROLE_EXEC_DEBUG": "1"} if loud else {}, debug=loud,
        )  # fmt: skip
        assert result.code == 125
        assert token[:40] not in result.err
        assert token[-40:] not in result.err

    def test_what_the_option_holds_by_mistake_is_not_printed(self, run: Runner) -> None:
        """The token itself instead of where it is."""
        failure = run.assume("--web-identity", TOKEN, "--", "true").failure(2)
        assert TOKEN[10:] not in failure.line


class TestGitHub:
    def env(self, github: GitHubTokens) -> dict[str, str | bytes | None]:
        return {**KEYLESS, **github.env}

    @pytest.mark.parametrize(
        ("source", "audience"),
        [("github", "sts.amazonaws.com"), ("github:my audience&x=1", "my audience&x=1")],
    )
    def test_gives_the_jobs_token(
        self, run: Runner, sts: Sts, github: GitHubTokens, source: str, audience: str
    ) -> None:
        """For the audience that was asked for."""
        result = run.assume("-v", "--web-identity", source, "--", "true", env=self.env(github))
        result.ok()
        assert github.asked == [{"api-version": "2.0", "audience": audience}]
        assert sts.asked[0].params["WebIdentityToken"] == github.token
        assert github.bearer not in result.err
        assert github.token not in result.err

    @pytest.mark.parametrize("missing", ["_URL", "_TOKEN"])
    def test_a_job_without_the_permission_is_told_so(
        self, run: Runner, sts: Sts, github: GitHubTokens, missing: str
    ) -> None:
        """The two variables are not there then."""
        env = {**self.env(github), f"ACTIONS_ID_TOKEN_REQUEST{missing}": None}
        failure = run.assume("--web-identity", "github", "--", "true", env=env).failure(2)
        assert "id-token: write" in (failure.hint or "")
        assert not github.asked
        assert not sts.asked

    def test_elsewhere_there_is_none(self, run: Runner, sts: Sts) -> None:
        """And the hint does not speak of permissions."""
        failure = run.assume("--web-identity", "github", "--", "true").failure(2)
        assert "GitHub Actions" in failure.line
        assert "id-token" not in failure.text

    @pytest.mark.parametrize("status", [302, 400, 401, 403, 404])
    def test_a_refusal_is_told_and_not_repeated(
        self, run: Runner, sts: Sts, github: GitHubTokens, status: int
    ) -> None:
        """A redirection is not followed: the request token would go along."""
        github.script(status, "no")
        failure = run.assume("--web-identity", "github", "--", "true", env=self.env(github))
        assert f"HTTP {status}" in failure.failure(125).line
        assert "id-token: write" in failure.failure(125).text
        assert len(github.asked) == 1
        assert github.bearer not in failure.err
        assert not sts.asked

    def test_a_hiccup_is_got_over(self, run: Runner, sts: Sts, github: GitHubTokens) -> None:
        """5xx and 429 pass, on the one deadline."""
        github.script(503)
        github.script(429)
        run.assume("--web-identity", "github", "--", "true", env=self.env(github)).ok()
        assert len(github.asked) == 3

    def test_the_deadline_counts_here_too(
        self, run: Runner, sts: Sts, github: GitHubTokens
    ) -> None:
        """The error says who did not answer."""
        for _ in range(20):
            github.script(500)
        failure = run.assume(
            "--web-identity", "github", "--sts-timeout", "2s", "--", "true", env=self.env(github)
        ).failure(125)
        assert failure.line.startswith("aws-role-exec: OIDC token: GitHub's endpoint: ")
        assert "HTTP 500" in failure.line

    @pytest.mark.parametrize("body", ["", "{}", "[]", '{"value": 7}', '{"value": "a b"}', "<html>"])
    def test_an_answer_without_a_token_is_told(
        self, run: Runner, sts: Sts, github: GitHubTokens, body: str
    ) -> None:
        """In our words."""
        github.script(200, body)
        failure = run.assume("--web-identity", "github", "--", "true", env=self.env(github))
        assert failure.failure(125).line.endswith("OIDC token: GitHub's response contains none")
        assert not sts.asked

    def test_nobody_there_is_told(self, run: Runner, github: GitHubTokens) -> None:
        """With the same words as for STS."""
        env = {**self.env(github), "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9/token"}
        failure = run.assume("--web-identity", "github", "--", "true", env=env).failure(125)
        assert failure.line.startswith("aws-role-exec: OIDC token: ")
        assert failure.hint

    def test_is_asked_over_tls_that_is_verified(
        self, run: Runner, sts: Sts, authority: Authority
    ) -> None:
        """With the same authorities as for STS; the request token goes to nobody else."""
        with GitHubTokens(authority.context()) as github:
            env = {**self.env(github), "AWS_CA_BUNDLE": str(authority.bundle)}
            run.assume("--web-identity", "github", "--", "true", env=env).ok()
            env["AWS_CA_BUNDLE"] = None
            failure = run.assume("--web-identity", "github", "--", "true", env=env).failure(125)
        assert "not signed by a trusted authority" in failure.line
        assert len(github.asked) == 1

    def test_the_request_token_stays_where_it_was_not_used(
        self, run: Runner, github: GitHubTokens
    ) -> None:
        """It is the caller's, like everything that is not the identity asked with."""
        seen = run.become(env=github.env)
        assert seen.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] == github.bearer


class TestBadSources:
    @pytest.mark.parametrize(
        "source",
        ["", " ", "file:", "env:", "github:", "file", "env", "gitlab", "FILE:x",
         "/var/run/token", "file:/nonexistent/token", "file:/", "env:NOT_SET",
         "env:EMPTY", "env:SPACES", "env:SHORT"],
    )  # fmt: skip
    def test_are_one_line_and_exit_2(self, run: Runner, sts: Sts, source: str) -> None:
        """Before anything is asked."""
        env = {"EMPTY": "", "SPACES": "two words", "SHORT": "abc"}
        failure = run.assume("--web-identity", source, "--", "true", env=env).failure(2)
        assert failure.line.startswith("aws-role-exec: --web-identity: ")
        assert "words" not in failure.line
        assert not sts.asked

    def test_a_token_too_long_for_sts_is_refused(self, run: Runner, tmp_path: Path) -> None:
        """20,000 characters."""
        (tmp_path / "token").write_text("x" * 20_001)
        source = f"file:{tmp_path / 'token'}"
        run.assume("--web-identity", source, "--dry-run", "--", "true").failure(2)

    @pytest.mark.parametrize(
        ("option", "value"),
        [("--external-id", "x1"), ("--source-identity", "alice"), ("--tag", "a=b"),
         ("--mfa-serial", "arn:aws:iam::123456789012:mfa/a"), ("--mfa-code", "123456")],
    )  # fmt: skip
    def test_what_does_not_go_with_a_token_is_refused(
        self, run: Runner, sts: Sts, token_file: Path, option: str, value: str
    ) -> None:
        """AssumeRoleWithWebIdentity has no such parameter."""
        source = f"file:{token_file}"
        failure = run.assume("--web-identity", source, option, value, "--", "true").failure(2)
        assert failure.line.startswith(f"aws-role-exec: {option}: ")
        assert not sts.asked


class TestWithAProfile:
    def test_on_the_command_line_is_one_too_many(
        self, run: Runner, aws: Path, token_file: Path
    ) -> None:
        """There is one base identity."""
        words = ("--profile", "work", "--web-identity", f"file:{token_file}")
        assert "--profile" in run.assume(*words, "--", "true").failure(2).line

    def test_the_command_line_goes_before_a_default(
        self, run: Runner, sts: Sts, aws: Path, token_file: Path
    ) -> None:
        """Either way around."""
        source = f"file:{token_file}"
        run.assume(
            "--web-identity", source, "--", "true", env={"AWS_ROLE_EXEC_PROFILE": "work"}
        ).ok()
        run.assume(
            "--profile", "work", "--", "true", env={"AWS_ROLE_EXEC_WEB_IDENTITY": source}
        ).ok()
        assert [asked.action for asked in sts.asked] == ["AssumeRoleWithWebIdentity", "AssumeRole"]


def test_an_outage_of_sts_is_got_over(run: Runner, sts: Sts, token_file: Path) -> None:
    """The same retry as for signed requests; IDPCommunicationError passes, too."""
    sts.script(
        INTERNAL_FAILURE,
        refusal("IDPCommunicationError", "Error communicating with the IdP", 400),
        page(503, ""),
    )
    run.assume("--web-identity", f"file:{token_file}", "--", "true").ok()
    assert len(sts.asked) == 4
    assert isinstance(sts.issued[0], Key)
