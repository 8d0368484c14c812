"""A default from the environment whose name is misspelt was no default, and nobody was told.

ahrefs/ocannl#629: of all places, the environment alone says nothing.
"""

import pytest

from runner import Runner
from servers.sts import Sts


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("AWS_ROLE_EXEC_DRYRUN", "AWS_ROLE_EXEC_DRY_RUN"),
        ("AWS_ROLE_EXEC_ROLE", "AWS_ROLE_EXEC_ROLE_ARN"),
        ("AWS_ROLE_EXEC_POLICY_ARNS", "AWS_ROLE_EXEC_POLICY_ARN"),
        ("AWS_ROLE_EXEC_SESSIONNAME", "AWS_ROLE_EXEC_SESSION_NAME"),
        ("AWS_ROLE_EXEC_TAGS", "AWS_ROLE_EXEC_TAG"),
        ("AWS_ROLE_EXEC_DEBUGGING", "AWS_ROLE_EXEC_DEBUG"),
        ("AWS_ROLE_EXEC_dry_run", "AWS_ROLE_EXEC_DRY_RUN"),
        ("AWS_ROLE_EXEC_", "AWS_ROLE_EXEC_"),
    ],
)
def test_is_refused_with_the_nearest_name(run: Runner, sts: Sts, name: str, nearest: str) -> None:
    """`AWS_ROLE_EXEC_DRYRUN=1` ran the command for real."""
    for words in (("--", "sh", "-c", "touch ran"), (), ("--unset",)):
        failure = run.assume(*words, env={name: "1"}).failure(2)
        assert f"{name}: " in failure.line
        assert nearest in (failure.hint or "")
    assert not sts.asked
    assert not list(run.cwd.iterdir())


def test_its_value_is_not_shown(run: Runner) -> None:
    """It may be a code, or a token."""
    failure = run.assume("--", "true", env={"AWS_ROLE_EXEC_MFACODE": "274991"}).failure(2)
    assert "274991" not in failure.text


@pytest.mark.parametrize(
    "env",
    [
        {"AWS_ROLE_EXEC_DRYRUN": ""},
        {"AWS_ROLE_EXEC_DEBUG": "0", "AWS_ROLE_EXEC_RELEASES": "x"},
        {"AWS_ROLE_EXECUTOR": "x", "MY_AWS_ROLE_EXEC_DRYRUN": "1"},
        {"_AWS_ROLE_EXEC_COMPLETE": ""},
    ],
)
def test_empty_and_known_ones_and_others_do_no_harm(run: Runner, env: dict[str, str]) -> None:
    run.assume("--", "true", env=env).ok()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_is_given_all_the_same(run: Runner, option: str) -> None:
    """Who misspells needs it."""
    run(option, env={"AWS_ROLE_EXEC_DRYRUN": "1"}).ok()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DURATION", "soon"),
        ("REGION", "Frankfurt"),
        ("SESSION_NAME", "a b"),
        ("POLICY", "{"),
        ("TAG", "nothing"),
        ("EXTERNAL_ID", "x"),
        ("STS_TIMEOUT", "never"),
        ("ROLE_ARN", "reader"),
        ("WEB_IDENTITY", "nowhere"),
        ("OUTPUT", "/nonexistent/creds"),
        ("FORMAT", "yaml"),
        ("MODE", "0777"),
        ("PROFILE", "nosuch"),
    ],
)
def test_a_wrong_value_is_told_by_its_variable(
    run: Runner, sts: Sts, name: str, value: str
) -> None:
    """No message begins with an option that nobody gave."""
    role = (
        {} if name == "ROLE_ARN" else {"AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/r"}
    )
    output = {"AWS_ROLE_EXEC_OUTPUT": "creds"} if name == "MODE" else {}
    failure = run(env={**role, **output, f"AWS_ROLE_EXEC_{name}": value}).failure(2)
    assert failure.line.startswith(f"aws-role-exec: AWS_ROLE_EXEC_{name}: ")
    assert not sts.asked
