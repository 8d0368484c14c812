"""A bad value of an option for printing is one line, perhaps a hint, exit 2, and no request."""

import os
from pathlib import Path

import pytest

from runner import Runner
from servers.sts import Sts

FILE = ("--output", "creds")
INI = ("--format", "credentials-file", *FILE)

BAD = {
    "format": [
        ["--format", "bash"],
        ["--format", ""],
        ["--format", "ENV"],
        ["--format", "x" * 500],
        ["--format", "a\nb"],
    ],
    "owner": [
        [*FILE, "--owner", ""],
        [*FILE, "--owner", "no-such-user"],
        [*FILE, "--owner", "0:no-such-group"],
        [*FILE, "--owner", ":0"],
        [*FILE, "--owner", "0:0:0"],
        [*FILE, "--owner", "4294967295"],
        [*FILE, "--owner", "-1"],
        [*FILE, "--owner", "12345:"],
        ["--owner", "0"],
        ["--output", "-", "--owner", "0"],
        ["--output", "/dev/null", "--owner", "0"],
    ],
    "mode": [
        [*FILE, "--mode", ""],
        [*FILE, "--mode", "644"],
        [*FILE, "--mode", "0660"],
        [*FILE, "--mode", "4600"],
        [*FILE, "--mode", "u=r"],
        [*FILE, "--mode", "999"],
        ["--mode", "0600"],
        ["--output", "/dev/stdout", "--mode", "0600"],
    ],
    "profile-name": [
        [*INI, "--profile-name", ""],
        [*INI, "--profile-name", "a]b"],
        [*INI, "--profile-name", "a b"],
        [*INI, "--profile-name", "a\nb"],
        [*INI, "--profile-name", "x" * 200],
        ["--profile-name", "x"],
        ["--format", "json", "--profile-name", "x"],
    ],
    "unset": [
        ["--unset", "--format", "json"],
        ["--unset", "--format", "dotenv"],
        ["--unset", "--format", "github"],
        ["--unset", "--format", "credentials-file", *FILE],
        ["--unset", "--", "true"],
        ["--unset", "--format", "bash"],
        ["--unset", "--output", ""],
        ["--unset", "--owner", "0"],
    ],
    "command": [
        ["--owner", "0", "--", "true"],
        ["--mode", "0600", "--", "true"],
        ["--profile-name", "x", "--", "true"],
    ],
    "github": [
        ["--format", "github", *FILE],
        ["--format", "github", "--owner", "0"],
        ["--format", "github", "--mode", "0600"],
    ],
}
CASES = [(option, arguments) for option, lists in BAD.items() for arguments in lists]


@pytest.mark.parametrize(
    "arguments", [case for _, case in CASES], ids=lambda words: " ".join(map(repr, words))[:60]
)
def test_is_refused(run: Runner, sts: Sts, tmp_path: Path, arguments: list[str]) -> None:
    github_env = tmp_path / "env"
    github_env.touch()
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_ENV": str(github_env)}
    failure = run.assume(*arguments, env=actions).failure(2)
    assert len(failure.line) < 400
    assert not sts.asked
    assert os.listdir(run.cwd) == []
    assert github_env.read_text() == ""


DEFAULTS = {
    "AWS_ROLE_EXEC_OWNER": "nobody-at-all",
    "AWS_ROLE_EXEC_MODE": "0777",
    "AWS_ROLE_EXEC_PROFILE_NAME": "a]b",
}


@pytest.mark.parametrize("arguments", [["--", "true"], [], ["--format", "json"], ["--unset"]])
def test_defaults_from_the_environment_are_for_runs_that_use_them(
    run: Runner, arguments: list[str]
) -> None:
    """A site sets them for its prolog; other runs do not stumble over them."""
    run.assume(*arguments, env=DEFAULTS).ok()


def test_unset_as_a_default_is_not_for_commands(run: Runner, sts: Sts) -> None:
    """As with every default that is about printing."""
    run.assume("--", "true", env={"AWS_ROLE_EXEC_UNSET": "1"}).ok()
    assert len(sts.asked) == 1
    assert run(env={"AWS_ROLE_EXEC_UNSET": "1"}).ok().out.startswith("unset ")


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_bad_default_is_called_by_its_variable(run: Runner, sts: Sts, name: str) -> None:
    """The line says where the value came from."""
    failure = run.assume(*INI, env={name: DEFAULTS[name]}).failure(2)
    assert name in failure.line
    assert not sts.asked


def test_the_section_has_the_name_asked_for(run: Runner, sts: Sts) -> None:
    """`--profile-name job`, read by botocore."""
    run.assume(*INI, "--profile-name", "job@site/1").ok()
    assert (run.cwd / "creds").read_text().startswith("[job@site/1]\naws_access_key_id = ASIA")
    import botocore.configloader

    sections = botocore.configloader.raw_config_parse(str(run.cwd / "creds"))
    assert sections["job@site/1"]["aws_session_token"] == sts.issued[0].token
