"""A job array starts at once: everybody gets keys from a service that is limited."""

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from aws_role_exec.identity import container, instance
from aws_role_exec.identity.base import Surroundings
from servers.metadata import CONTAINER, Busy, ContainerCredentials, InstanceMetadata
from unit.identity.conftest import Surround

STARTS = 200
PER_SECOND = 30
# It takes 21 s, of the 30 that --sts-timeout has by default; a loaded machine gets more.
SECONDS = 60


def start(find: Callable[[], object]) -> list[object]:
    """Have so many look at once; what each found, None for those that did not."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(find())
        except TimeoutError:
            found.append(None)

    threads = [threading.Thread(target=run) for _ in range(STARTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def instance_environment(server: Busy) -> dict[str, str]:
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url, "AWS_METADATA_SERVICE_TIMEOUT": "5"}


def container_environment(server: Busy) -> dict[str, str]:
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url}


@pytest.mark.parametrize(
    ("make", "environment", "find", "requests"),
    [
        (InstanceMetadata, instance_environment, instance.find, 3),
        (ContainerCredentials, container_environment, container.find, 1),
    ],
)
def test_200_starts_at_30_requests_a_second_all_get_keys(
    surround: Surround,
    make: type[Busy],
    environment: Callable[[Busy], dict[str, str]],
    find: Callable[[Surroundings], object],
    requests: int,
) -> None:
    """Within --sts-timeout, and not by asking without pause: few are refused for each answer."""
    with make() as server:
        server.limit_per_second = PER_SECOND
        environ = environment(server)
        found = start(lambda: find(surround(environ, seconds=SECONDS)))
    assert [base for base in found if base is None] == []
    assert len(found) == STARTS
    assert server.refused < 8 * STARTS * requests


_PROGRAM = """
import os
from aws_role_exec.configuration import settings
from aws_role_exec.identity import container
from aws_role_exec.identity.base import Surroundings
from aws_role_exec.messages import keep_quiet
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.wire import Wire

environ = dict(os.environ)
wire = Wire(environ, None, Deadline(60), keep_quiet)
loaded = settings.load(environ, None)
found = container.find(Surroundings(environ, loaded, "eu-west-1", wire, keep_quiet))
print(found.keys.access_key_id)
"""


def test_processes_of_their_own_all_get_keys(surround: Surround) -> None:
    """As threads share nothing that matters, neither do processes."""
    with ContainerCredentials() as server:
        server.limit_per_second = 3
        environ = surround(container_environment(server)).environ
        started = [
            subprocess.Popen([sys.executable, "-c", _PROGRAM], env=environ, stdout=subprocess.PIPE)
            for _ in range(12)
        ]
        printed = [process.communicate()[0].decode().strip() for process in started]
    assert printed == [CONTAINER.access_key] * 12
