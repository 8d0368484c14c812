"""In random surroundings we ask STS as botocore's full client would, or fail where it fails.

What is compared is every request that goes to STS: the address, the region it is signed for, the
key that signs it, its session token and its parameters. The long form is
`pytest tests/differential --worlds 20000`.
"""

import os
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.awsrequest
import botocore.config
import botocore.session
import pytest
from botocore.httpsession import URLLib3Session

from aws_role_exec import assume
from aws_role_exec.errors import AwsRoleExecError
from aws_role_exec.messages import keep_quiet
from aws_role_exec.network.exchange import Answer
from aws_role_exec.network.wire import Wire
from aws_role_exec.request import options, request
from aws_role_exec.trail import Trail
from differential import worlds
from servers.metadata import ContainerCredentials, InstanceMetadata

ROLE = "arn:aws:iam::123456789012:role/reader"
WORLDS_A_TEST = 25
LOADER = botocore.session.Session().get_component("data_loader")


@dataclass(frozen=True)
class Asked:
    """One request to STS, without what is random in it."""

    url: str
    region: str
    access_key_id: str
    session_token: str
    parameters: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str], body: str) -> "Asked":
        authorization = headers.get("authorization", "")
        scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
        parameters = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        if parameters.get("RoleSessionName", "").startswith(("botocore-session-", "aws-role-exec")):
            parameters["RoleSessionName"] = "made up"
        if "WebIdentityToken" in parameters:  # ours goes without blanks around it
            parameters["WebIdentityToken"] = parameters["WebIdentityToken"].strip()
        return cls(
            url.rstrip("/").lower().removesuffix(":443"),
            scope[2] if len(scope) > 2 else "",
            scope[0],
            headers.get("x-amz-security-token", ""),
            tuple(sorted(parameters.items())),
        )


def answer(parameters: Mapping[str, str]) -> bytes:
    """What STS says to a role: a key that tells by whom it was asked for."""
    action = parameters.get("Action", "")
    number = sum(parameters.get("RoleArn", "").encode()) % 1000
    arn = "arn:aws:sts::123456789012:assumed-role/r/n"
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
        f"<AssumedRoleUser><AssumedRoleId>A:n</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>ASIAROLE{number:03}EXAMPLE00</AccessKeyId>"
        "<SecretAccessKey>RoleSecret</SecretAccessKey><SessionToken>RoleToken</SessionToken>"
        f"<Expiration>2036-03-21T20:00:00Z</Expiration></Credentials></{action}Result>"
        f"</{action}Response>"
    ).encode()


@dataclass
class Outcome:
    """What was asked of STS, and whether it ended in an error."""

    asked: list[Asked]
    error: str | None


def watch(patch: pytest.MonkeyPatch, asked: list[Asked]) -> None:
    """Note every request to STS, whoever makes it, and answer in its place."""
    wire_send, session_send = Wire.send, URLLib3Session.send

    def by_wire(wire: Wire, method: str, url: str, headers: Any, body: bytes, **more: Any) -> Any:
        if b"Version=2011-06-15" not in body:
            return wire_send(wire, method, url, headers, body, **more)
        asked.append(Asked.of(url, headers, body.decode("ascii")))
        return Answer(200, {}, answer(dict(asked[-1].parameters)))

    def by_botocore(session: Any, request: Any) -> Any:
        body = request.body or b""
        body = body.decode() if isinstance(body, bytes) else body
        if "Version=2011-06-15" not in body:
            return session_send(session, request)
        headers = {}
        for name, value in request.headers.items():
            headers[name.lower()] = value.decode() if isinstance(value, bytes) else value
        asked.append(Asked.of(request.url, headers, body))
        content = answer(dict(asked[-1].parameters))
        raw = type("Raw", (), {"stream": lambda *_, **__: iter([content])})
        return botocore.awsrequest.AWSResponse(request.url, 200, {}, raw())

    patch.setattr(Wire, "send", by_wire)
    patch.setattr(URLLib3Session, "send", by_botocore)


