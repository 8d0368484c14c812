"""What selects another identity stays beside the one handed over.

langfuse/langfuse#16310: a bearer token in the environment goes before the credentials meant.
OIDC tokens that a command could ask for the base role with: no public thread.
"""

import subprocess

import pytest

from runner import Runner
from servers.oidc import GitHubTokens

OTHERS = {
    "AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/x",
    "AWS_VAULT": "prod",
    "AWS_SECRET_KEY": "old",
}
TOKEN = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2lnbmF0dXJl"


def left_by_shell(text: str, names: list[str]) -> list[str]:
    """Which of these variables a POSIX shell still has after evaluating the text."""
    code = 'eval "$1" && env | sed -n "s/=.*//p" | sort'
    done = subprocess.run(
        ["sh", "-c", code, "sh", text],
        env={"PATH": "/usr/bin:/bin", **dict.fromkeys(names, "x")},
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in done.stdout.split() if name in names]


class TestFormats:
    @pytest.mark.parametrize("more", [(), ("--unset",)])
    def test_a_shell_that_evaluates_it_has_no_other_identity(
        self, run: Runner, more: tuple[str, ...]
    ) -> None:
        """Bearer tokens, container URIs and what aws-vault sets, none of which is in a list."""
        text = run.assume(*more, env=OTHERS).ok().out
        assert left_by_shell(text, [*OTHERS, "HOME"]) == ["HOME"]

    @pytest.mark.parametrize("name", ["fish", "csh", "powershell", "cmd", "slurm"])
    def test_each_format_for_shells_names_them(self, run: Runner, name: str) -> None:
        text = run.assume("--format", name, env=OTHERS).ok().out
        assert all(other in text for other in OTHERS)

    def test_our_own_defaults_stay(self, run: Runner) -> None:
        """`eval "$(aws-role-exec)"` again an hour later needs them."""
        text = run(env={"AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/r"}).ok().out
        assert "AWS_ROLE_EXEC" not in text

    def test_a_name_that_is_code_is_not_printed(self, run: Runner) -> None:
        """Any program may start us with such a variable."""
        text = run.assume(env={"AWS_VAULT;touch pwned;": "x", "AWS_VAULT$(id)": "x"}).ok().out
        assert "pwned" not in text
        assert "$(" not in text

    def test_nothing_is_taken_out_that_is_not_there(self, run: Runner) -> None:
        """The lines are exports alone, as ever."""
        lines = run.assume(env={"AWS_CA_BUNDLE": ""}).ok().out.splitlines()
        assert [line.split()[0] for line in lines] == ["export"] * 6


class TestWebIdentity:
    def test_the_variable_with_the_token_is_taken_from_the_command(self, run: Runner) -> None:
        """With it the command could take the base role again, without the session policy."""
        seen = run.become("--web-identity", "env:AWS_ID_TOKEN", env={"AWS_ID_TOKEN": TOKEN})
        assert "AWS_ID_TOKEN" not in seen.env
        seen = run.become("--web-identity", "env:CI_TOKEN", env={"CI_TOKEN": TOKEN, "CI": "1"})
        assert "CI_TOKEN" not in seen.env
        assert seen.env["CI"] == "1"

    def test_and_from_a_shell(self, run: Runner) -> None:
        text = run.assume("--web-identity", "env:CI_TOKEN", env={"CI_TOKEN": TOKEN}).ok().out
        assert left_by_shell(text, ["CI_TOKEN"]) == []

    def test_a_token_in_a_variable_that_is_not_asked_with_is_the_callers(self, run: Runner) -> None:
        seen = run.become(env={"CI_TOKEN": TOKEN, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": TOKEN})
        assert {"CI_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} <= seen.env.keys()


def test_github_right_to_ask_is_taken_from_the_command(run: Runner) -> None:
    """ACTIONS_ID_TOKEN_REQUEST_URL and _TOKEN get a token for any audience."""
    with GitHubTokens() as github:
        seen = run.become("--web-identity", "github", env=github.env)
        text = run.assume("--web-identity", "github", env=github.env).ok().out
        names = [*github.env]
    assert not [name for name in seen.env if name.startswith("ACTIONS_ID_TOKEN")]
    assert left_by_shell(text, names) == ["GITHUB_ACTIONS"]
