"""An STS that answers at once, and what else AWS has beside it, as programs here meet them.

TLS sends no session tickets: STS sends none that a run of one request could use, and two tickets
right after the handshake would be acknowledged together with it, which hides from a bench on
loopback that a client waits for that acknowledgment before it sends its request.
"""

import json
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SOON = "2099-01-01T00:00:00Z"
SOON_MILLISECONDS = 4070908800000
THREADS = 64
STS_ADDRESSES = "0.0.0.0"  # loopback, and the end of the long way
INSTANCE = ("169.254.169.254", 80)
CONTAINER = ("169.254.170.2", 80)
IN_THE_CLEAR = ("127.0.0.1", 8080)
PROXY = ("127.0.0.1", 3128)

_XMLNS = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
_REQUEST = "<RequestId>00000000-0000-0000-0000-000000000000</RequestId>"
_IDENTITY = f"""<GetCallerIdentityResponse {_XMLNS}>
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/bench</Arn><UserId>AIDAEXAMPLE</UserId>
<Account>123456789012</Account></GetCallerIdentityResult>
<ResponseMetadata>{_REQUEST}</ResponseMetadata></GetCallerIdentityResponse>"""


def _credentials(action: str) -> str:
    return f"""<{action}Response {_XMLNS}>
<{action}Result><AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:bench</AssumedRoleId>
<Arn>arn:aws:sts::123456789012:assumed-role/bench/bench</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE00</AccessKeyId>
<SecretAccessKey>dummy+secret</SecretAccessKey><SessionToken>dummy-token</SessionToken>
<Expiration>{SOON}</Expiration></Credentials></{action}Result>
<ResponseMetadata>{_REQUEST}</ResponseMetadata></{action}Response>"""


def _error(code: str, message: str) -> str:
    return f"""<ErrorResponse {_XMLNS}><Error><Type>Sender</Type><Code>{code}</Code>
<Message>{message}</Message></Error>{_REQUEST}</ErrorResponse>"""


_REFUSED = _error(
    "AccessDenied",
    "User: arn:aws:iam::123456789012:user/bench is not authorized to perform: sts:AssumeRole"
    " on resource: arn:aws:iam::123456789012:role/refused",
)
_THROTTLED = _error("Throttling", "Rate exceeded")
_KEYS = {
    "Code": "Success",
    "Type": "AWS-HMAC",
    "LastUpdated": "2026-01-01T00:00:00Z",
    "AccessKeyId": "ASIAINSTANCEEXAMPLE0",
    "SecretAccessKey": "dummy+secret",
    "Token": "dummy-token",
    "Expiration": SOON,
}
_PORTAL = {
    "roleCredentials": {
        "accessKeyId": "ASIASSOEXAMPLE000000",
        "secretAccessKey": "dummy+secret",
        "sessionToken": "dummy-token",
        "expiration": SOON_MILLISECONDS,
    }
}


@dataclass(frozen=True)
class Asked:
    """A request; `since` is when its connection, or its first byte on an old one, was there."""

    path: bytes
    head: bytes
    body: bytes
    since: float


@dataclass(frozen=True)
class Answer:
    """What is said to it."""

    status: int
    kind: str
    text: str


