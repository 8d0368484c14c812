"""One HTTP request, over a connection of its own, with nothing imported that is not needed.

For `plain` only: no proxies, no redirects, no second attempt. The C halves of `socket` and `ssl`
do the work; their Python halves would double the time of a whole run (docs/adr/0001-imports.md).
"""

from __future__ import annotations

import _socket

from aws_role_exec import __version__
from aws_role_exec.network import trust
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from aws_role_exec.network.deadline import Deadline

CONNECT_TIMEOUT_SECONDS = 5.0
DROPPED = 0
TIMED_OUT = -1
_LARGEST_ANSWER = 1 << 20


class _Socket(_socket.socket):
    """A socket that can be referred to weakly, as TLS on top of it does."""


@record
class Answer:
    """An HTTP answer; header names are in lower case.

    Status DROPPED stands for none: the connection was made, and dropped before the answer was
    whole; TIMED_OUT for one that stayed silent.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    deadline: Deadline,
    environ: Mapping[str, str],
    connect_seconds: float = CONNECT_TIMEOUT_SECONDS,
    answer_seconds: float | None = None,
) -> Answer:
    """Send one HTTP/1.1 request over a connection of its own and return the whole answer.

    Connecting may take `connect_seconds`, and each wait for a part of the answer
    `answer_seconds`, by default and at most the deadline's share for one attempt.

    Raises OSError or ValueError; certificates are verified, host name included.
    """
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    attempt_seconds = deadline.for_one_attempt()
    connection = _connect(
        host,
        int(port or (443 if scheme == "https" else 80)),
        min(connect_seconds, attempt_seconds),
    )
    try:
        connection.settimeout(min(answer_seconds or attempt_seconds, attempt_seconds))
        send, receive = connection.send, connection.recv
        if scheme == "https":
            tls = _open_tls(connection, host, environ)
            send, receive = tls.write, tls.read
        fields = {"host": authority, "user-agent": f"aws-role-exec/{__version__}", **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        left = memoryview(
            f"{method} /{path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n".encode("latin-1")
            + body
        )
        try:
            while left:
                left = left[send(left) :]
            return _receive(receive)
        except TimeoutError:
            return Answer(TIMED_OUT, {}, b"")
        except (OSError, EOFError):
            return Answer(DROPPED, {}, b"")
    finally:
        connection.close()


def _connect(host: str, port: int, timeout_seconds: float) -> _socket.socket:
    failure: OSError | None = None
    name = host.encode("ascii")  # as text it would be encoded by IDNA's tables, another import
    for family, kind, protocol, _, address in _socket.getaddrinfo(
        name, port, 0, _socket.SOCK_STREAM
    ):
        connection = _Socket(family, kind | _socket.SOCK_CLOEXEC, protocol)
        try:
            connection.settimeout(timeout_seconds)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure or OSError(f"{host} has no address")


def _open_tls(connection: _socket.socket, host: str, environ: Mapping[str, str]) -> Any:
    """Return the connection with TLS on it, its certificate verified for the host.

    The C half of `ssl` makes the very same context, with the same verification switched on by
    PROTOCOL_TLS_CLIENT, without the Python half's 15 ms of enumerations.
    """
    import _ssl  # noqa: PLC0415

    context: Any = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
    if not context.check_hostname or context.verify_mode != _ssl.CERT_REQUIRED:
        raise ValueError
    bundle = environ.get("AWS_CA_BUNDLE")
    directory = None if bundle else trust.find_hashed_directory(environ)
    if directory is None:
        bundle = bundle or trust.find_trust_store(environ)
        if bundle is None:
            raise ValueError("the bundled authorities are botocore's")
    context.load_verify_locations(bundle, directory)
    tls = context._wrap_socket(connection, False, host)
    tls.do_handshake()
    return tls


def _receive(receive: Callable[[int], bytes]) -> Answer:
    """Read a whole answer whose length its header tells."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = receive(16384)
        if not chunk:
            raise EOFError
        if len(data) > _LARGEST_ANSWER:
            raise ValueError("too long a header")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers["content-length"])
    if "transfer-encoding" in headers or "content-encoding" in headers or length > _LARGEST_ANSWER:
        raise ValueError
    while len(body) < length:
        chunk = receive(length - len(body))
        if not chunk:
            raise EOFError
        body += chunk
    version, status, *_ = status_line.split(" ")
    if not version.startswith("HTTP/1.") or len(body) != length:
        raise ValueError
    return Answer(int(status), headers, body)
