"""A job array starts at once: everybody gets keys from a service that is limited."""

import heapq
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from aws_role_exec.identity import container, instance
from aws_role_exec.identity.base import Surroundings
from aws_role_exec.network import deadline, patience
from servers.metadata import CONTAINER, Busy, ContainerCredentials, InstanceMetadata
from unit.identity.conftest import Surround

STARTS = 200
PER_SECOND = 30
SECONDS = 30  # the default of --sts-timeout; the requests that are needed take 20 of them


class Simulated:
    """Time in which waiting takes as long as it takes, and nothing else takes any.

    One thread runs at a time. As it sleeps or ends, the one runs that is to wake first. It's
    the module `time` to what is tested, so that no machine is too slow for it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = 0.0
        self._sleeping: list[tuple[float, int, threading.Event]] = []
        self._number = itertools.count()
        for module in (deadline, patience):
            monkeypatch.setattr(module, "time", self)

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        turn = self._be_woken_in(seconds)
        self._wake_the_first()
        turn.wait()

    def run(self, count: int, work: Callable[[], None]) -> None:
        """Do the work in so many threads that start at once; return when all have ended."""

        def take_turn(turn: threading.Event) -> None:
            turn.wait()
            try:
                work()
            finally:
                self._wake_the_first()

        turns = [self._be_woken_in(0) for _ in range(count)]
        threads = [threading.Thread(target=take_turn, args=(turn,)) for turn in turns]
        for thread in threads:
            thread.start()
        self._wake_the_first()
        for thread in threads:
            thread.join()

    def _be_woken_in(self, seconds: float) -> threading.Event:
        turn = threading.Event()
        heapq.heappush(self._sleeping, (self._now + seconds, next(self._number), turn))
        return turn

    def _wake_the_first(self) -> None:
        if self._sleeping:
            self._now, _, turn = heapq.heappop(self._sleeping)
            turn.set()


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Simulated:
    return Simulated(monkeypatch)


def instance_environment(server: Busy) -> dict[str, str]:
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url, "AWS_METADATA_SERVICE_TIMEOUT": "60"}


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
    simulated: Simulated,
    surround: Surround,
    make: type[Busy],
    environment: Callable[[Busy], dict[str, str]],
    find: Callable[[Surroundings], object],
    requests: int,
) -> None:
    """Within --sts-timeout, and not by asking without pause: few are refused for each answer."""
    found: list[object] = []
    with make() as server:
        server.clock, server.limit_per_second = simulated.monotonic, PER_SECOND
        environ = environment(server)
        simulated.run(STARTS, lambda: found.append(find(surround(environ, seconds=SECONDS))))
    assert len(found) == STARTS
    assert None not in found
    assert server.refused < 4 * STARTS * requests


_PROGRAM = """
import os
from aws_role_exec.configuration import settings
from aws_role_exec.identity import container
from aws_role_exec.identity.base import Surroundings
from aws_role_exec.messages import keep_quiet
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.wire import Wire

environ = dict(os.environ)
wire = Wire(environ, None, Deadline(600), keep_quiet)
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
