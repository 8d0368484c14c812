"""A server that says exactly what a test wants, byte for byte, and a wire to it."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aws_role_exec.errors import Doubt
from aws_role_exec.messages import keep_quiet
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.wire import Wire

Behaviour = Callable[[Any], None]


class Raw:
    """Takes connections one after the other, reads a whole request, and then behaves."""

    def __init__(
        self, behaviour: Behaviour, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.behaviour = behaviour
        self.context = context
        self.requests: list[bytes] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self._host = f"[{host}]" if ":" in host else host
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        port = self._listener.getsockname()[1]
        return f"https://localhost:{port}/" if self.context else f"http://{self._host}:{port}/"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                stream: Any = connection
                if self.context:
                    stream = self.context.wrap_socket(connection, server_side=True)
                self.requests.append(self._request(stream))
                self.behaviour(stream)
                stream.close()

    def _request(self, stream: Any) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = stream.recv(65536)
            if not chunk:
                return data
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        while len(body) < length:
            body += stream.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        # A thread in accept(2) is not woken by close(2).
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def says() -> Iterator[Callable[..., Raw]]:
    """`says(b"HTTP/1.1 ...")` is a server that answers so, and then hangs up."""
    running: list[Raw] = []

    def start(
        answer: bytes | Behaviour, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> Raw:
        behaviour = answer if callable(answer) else lambda stream: stream.sendall(answer)
        running.append(Raw(behaviour, context, host))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def blurts() -> Iterator[Callable[[bytes], str]]:
    """`blurts(b"...")` is the authority of a server that says so to the first bytes it gets."""
    with contextlib.ExitStack() as stack:

        def start(words: bytes) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65536)
                        connection.sendall(words)
                        connection.shutdown(socket.SHUT_WR)
                        connection.recv(65536)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            return f"localhost:{listener.getsockname()[1]}"

        yield start


@pytest.fixture
def full() -> Iterator[str]:
    """The authority of a server that is too busy to take another connection (Linux)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """The authority of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(params=["directly", "by botocore"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to carry a request; botocore's without a proxy, which would see it all first."""
    if request.param == "by botocore":

        def doubt(*_: object, **__: object) -> None:
            raise Doubt("a test")

        monkeypatch.setattr("aws_role_exec.network.wire.exchange", doubt)
    return str(request.param)


@pytest.fixture
def wire() -> Callable[..., Wire]:
    """A wire with a deadline of so many seconds and these variables."""

    def make(seconds: float = 30, ca_bundle: str | None = None, **environ: str) -> Wire:
        return Wire(environ, ca_bundle, Deadline(seconds), keep_quiet)

    return make
