"""The small world that programs are measured in: AWS's names, trust, servers, and a long way.

All of it is in the mount and network namespaces of this process, which must be its own.
"""

import contextlib
import multiprocessing
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import stub
import trustme
from subjects import output

CERTIFICATES = "/etc/ssl/certs"
NAMES = (
    "sts.us-east-1.amazonaws.com",
    "sts.amazonaws.com",
    "portal.sso.us-east-1.amazonaws.com",
)
NEAR, FAR = "127.0.0.1", "10.9.0.2"
ROUND_TRIP_SECONDS = 0.080


class World:
    """What stands while programs are measured."""

    def __init__(self, place: Path) -> None:
        fork = multiprocessing.get_context("fork")
        self._hosts = place / "hosts"
        self._calls: Any = fork.Value("i", 0)
        self._waited: Any = fork.Value("d", 0.0)
        self._sts = stub.Sts(self._calls, self._waited)

    @property
    def calls(self) -> int:
        """How many calls the servers have had, but for GetCallerIdentity."""
        return int(self._calls.value)

    @property
    def waited_seconds(self) -> float:
        """How long clients that were throttled have waited before they asked again."""
        return float(self._waited.value)

    def lead_to(self, address: str) -> None:
        """Let AWS's names lead to an address: in place, since the file is mounted."""
        lines = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name in NAMES)
        self._hosts.write_text(lines)

    def serve(self, context: ssl.SSLContext) -> None:
        """Be STS; does not return."""
        self._sts.serve(context)


@contextlib.contextmanager
def world(place: Path) -> Iterator[World]:
    """Set it up, and end its servers afterwards."""
    output(["ip", "link", "set", "lo", "up"])
    for host, _ in (stub.INSTANCE, stub.CONTAINER):
        output(["ip", "address", "add", f"{host}/32", "dev", "lo"])
    authority = trustme.CA()
    _trust(place, authority)
    here = World(place)
    here.lead_to(NEAR)
    output(["mount", "--bind", str(place / "hosts"), "/etc/hosts"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES).configure_cert(context)
    fork = multiprocessing.get_context("fork")
    servers = [
        fork.Process(target=here.serve, args=(context,), daemon=True),
        fork.Process(target=stub.serve_metadata, daemon=True),
        fork.Process(target=stub.serve_proxy, daemon=True),
    ]
    for server in servers:
        server.start()
    one_way = str(round(ROUND_TRIP_SECONDS / 2 * 1e6))
    way = subprocess.Popen([str(place / "roundtrip"), one_way], stdout=subprocess.PIPE)
    try:
        if way.stdout is None or not way.stdout.readline():
            raise RuntimeError("no TUN device: is there a /dev/net/tun?")
        for address in ((NEAR, 443), (FAR, 443), stub.INSTANCE, stub.CONTAINER, stub.PROXY):
            _await_server(address)
        _check_round_trip()
        yield here
    finally:
        way.kill()
        way.wait()
        for server in servers:
            server.kill()


def _trust(place: Path, authority: trustme.CA) -> None:
    """Add an authority to the system's, and leave it alone in a file, too."""
    trusted = place / "certs"
    shutil.copytree(CERTIFICATES, trusted, symlinks=True)
    authority.cert_pem.write_to_path(str(trusted / "bench.pem"))
    authority.cert_pem.write_to_path(str(place / "homes" / "one.pem"))
    bundle = trusted / "ca-certificates.crt"
    text = bundle.read_bytes() + authority.cert_pem.bytes()
    bundle.unlink()
    bundle.write_bytes(text)
    output(["openssl", "rehash", str(trusted)])
    output(["mount", "--bind", str(trusted), CERTIFICATES])


def _await_server(address: tuple[str, int]) -> None:
    """Return when somebody listens there."""
    for _ in range(500):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(address):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nobody listens at {address}")


def _check_round_trip() -> None:
    """See that the long way is as long as it is said to be: connecting takes one round trip."""
    least = 1.0
    for _ in range(10):
        began = time.monotonic()
        with socket.create_connection((FAR, 443)):
            least = min(least, time.monotonic() - began)
    if not ROUND_TRIP_SECONDS <= least < 1.1 * ROUND_TRIP_SECONDS:
        raise RuntimeError(f"the long way takes {least * 1000:.1f} ms")
