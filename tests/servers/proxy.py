"""An HTTP proxy on loopback that knows no way out.

Whatever host a client asks for, it is connected to the one server the test names, so a
client that believes it talks to `sts.eu-west-1.amazonaws.com` never leaves the machine.
"""

import base64
import contextlib
import selectors
import socket
import urllib.parse

from servers.loopback import Handler, Server


class _Conversation(Handler):
    server: "Proxy"

    def _refused(self) -> bool:
        if self.server.password is None:
            return False
        expected = "Basic " + base64.b64encode(self.server.password.encode()).decode()
        if self.headers.get("Proxy-Authorization") == expected:
            return False
        self.reply(407, "", Proxy_Authenticate='Basic realm="test"')
        return True

    def do_CONNECT(self) -> None:
        self.server.asked.append(f"CONNECT {self.path}")
        if self._refused():
            return
        with self._connect(self.path) as upstream:
            self.send_response(200, "Connection established")
            self.end_headers()
            self._relay(upstream)
        self.close_connection = True

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        """A plain HTTP request with its whole address in the first line."""
        self.server.asked.append(f"{self.command} {self.path}")
        body = self.body()
        if self._refused():
            return
        address = urllib.parse.urlsplit(self.path)
        headers = "".join(
            f"{name}: {value}\r\n"
            for name, value in self.headers.items()
            if name.lower() not in ("proxy-authorization", "connection", "proxy-connection")
        )
        with self._connect(address.netloc) as upstream:
            first = f"{self.command} {address.path or '/'} HTTP/1.1\r\n"
            upstream.sendall(f"{first}{headers}Connection: close\r\n\r\n".encode() + body)
            while chunk := upstream.recv(65536):
                self.wfile.write(chunk)
        self.close_connection = True

    def _connect(self, place: str) -> socket.socket:
        port = self.server.target_port or int(place.rpartition(":")[2])
        return socket.create_connection(("127.0.0.1", port))

    def _relay(self, upstream: socket.socket) -> None:
        ends = {self.connection: upstream, upstream: self.connection}
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            for end in ends:
                selector.register(end, selectors.EVENT_READ)
            while not self.server.closing.is_set():
                for key, _ in selector.select(0.2):
                    end = key.fileobj
                    assert isinstance(end, socket.socket)
                    if not (chunk := end.recv(65536)):
                        return
                    ends[end].sendall(chunk)


class Proxy(Server):
    """`asked` lists what clients wanted; everything ends at `target_port` on loopback.

    Without a target, at the port that was asked for, on loopback too.
    """

    handler = _Conversation

    def __init__(self, target: Server | None, password: str | None = None) -> None:
        super().__init__()
        self.target_port = target.port if target else None
        self.password = password
        self.asked: list[str] = []
