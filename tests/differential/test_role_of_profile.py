"""A role by its profile alone: STS is asked as botocore asks it for the same profile.

The same table of chains as for `--role-arn`, walked without one, and more rows for what a
profile says of its role. Two things differ, and on purpose: we always send how long, an hour
where nothing says so, which is what STS takes then; and a session without a name gets ours.
"""

import dataclasses
import os
from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import BotoCoreError

from aws_role_exec import assume
from aws_role_exec.errors import AwsRoleExecError
from aws_role_exec.identity import mfa
from aws_role_exec.messages import keep_quiet
from aws_role_exec.request import options, request
from aws_role_exec.trail import Trail
from differential.test_profile_chains import (
    CHAINS,
    TOKEN,
    Chain,
    Services,
    in_words,
    keys,
    lay_out,
    role,
    services,  # noqa: F401 - a fixture
)
from differential.test_same_as_botocore import Asked, Outcome, watch
from differential.worlds import World

DEVICE = "arn:aws:iam::123456789012:mfa/alice"
CODE = "137246"
SETTINGS = {
    "all that a profile may say of its role": Chain(
        {
            "dev": role(
                "a",
                "b",
                "role_session_name = me\nexternal_id = theirs\nduration_seconds = 7200\n"
                f"mfa_serial = {DEVICE}\n",
            ),
            "b": keys("B"),
        },
        ("AKIAB asks for a",),
    ),
    "settings that are empty": Chain(
        {"dev": role("a", "b", "role_session_name =\nduration_seconds =\n"), "b": keys("B")},
        ("AKIAB asks for a",),
    ),
    "a device of the role before": Chain(
        {"dev": role("a", "b"), "b": role("b", "c", f"mfa_serial = {DEVICE}\n"), "c": keys("C")},
        ("AKIAC asks for b", "b asks for a"),
    ),
    "settings of the role before, which are not this one's": Chain(
        {
            "dev": role("a", "b"),
            "b": role("b", "c", "external_id = theirs\nduration_seconds = 1200\n"),
            "c": keys("C"),
        },
        ("AKIAC asks for b", "b asks for a"),
    ),
    "a token file, to which botocore tells neither external ID nor device": Chain(
        {"dev": role("a", more=f"{TOKEN}external_id = theirs\nmfa_serial = {DEVICE}\n")},
        ("a token asks for a",),
    ),
    "a token file with a session name": Chain(
        {"dev": role("a", more=f"{TOKEN}role_session_name = me\n")}, ("a token asks for a",)
    ),
}
ROLES = {
    **{name: chain for name, chain in CHAINS.items() if chain.asked},
    **SETTINGS,
}
FAULTS = {
    name: chain
    for name, chain in CHAINS.items()
    if chain.error and "role_arn" in chain.profiles.get("dev", "")
}


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    services: Services,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """The chain that the test is given, with its files and variables in place."""
    found = lay_out(request.param, tmp_path, services)
    for name in list(os.environ):
        if name.startswith(("AWS_", "HOME", "REQUESTS_")):
            monkeypatch.delenv(name)
    for name, value in found.environ.items():
        monkeypatch.setenv(name, value)
    cache = str(tmp_path / ".aws/sso/cache")
    for reader in ("botocore.credentials.SSOProvider", "botocore.tokens.SSOTokenProvider"):
        monkeypatch.setattr(f"{reader}._SSO_TOKEN_CACHE_DIR", cache)
    monkeypatch.setattr(mfa, "is_there", lambda: True)
    monkeypatch.setattr(mfa, "ask_mfa_code", lambda _prompt: CODE)
    return found


def ours(world: World) -> Outcome:
    asked: list[Asked] = []
    with pytest.MonkeyPatch.context() as patch:
        watch(patch, asked)
        try:
            given = options.read(["--profile", "dev", "--", "true"], world.environ)
            assert given is not None
            made = request.make(given, world.environ)
            assume.obtain(made, world.environ, keep_quiet, Trail())
        except AwsRoleExecError as error:
            return Outcome(asked, str(error))
    return Outcome(asked, None)


def botocores() -> Outcome:
    """What botocore's own session asks for the same profile, in the region that we take."""
    asked: list[Asked] = []
    with pytest.MonkeyPatch.context() as patch:
        watch(patch, asked)
        try:
            session = botocore.session.Session(profile="dev")
            session.set_config_variable("region", "us-east-1")
            resolver = session.get_component("credential_provider")
            resolver.get_provider("assume-role")._prompter = lambda _prompt: CODE
            found = session.get_credentials()
            assert found is not None
            found.get_frozen_credentials()
        except (BotoCoreError, OSError) as error:
            return Outcome(asked, str(error))
    return Outcome(asked, None)


def with_default_duration(outcome: Outcome) -> Outcome:
    """The same, with what STS takes where the last role is not told how long."""
    *before, last = outcome.asked
    parameters = {"DurationSeconds": "3600", **dict(last.parameters)}
    told = dataclasses.replace(last, parameters=tuple(sorted(parameters.items())))
    return Outcome([*before, told], outcome.error)


@pytest.mark.parametrize("world", ROLES.values(), ids=list(ROLES), indirect=True)
def test_asks_for_the_profiles_role_as_botocore_does(
    world: World, request: pytest.FixtureRequest
) -> None:
    chain = ROLES[request.node.callspec.id]
    we, they = ours(world), botocores()
    assert (we.error, in_words(we.asked)) == (None, list(chain.asked))
    assert we == with_default_duration(they)


@pytest.mark.parametrize("world", FAULTS.values(), ids=list(FAULTS), indirect=True)
def test_says_what_is_wrong_with_the_profile_and_asks_nobody(world: World) -> None:
    we, they = ours(world), botocores()
    assert we.error is not None
    assert we.asked == []
    assert they.error is not None
