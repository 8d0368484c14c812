"""The CI examples: the steps they hold are run as the CI system would run them."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.sandbox import EXAMPLES, REPOSITORY, Sandbox
from servers.oidc import GitHubTokens
from servers.sts import ACCESS_DENIED

GITHUB = yaml.safe_load((EXAMPLES / "ci/github-deploy.yml").read_text())
GITLAB = yaml.safe_load((EXAMPLES / "ci/gitlab-ci.yml").read_text())
BUILDKITE = yaml.safe_load((EXAMPLES / "ci/buildkite.yml").read_text())
JENKINS = (EXAMPLES / "ci/Jenkinsfile").read_text()


class TestGitHub:
    STEPS: list[dict[str, Any]] = GITHUB["jobs"]["deploy"]["steps"]

    def step(self, name: str) -> dict[str, Any]:
        return next(step for step in self.STEPS if step.get("name") == name)

    def test_it_installs_a_pinned_version_by_the_action(self) -> None:
        """With inputs that the action has; tests/examples/test_action.py runs it."""
        step = self.step("Install aws-role-exec")
        assert step["uses"] == "scttfrdmn/aws-role-exec@v1.0.0"
        action = yaml.safe_load((REPOSITORY / "action.yml").read_text())
        assert step.get("with", {}).keys() <= action["inputs"].keys()

    def test_it_deploys_under_the_narrower_role(self, sandbox: Sandbox) -> None:
        """From GitHub's token alone, with a policy that lets `aws s3 sync` list and put."""
        with GitHubTokens() as github:
            ran = sandbox.run(
                "bash",
                "-e",
                "-c",
                self.step("Deploy under a narrower role")["run"],
                env={
                    **github.env,
                    "GITHUB_RUN_ID": "99",
                    "GITHUB_RUN_ATTEMPT": "2",
                    "AWS_ACCESS_KEY_ID": None,
                    "AWS_SECRET_ACCESS_KEY": None,
                },
            ).ok()
        (call,) = ran.calls
        assert call.words == "aws s3 sync dist/ s3://my-deploy-bucket/"
        assert call.role == "deploy-production/github-99-2-deploy"
        first, asked = sandbox.assumed()
        assert first["WebIdentityToken"] == github.token
        assert first["RoleArn"] == "arn:aws:iam::123456789012:role/github-oidc-base"
        assert "s3:ListBucket" in asked["Policy"]
        assert asked["DurationSeconds"] == "900"

    def test_it_may_ask_for_a_token_and_read_the_repository_only(self) -> None:
        """Least rights for the job's own GitHub token."""
        assert GITHUB["permissions"] == {}
        assert GITHUB["jobs"]["deploy"]["permissions"] == {"id-token": "write", "contents": "read"}


class TestGitLab:
    def test_a_job_installs_what_it_was_written_for(self, sandbox: Sandbox, tmp_path: Path) -> None:
        """The archive of one version, held against a sum; with another sum the job ends there."""
        base = GITLAB[".aws"]
        lines = "\n".join(base["before_script"]).replace("/usr/local/bin", str(tmp_path))
        archive = base64.b64decode(sandbox.env["SANDBOX_ARCHIVE"])
        right = hashlib.sha256(archive).hexdigest()
        for digest, code in ((right, 0), (right[::-1], 1)):
            env = {**base["variables"], "ROLE_EXEC_SHA256": digest}
            ran = sandbox.run("bash", "-eo", "pipefail", "-c", lines, env=env)
            assert ran.code == code, ran.output
            assert ran.calls[0].argv[-1] == (
                "https://github.com/scttfrdmn/aws-role-exec/releases/download/v1.0.0/"
                "aws-role-exec_linux_amd64.tar.gz"
            )
            assert (tmp_path / "aws-role-exec").exists() == (code == 0)
            (tmp_path / "aws-role-exec").unlink(missing_ok=True)

    @pytest.mark.parametrize(
        ("job", "words", "role"),
        [
            ("test", "pytest tests/", "gitlab-ci-test/gitlab-77"),
            ("deploy", "deploy.sh", "gitlab-ci-deploy/gitlab-77-deploy"),
        ],
    )
    def test_a_job_goes_from_its_token_to_its_role(
        self, sandbox: Sandbox, job: str, words: str, role: str
    ) -> None:
        """Web identity to the base role, then the job's role; no key was there to begin with."""
        base = GITLAB[".aws"]
        lines = GITLAB[job]["script"]
        ran = sandbox.run(
            "bash",
            "-eo",
            "pipefail",
            "-c",
            "\n".join(lines),
            env={
                **base["variables"],
                "AWS_ID_TOKEN": "header.claims.signature",
                "CI_JOB_ID": "77",
                "AWS_ACCESS_KEY_ID": None,
                "AWS_SECRET_ACCESS_KEY": None,
            },
        ).ok()
        (call,) = ran.calls
        assert (call.words, call.role) == (words, role)
        first, second = sandbox.assumed()
        assert first["WebIdentityToken"] == "header.claims.signature"
        assert first["RoleArn"] == "arn:aws:iam::123456789012:role/gitlab-ci-base"
        assert second["RoleArn"].endswith(role.split("/", maxsplit=1)[0])


class TestJenkins:
    STEPS = re.findall(r"sh '''(.*?)'''", JENKINS, re.DOTALL)
    WANTED = ("ci-test-readonly/jenkins-12-test", "ci-deploy/jenkins-12-deploy")

    @pytest.mark.parametrize(("step", "role"), list(zip(STEPS, WANTED, strict=True)))
    def test_a_stage_runs_under_its_role_and_its_log_shows_no_key(
        self, sandbox: Sandbox, step: str, role: str
    ) -> None:
        """Jenkins traces what it runs."""
        ran = sandbox.run("sh", "-xe", "-c", step, env={"BUILD_NUMBER": "12"}).ok()
        (call,) = ran.calls
        assert call.role == role
        for secret in sandbox.sts.secrets:
            assert secret not in ran.output

    @pytest.mark.parametrize("step", STEPS)
    def test_a_stage_fails_when_sts_refuses(self, sandbox: Sandbox, step: str) -> None:
        """And nothing runs."""
        sandbox.sts.always(ACCESS_DENIED)
        ran = sandbox.run("sh", "-xe", "-c", step, env={"BUILD_NUMBER": "12"})
        assert ran.code == 125
        assert ran.calls == []


class TestBuildkite:
    def test_a_step_goes_from_its_token_to_its_role(self, sandbox: Sandbox) -> None:
        """The agent's token to the role; the program has neither the token nor another key."""
        (step,) = BUILDKITE["steps"]
        sandbox.script(
            "buildkite-agent",
            'test "$*" = "oidc request-token --audience sts.amazonaws.com" && echo h.claims.s',
        )
        ran = sandbox.run(
            "bash",
            "-ec",
            step["command"].replace("$$", "$"),
            env={
                "BUILDKITE_BUILD_NUMBER": "31",
                "AWS_ACCESS_KEY_ID": None,
                "AWS_SECRET_ACCESS_KEY": None,
            },
        ).ok()
        (call,) = ran.calls
        assert (call.words, call.role) == ("deploy.sh", "buildkite-deploy/buildkite-31-deploy")
        (asked,) = sandbox.assumed()
        assert asked["WebIdentityToken"] == "h.claims.s"
        assert "BUILDKITE_OIDC_TOKEN" not in call.environ