class Sts:
    """STS, and the SSO portal beside it; shares with the harness what it counts.

    `calls` is how many calls were made, but for GetCallerIdentity; `waited` the seconds that
    clients let pass between having been throttled and asking again.
    """

    def __init__(self, calls: Any, waited: Any) -> None:
        self._calls = calls
        self._waited = waited
        self._throttled_at = 0.0

    def answer(self, asked: Asked) -> Answer:
        """Answer a call."""
        if asked.path.startswith(b"/federation/credentials"):
            self._count()
            return Answer(200, "application/json", json.dumps(_PORTAL))
        body = asked.body + b"&"
        if b"Action=AssumeRole" not in body:
            return Answer(200, "text/xml", _IDENTITY)
        self._count()
        if b"%3Arole%2Frefused&" in body:
            return Answer(403, "text/xml", _REFUSED)
        if b"%3Arole%2Fthrottled&" in body:
            if not self._throttled_at:
                self._throttled_at = time.monotonic()
                return Answer(400, "text/xml", _THROTTLED)
            with self._waited.get_lock():
                self._waited.value += asked.since - self._throttled_at
            self._throttled_at = 0.0
        web = b"Action=AssumeRoleWithWebIdentity&" in body
        return Answer(
            200, "text/xml", _credentials("AssumeRole" + ("WithWebIdentity" if web else ""))
        )

    def _count(self) -> None:
        with self._calls.get_lock():
            self._calls.value += 1

    def serve(self, context: ssl.SSLContext) -> None:
        """Serve over TLS without tickets, and in the clear."""
        context.num_tickets = 0
        threading.Thread(target=serve, args=(IN_THE_CLEAR, None, self.answer), daemon=True).start()
        serve((STS_ADDRESSES, 443), context, self.answer)


def serve_metadata() -> None:
    """Serve IMDSv2 and the container endpoint where they are in AWS."""

    def instance(asked: Asked) -> Answer:
        if asked.path == b"/latest/api/token":
            return Answer(200, "text/plain", "dummy-token")
        if asked.path.endswith(b"/security-credentials/"):
            return Answer(200, "text/plain", "bench")
        return Answer(200, "application/json", json.dumps(_KEYS))

    def container(asked: Asked) -> Answer:
        return Answer(200, "application/json", json.dumps(_KEYS))

    threading.Thread(target=serve, args=(INSTANCE, None, instance), daemon=True).start()
    serve(CONTAINER, None, container)


def serve(
    address: tuple[str, int], context: ssl.SSLContext | None, answer: Callable[[Asked], Answer]
) -> None:
    """Serve HTTP from threads that wait in accept, for good."""
    listener = socket.create_server(address, backlog=1024)

    def work() -> None:
        while True:
            connection, _ = listener.accept()
            since = time.monotonic()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                _talk(connection, since, answer)
            except OSError:
                connection.close()

    for _ in range(THREADS - 1):
        threading.Thread(target=work, daemon=True).start()
    work()


def _talk(connection: socket.socket, since: float, answer: Callable[[Asked], Answer]) -> None:
    """Answer the requests of one connection."""
    connection.settimeout(30)
    data = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in data:
                if not (more := connection.recv(65536)):
                    return
                since = since or time.monotonic()
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            fields = head.lower().split(b"content-length:")
            length = int(fields[1].split(b"\r\n")[0]) if len(fields) > 1 else 0
            if b"\r\nexpect: 100-continue" in head.lower():
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while len(data) < length:
                if not (more := connection.recv(65536)):
                    return
                data += more
            said = answer(Asked(head.split(b" ", 2)[1], head, data[:length], since))
            data, since = data[length:], 0.0
            connection.sendall(
                f"HTTP/1.1 {said.status} -\r\nContent-Type: {said.kind}\r\n"
                f"Content-Length: {len(said.text)}\r\n"
                f"X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\n\r\n{said.text}".encode()
            )
            if b"\r\nconnection: close" in head.lower():
                return


def serve_proxy() -> None:
    """Be an HTTP proxy that tunnels to STS, whatever it is asked for."""
    listener = socket.create_server(PROXY, backlog=64)

    def tunnel(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", 443)) as server:
            request = b""
            while b"\r\n\r\n" not in request:
                if not (more := client.recv(65536)):
                    return
                request += more
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ways = {client: server, server: client}
            with selectors.DefaultSelector() as selector:
                for end in ways:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(end, selectors.EVENT_READ)
                while True:
                    for key, _ in selector.select():
                        source = key.fileobj
                        assert isinstance(source, socket.socket)
                        if not (data := source.recv(65536)):
                            return
                        ways[source].sendall(data)

    while True:
        client, _ = listener.accept()
        threading.Thread(target=tunnel, args=(client,), daemon=True).start()
