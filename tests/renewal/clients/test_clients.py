"""Real clients work on under `--renew`, each with sessions that end long before they do."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from renewal.clients import page
from renewal.clients.clients import CLIENTS, Client
from renewal.clients.page import Outcome
from runner import ROLE, Runner, wait_for
from servers.bucket import Bucket
from servers.metadata import InstanceMetadata
from servers.proxy import Proxy
from servers.sts import Sts

EXPIRIES = 5
SESSION_SECONDS = 9
LIMIT_SECONDS = 400  # of what takes 60; only a client that goes on forever meets it

_FOREIGN_KEYS = """\
[default]
aws_access_key_id = AKIAFOREIGNEXAMPLE00
aws_secret_access_key = ForeignSecret/wJalrXUtnFEMI
"""
_FOREIGN_SETTINGS = """\
[default]
region = eu-west-1
role_arn = arn:aws:iam::123456789012:role/foreign
credential_source = Ec2InstanceMetadata
"""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Where requests go that nothing keeps from it."""
    with Proxy(None) as server:
        yield server


@pytest.fixture
def imds() -> Iterator[InstanceMetadata]:
    """The machine's instance metadata, which has a role for whoever asks."""
    with InstanceMetadata() as server:
        yield server


@pytest.fixture
def bucket(sts: Sts) -> Iterator[Bucket]:
    sts.session_seconds = SESSION_SECONDS
    with Bucket(sts, EXPIRIES) as server:
        yield server


@pytest.fixture
def traps(
    run: Runner, sts: Sts, imds: InstanceMetadata, proxy: Proxy
) -> dict[str, str | bytes | None]:
    """What makes a client take another identity, or send keys elsewhere, and where to put files.

    STS goes by another name than the other servers, so that only what the command is given keeps
    its requests from the proxy.
    """
    (run.home / ".aws").mkdir()
    (run.home / ".aws/credentials").write_text(_FOREIGN_KEYS)
    (run.home / ".aws/config").write_text(_FOREIGN_SETTINGS)
    return {
        "AWS_ENDPOINT_URL_STS": f"http://localhost:{sts.port}",
        "AWS_EC2_METADATA_DISABLED": None,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": imds.url,
        **dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), proxy.url),
        "no_proxy": "localhost",
        "XDG_RUNTIME_DIR": str(run.tmp),  # where helpers leave nothing
        "TMPDIR": str(run.cwd),  # where clients may leave what they like
    }


@dataclass(frozen=True)
class Running:
    """A client at work, and where it writes."""

    client: Client
    process: subprocess.Popen[bytes]
    output: Path


@pytest.fixture
def running(
    run: Runner, traps: dict[str, str | bytes | None], bucket: Bucket, clients_page: Path | None
) -> Iterator[list[Running]]:
    """All clients that are to run, side by side, each with a helper of its own."""
    clients = [one for one in CLIENTS if one.is_in_every_run or one.is_there or clients_page]
    missing = [client.title for client in clients if not client.is_there]
    if missing:
        pytest.skip(f"SKIPPED: `make test` and `make clients` install {', '.join(missing)}")
    started = []
    with contextlib.ExitStack() as ends:
        for client in clients:
            output = run.cwd / f"{client.name}.out"
            file = ends.enter_context(output.open("wb"))
            options = ["--renew", "--role-arn", ROLE, "--session-name", client.name, "--"]
            words = [*options, *client.start(bucket.url)]
            process = run.start(*words, env=traps, stdout=file, stderr=subprocess.STDOUT)
            started.append(Running(client, ends.enter_context(process), output))
        yield started
    wait_for(lambda: not list(run.tmp.iterdir()))  # the helpers end after the clients


def outcome(one: Running, bucket: Bucket) -> Outcome:
    """What the client did, as the server saw it."""
    requests = bucket.requests(one.client.name)
    arn = f"arn:aws:sts::123456789012:assumed-role/my-role/{one.client.name}"
    return Outcome(
        one.client,
        one.process.wait(),
        bucket.expired(one.client.name),
        access_keys=len({request.access_key for request in requests}),
        requests=len(requests),
        errors=len([request for request in requests if request.problem]),
        other_identities=len({request.access_key for request in requests if request.arn != arn}),
    )


@pytest.mark.timeout(LIMIT_SECONDS + 100)
def test_clients_work_on_while_sessions_end(
    running: list[Running],
    bucket: Bucket,
    imds: InstanceMetadata,
    proxy: Proxy,
    clients_page: Path | None,
    subtests: pytest.Subtests,
) -> None:
    """Without an error and under the role alone, whatever other identities lie about; nothing
    goes to the machine's instance metadata or through a proxy."""
    wait_for(lambda: all(one.process.poll() is not None for one in running), LIMIT_SECONDS)
    outcomes = [outcome(one, bucket) for one in running]
    if clients_page:
        clients_page.write_text(
            page.written(outcomes, expiries=EXPIRIES, session_seconds=SESSION_SECONDS)
        )
    for one, found in zip(running, outcomes, strict=True):
        with subtests.test(one.client.title):
            said = one.output.read_text(errors="backslashreplace")
            assert found.exit_code == 0, said
            refused = [request for request in bucket.requests(one.client.name) if request.problem]
            assert refused == []
            assert found.other_identities == 0
            assert found.expiries >= EXPIRIES
            assert "aws-role-exec:" not in said, "a renewal failed"
    assert imds.asked == []
    assert proxy.asked == []
