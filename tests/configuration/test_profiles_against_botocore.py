"""A profile gives this program the identity that it gives botocore: random files, both chains."""

import itertools
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.credentials
import botocore.session
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from aws_role_exec.configuration.settings import load
from aws_role_exec.errors import AwsRoleExecError, Doubt
from aws_role_exec.identity import environment, profile, token_file
from aws_role_exec.identity.base import Base, Surroundings
from aws_role_exec.messages import keep_quiet
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.wire import Wire

FAULT, NOTHING, LEFT = "a fault", "nothing", "left to botocore"
TOKEN = "header.claims.signature"
NAMES = ("default", "a", "b", "c")

# --- environments and files ------------------------------------------------------------------


def pairs(**values: tuple[str, ...]) -> st.SearchStrategy[dict[str, str]]:
    """Some of these settings, each with one of its values."""
    return st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in values.items()})


roles = pairs(
    role_arn=("arn:aws:iam::123456789012:role/x", "arn:aws:iam::123456789012:role/y"),
    source_profile=(*NAMES, *NAMES, "nosuch", ""),
)
sourced = pairs(
    role_arn=("arn:aws:iam::123456789012:role/z",),
    credential_source=("Environment", "Environment", "environment", "EcsContainer", ""),
    external_id=("theirs", ""),
    mfa_serial=("arn:aws:iam::123456789012:mfa/me",),
    role_session_name=("me", ""),
    duration_seconds=("3600", "1_000", "an hour", ""),
)
keys = pairs(
    aws_access_key_id=("AKIA1", "AKIA2"),
    aws_secret_access_key=("one", "two"),
    aws_session_token=("three", ""),
    aws_security_token=("four",),
)
whole = st.fixed_dictionaries(
    {"aws_access_key_id": st.just("AKIA3"), "aws_secret_access_key": st.just("five")}
)
others = pairs(
    web_identity_token_file=("{folder}/token", "{folder}/missing", ""),
    credential_process=("/bin/cat {folder}/keys.json", "/bin/false", ""),
    sso_account_id=("123456789012",),
    login_session=("arn:aws:iam::123456789012:user/me",),
    region=("eu-west-1",),
)
nothing: st.SearchStrategy[dict[str, str]] = st.just({})
section = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    st.one_of(roles, roles, nothing),
    st.one_of(sourced, nothing, nothing),
    st.one_of(keys, whole, nothing, nothing),
    st.one_of(others, nothing, nothing, nothing),
)


def link(names: list[str], length: int, base: dict[str, str]) -> dict[str, dict[str, str]]:
    """Profiles of which each is a role that the next one assumes, the last one with the base."""
    chain = names[: length + 1]
    linked = {
        name: {"role_arn": f"arn:aws:iam::123456789012:role/{name}", "source_profile": following}
        for name, following in itertools.pairwise(chain)
    }
    return {**linked, chain[-1]: base}


base = st.one_of(whole, others, sourced, keys)
linked = st.builds(link, st.permutations(NAMES), st.integers(1, 3), base)
sections = st.one_of(st.dictionaries(st.sampled_from(NAMES), section, min_size=1), linked)
variables = pairs(
    AWS_ACCESS_KEY_ID=("AKIAENV", ""),
    AWS_SECRET_ACCESS_KEY=("six", "six", ""),
    AWS_SESSION_TOKEN=("seven", ""),
    AWS_WEB_IDENTITY_TOKEN_FILE=("{folder}/token", ""),
    AWS_ROLE_ARN=("arn:aws:iam::123456789012:role/variable",),
    AWS_ROLE_SESSION_NAME=("variable",),
)
no_variables: st.SearchStrategy[dict[str, str]] = st.just({})


# --- the two chains --------------------------------------------------------------------------


def roles_of_ours(base: Base) -> list[Any]:
    return [
        (
            hop.role_arn,
            "" if hop.session_name.startswith("botocore-session-") else hop.session_name,
            hop.duration_seconds,
            hop.external_id,
            hop.mfa_serial,
            hop.token,
        )
        for hop in base.hops
    ]


def ask_us(environ: Mapping[str, str], name: str | None) -> Any:
    """Return keys and roles, as the first sources of the chain have them."""
    found = load(environ, name)
    wire = Wire(environ, None, Deadline(30), keep_quiet)
    surroundings = Surroundings(environ, found, "eu-west-1", wire, keep_quiet)
    sources: list[Callable[[Surroundings], Base | None]] = [profile.find, token_file.find]
    if not found.is_named_by_option:
        sources.insert(0, environment.find)
    try:
        for source in sources:
            base = source(surroundings)
            if base is not None:
                asked = base.keys and (
                    base.keys.access_key_id,
                    base.keys.secret_access_key,
                    base.keys.session_token,
                )
                return asked, roles_of_ours(base)
    except Doubt:
        return LEFT
    except AwsRoleExecError:
        return FAULT
    return NOTHING


