"""The prompts of examples/shell say how long the role in a shell still lasts."""

import datetime
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.sandbox import EXAMPLES, Sandbox
from servers.sts import ACCESS_DENIED, Sts

SHELL = EXAMPLES / "shell"
ASK = {
    "bash": f"PS1='$ '; . '{SHELL}/prompt.bash'; printf '%s' \"${{PS1@P}}\"",
    "zsh": f"PROMPT='> '; . '{SHELL}/prompt.zsh'; print -Pn -- \"$PROMPT\"",
    "fish": f"source '{SHELL}/prompt.fish'; fish_right_prompt",
    "sh": tomllib.loads((SHELL / "starship.toml").read_text())["custom"]["aws_role"]["command"],
}
BARE = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"], "sh": []}
REST = {"bash": "$ ", "zsh": "> ", "fish": "", "sh": ""}


@pytest.fixture
def sandbox(tmp_path: Path, program: list[str], sts: Sts) -> Sandbox:
    return Sandbox(tmp_path, program, sts)


def ahead(minutes: float) -> str:
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    return f"{end:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("shell", list(ASK))
class TestPrompt:
    def ask(
        self, sandbox: Sandbox, needs: Callable[..., str], shell: str, expiration: str | None
    ) -> str:
        env = {"AWS_CREDENTIAL_EXPIRATION": expiration, "TZ": "Asia/Tokyo"}
        return sandbox.run(needs(shell), *BARE[shell], "-c", ASK[shell], env=env).ok().output

    def test_has_the_minutes_that_are_left(
        self, sandbox: Sandbox, needs: Callable[..., str], shell: str
    ) -> None:
        """Wherever on earth the shell is."""
        shown = self.ask(sandbox, needs, shell, ahead(42.9))
        assert shown.startswith(("[role 42m]", "[role 41m]"))
        assert shown.strip().endswith(REST[shell].strip())

    def test_says_that_it_is_over(
        self, sandbox: Sandbox, needs: Callable[..., str], shell: str
    ) -> None:
        assert self.ask(sandbox, needs, shell, ahead(-1)).startswith("[role expired]")

    def test_is_the_users_own_without_a_role(
        self, sandbox: Sandbox, needs: Callable[..., str], shell: str
    ) -> None:
        """starship asks `when` first."""
        if shell == "sh":
            told = tomllib.loads((SHELL / "starship.toml").read_text())["custom"]["aws_role"]
            assert sandbox.run("sh", "-c", told["when"]).code == 1
        else:
            assert self.ask(sandbox, needs, shell, None) == REST[shell]


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
class TestBecome:
    def test_takes_the_role_of_a_profile_and_steps_back(
        self, sandbox: Sandbox, needs: Callable[..., str], shell: str
    ) -> None:
        script = f". '{SHELL}/profile.sh'; become admin && aws s3 ls; step_back; aws after"
        first, after = sandbox.run(needs(shell), "-c", script).ok().calls
        assert (first.role or "").startswith("admin/")
        assert after.role is None

    def test_leaves_the_shell_open_where_sts_refuses(
        self, sandbox: Sandbox, needs: Callable[..., str], shell: str
    ) -> None:
        sandbox.sts.always(ACCESS_DENIED)
        script = f". '{SHELL}/profile.sh'; become admin && aws s3 ls; echo still here"
        ran = sandbox.run(needs(shell), "-c", script).ok()
        assert ran.calls == []
        assert "still here" in ran.output
