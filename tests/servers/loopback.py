"""An HTTP(S) server on a free port of 127.0.0.1 that leaves nothing behind when closed."""

import contextlib
import socket
import socketserver
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self


class Handler(BaseHTTPRequestHandler):
    """Quiet, HTTP/1.1, and untroubled by clients that go away."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: "Server"

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.timeout)
            self.request.do_handshake()
        super().setup()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, body: bytes | str, **headers: str) -> None:
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        headers = {"Content-Type": "text/plain", **headers}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingTCPServer):
    """Serves from threads of the test's own process; `closing` ends handlers that wait.

    `accepted` counts the connections.
    """

    daemon_threads = True
    block_on_close = True
    request_queue_size = 256
    handler: type[Handler] = Handler

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.closing = threading.Event()
        self.context = context
        self.host = host
        self.accepted = 0
        self.connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), self.handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self.socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://{self.host}:{self.port}"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = self.socket.accept()
        self.accepted += 1
        if self.context:
            connection = self.context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with self._connections_lock:
            self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up, refuse our certificate or are killed are what we test."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self.shutdown()
        with self._connections_lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join(10)


def reset(connection: socket.socket) -> None:
    """Drop a connection with RST, as a firewall or a dying load balancer does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
