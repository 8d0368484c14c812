"""The examples for shells and pipelines other than POSIX sh, in a sandbox."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_batch
import tree_sitter_powershell
import yaml

from examples.sandbox import EXAMPLES, Sandbox
from outputs.test_pipelines import read_as_gitlab, read_github_env
from servers.sts import ACCESS_DENIED


@pytest.fixture
def sandbox(tmp_path: Path, program: list[str], sts) -> Sandbox:
    return Sandbox(tmp_path, program, sts)


class TestFish:
    USE = f"source '{EXAMPLES}/shell/become.fish'; become_readonly; or exit 3; become_myself; env"

    def test_takes_the_role_and_steps_back(
        self, sandbox: Sandbox, needs: Callable[..., str]
    ) -> None:
        """As functions in the shell one is in."""
        ran = sandbox.run(needs("fish"), "--no-config", "-c", self.USE, env={"AWS_PROFILE": "mine"})
        (call,) = ran.ok().calls
        assert call.words == "aws sts get-caller-identity"
        assert (call.role or "").startswith("admin-readonly/")
        assert "AWS_PROFILE" not in call.environ
        assert "AWS_ACCESS_KEY_ID" not in ran.output

    def test_does_nothing_as_someone_else(
        self, sandbox: Sandbox, needs: Callable[..., str]
    ) -> None:
        """When STS refuses."""
        sandbox.sts.always(ACCESS_DENIED)
        ran = sandbox.run(needs("fish"), "--no-config", "-c", self.USE)
        assert (ran.code, ran.calls) == (3, [])


@pytest.mark.parametrize("shell", ["tcsh", "bsd-csh"])
class TestCsh:
    SCRIPT = EXAMPLES / "shell/become.csh"

    def test_takes_the_role_and_steps_back(
        self, sandbox: Sandbox, needs: Callable[..., str], shell: str
    ) -> None:
        """As a script; what follows it is nobody again."""
        after = sandbox.work / "after.csh"
        after.write_text(f"source '{self.SCRIPT}'\nenv\n")
        ran = sandbox.run(needs(shell, "csh or tcsh"), "-f", after).ok()
        (call,) = ran.calls
        assert call.words == "aws sts get-caller-identity"
        assert (call.role or "").startswith("admin-readonly/")
        assert "AWS_ACCESS_KEY_ID" not in ran.output

    def test_does_nothing_as_someone_else(
        self, sandbox: Sandbox, needs: Callable[..., str], shell: str
    ) -> None:
        """When STS refuses."""
        sandbox.sts.always(ACCESS_DENIED)
        ran = sandbox.run(needs(shell, "csh or tcsh"), "-f", self.SCRIPT)
        assert (ran.code, ran.calls) == (1, [])


@pytest.mark.parametrize(
    ("name", "grammar"),
    [("become.ps1", tree_sitter_powershell), ("become.cmd", tree_sitter_batch)],
)
def test_windows_shells_would_read_theirs(name: str, grammar) -> None:
    """By the shell's grammar; no shell of Windows is at hand."""
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    text = (EXAMPLES / "shell" / name).read_bytes()
    assert not parser.parse(text).root_node.has_error
    assert parser.parse(text.replace(b")", b"", 1)).root_node.has_error, "mistakes are seen"


def test_githubs_later_steps_have_the_role(sandbox: Sandbox) -> None:
    """The second step runs in the environment that the first one leaves."""
    workflow = yaml.safe_load((EXAMPLES / "ci/github-later-steps.yml").read_text())
    first, second = workflow["jobs"]["publish"]["steps"]
    path = sandbox.tmp / "env"
    path.touch()
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_ENV": str(path), "GITHUB_RUN_ID": "99"}
    ran = sandbox.run("bash", "-e", "-c", first["run"], env=actions).ok()
    assert {line[:12] for line in ran.output.splitlines()} == {"::add-mask::"}
    (call,) = sandbox.run("bash", "-e", "-c", second["run"], env=read_github_env(path)).ok().calls
    path.unlink()
    assert call.role == "publisher/github-99"


def test_gitlabs_later_jobs_have_the_role(sandbox: Sandbox) -> None:
    """The artifact's variables are the second job's."""
    jobs = yaml.safe_load((EXAMPLES / "ci/gitlab-dotenv.yml").read_text())
    first, second = jobs["assume-role"], jobs["publish"]
    sandbox.run("sh", "-e", "-c", *first["script"], env={"CI_JOB_ID": "7"}).ok()
    artifact = sandbox.work / first["artifacts"]["reports"]["dotenv"]
    variables = read_as_gitlab(artifact.read_text())
    (call,) = sandbox.run("sh", "-e", "-c", *second["script"], env=variables).ok().calls
    assert call.role == "publisher/gitlab-7"