def ask_botocore(name: str | None) -> Any:
    """Return the same of botocore's chain, up to where files and profiles end."""
    session = botocore.session.Session(profile=name, include_builtin_handlers=False)
    resolver: Any = session.get_component("credential_provider")
    try:
        for provider in resolver.providers:
            if provider.METHOD == "ec2-credentials-file":
                return NOTHING
            found = provider.load()
            if found is not None:
                return read_credentials(found)
    except Exception:  # whatever it is: botocore asks nobody then
        return FAULT
    raise AssertionError("the chain has no end")


def read_credentials(found: Any) -> Any:
    """Return keys and roles of credentials that botocore would only fetch when they are used."""
    kinds: Any = botocore.credentials
    if not isinstance(found, kinds.DeferredRefreshableCredentials):
        frozen = found.get_frozen_credentials()
        return (frozen.access_key, frozen.secret_key, frozen.token or ""), []
    refresh: Any = getattr(found._refresh_using, "_refresh", found._refresh_using)
    fetcher = refresh.__self__
    if isinstance(fetcher, kinds.SSOCredentialFetcher):
        return FAULT  # nobody is logged in
    told = fetcher._assume_kwargs
    session = told["RoleSessionName"]
    role = (
        told["RoleArn"],
        "" if session.startswith("botocore-session-") else session,
        told.get("DurationSeconds"),
        told.get("ExternalId"),
        told.get("SerialNumber"),
    )
    if isinstance(fetcher, kinds.AssumeRoleWithWebIdentityCredentialFetcher):
        return None, [(*role, fetcher._web_identity_token_loader())]
    source = read_credentials(fetcher._source_credentials)
    return source if source == FAULT else (source[0], [*source[1], (*role, None)])


# --- held against each other -----------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aws")
    (folder / "token").write_text(TOKEN)
    printed = {"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": "eight"}
    (folder / "keys.json").write_text(json.dumps(printed))
    return folder


def write(path: Path, content: Mapping[str, Mapping[str, str]], beginning: str) -> None:
    lines = []
    for name, pairs_of_it in content.items():
        lines.append(f"[{name if name == 'default' else beginning + name}]")
        lines += [
            f"{key} = {value.format(folder=path.parent)}" for key, value in pairs_of_it.items()
        ]
    path.write_text("\n".join(lines) + "\n")


outcomes: dict[str, int] = {}


@seed(12)
@settings(max_examples=800, database=None, suppress_health_check=list(HealthCheck))
@given(
    sections,
    st.one_of(sections, st.just({})),
    st.one_of(variables, no_variables),
    st.sampled_from(("", "option", "variable")),
    st.sampled_from(NAMES),
)
def check_one(
    folder: Path,
    config: Mapping[str, Mapping[str, str]],
    credentials: Mapping[str, Mapping[str, str]],
    more: Mapping[str, str],
    named_by: str,
    name: str,
) -> None:
    write(folder / "config", config, "profile ")
    write(folder / "credentials", credentials, "")
    environ = {
        "HOME": str(folder),
        "PATH": os.defpath,
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        **{key: value.format(folder=folder) for key, value in more.items()},
    }
    if name not in {**config, **credentials}:
        named_by = ""
    if named_by == "variable":
        environ["AWS_PROFILE"] = name
    option = name if named_by == "option" else None
    with mock.patch.dict(os.environ, environ, clear=True):
        ours, theirs = ask_us(environ, option), ask_botocore(option)
    if ours == LEFT:
        theirs = LEFT
    elif theirs == NOTHING and option is not None:
        theirs = FAULT  # ours alone: who names a profile on purpose never gets the node's role
    assert ours == theirs
    kind = ours if isinstance(ours, str) else f"{len(ours[1])} roles"
    outcomes[kind] = outcomes.get(kind, 0) + 1


@pytest.mark.timeout(600)
def test_a_profile_is_the_identity_that_it_is_to_botocore(folder: Path) -> None:
    """Keys, roles in order and what each is told; and an error where botocore has one."""
    check_one(folder)
    for kind in (FAULT, NOTHING, LEFT, "0 roles", "1 roles", "2 roles"):
        assert outcomes.get(kind, 0) >= 5, outcomes