def ours(world: worlds.World) -> tuple[Outcome, str | None]:
    """Walk our road; also the region that it took."""
    words = ["--role-arn", ROLE, "--sts-timeout", "30s", "--session-name", "aws-role-exec-x"]
    if world.profile is not None:
        words += ["--profile", world.profile]
    region = None
    with pytest.MonkeyPatch.context() as patch:
        asked: list[Asked] = []
        watch(patch, asked)
        try:
            given = options.read([*words, "--", "true"], world.environ)
            assert given is not None
            made = request.make(given, world.environ)
            region = made.region
            assume.obtain(made, world.environ, keep_quiet, Trail())
        except AwsRoleExecError as error:
            return Outcome(asked, str(error)), region
    return Outcome(asked, None), region


def botocores(world: worlds.World, region: str) -> Outcome:
    """Have botocore's full client assume the role in the same surroundings."""
    with pytest.MonkeyPatch.context() as patch:
        asked: list[Asked] = []
        watch(patch, asked)
        try:
            session = botocore.session.Session(profile=world.profile)
            session.register_component("data_loader", LOADER)
            session.set_config_variable("region", region)
            credentials = session.get_credentials()
            if credentials is None:
                return Outcome(asked, "none")
            frozen = credentials.get_frozen_credentials()
            client = session.create_client(
                "sts",
                aws_access_key_id=frozen.access_key,
                aws_secret_access_key=frozen.secret_key,
                aws_session_token=frozen.token,
                config=botocore.config.Config(retries={"total_max_attempts": 1}),
            )
            client.assume_role(
                RoleArn=ROLE, RoleSessionName="aws-role-exec-x", DurationSeconds=3600
            )
        except Exception as error:  # whatever it is, botocore gives no role here
            return Outcome(asked, f"{type(error).__name__}: {error}")
    return Outcome(asked, None)


# Where we differ on purpose. Each tells by what a world is recognised, and why.
EXCEPTIONS = {
    "a variable that is empty counts as unset": (
        lambda world, we, they: (
            "empty or whitespace-only" in (they.error or "")
            or "invalid defaults mode: ." in (they.error or "")
            or "The config profile ()" in (they.error or "")
            or (world.environ.get("AWS_ROLE_ARN") == "" and "no role ARN" in (they.error or ""))
        )
    ),
    "a byte order mark is no part of a file": (
        lambda world, we, they: world.has_bom and "ConfigParseError" in (they.error or "")
    ),
    "how often botocore would try is nothing to us": (
        lambda world, we, they: (
            "Retry" in (they.error or "") or "max_attempts" in (they.error or "")
        )
    ),
    "a profile that was named yields its identity or none, never the machine's": (
        lambda world, we, they: (
            we.error is not None
            and (
                world.profile
                or world.environ.get("AWS_PROFILE")
                or world.environ.get("AWS_DEFAULT_PROFILE")
            )
            and they.error is None
        )
    ),
}


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[str, str]]:
    """An instance metadata service, and a container endpoint that wants no token."""
    with InstanceMetadata() as instance, ContainerCredentials() as container:
        yield instance.url, container.url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    count = int(os.environ.get("WORLDS", "1500"))
    if "first" in metafunc.fixturenames:
        metafunc.parametrize("first", range(0, count, WORLDS_A_TEST))


def test_asks_sts_as_botocore_does(
    first: int, services: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(first, first + WORLDS_A_TEST):
        home = tmp_path / str(seed)
        world = worlds.make(seed, home, instance=services[0], container=services[1])
        with monkeypatch.context() as patch:
            for name in list(os.environ):
                if name.startswith(("AWS_", "HOME", "REQUESTS_")):
                    patch.delenv(name)
            for name, value in world.environ.items():
                patch.setenv(name, value)
            we, region = ours(world)
            they = botocores(world, region or "us-east-1")
        if we == they or (we.error and they.error and not (we.asked and we.asked != they.asked)):
            continue
        named = [why for why, holds in EXCEPTIONS.items() if holds(world, we, they)]
        assert named, f"{world}\n--- ours\n{we}\n--- botocore's\n{they}"
