"""One HTTP request over a connection of its own, with nothing imported that is not needed.

No proxies, no redirects, no second attempt. The C halves of `socket` and `ssl` do the work; their
Python halves would double the time of a whole run (docs/adr/0001-imports.md).
"""

from __future__ import annotations

import _socket

from aws_role_exec import __version__
from aws_role_exec.errors import Fault
from aws_role_exec.network import address
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from aws_role_exec.network.address import Address
    from aws_role_exec.network.deadline import Deadline
    from aws_role_exec.network.trust import Trust

LARGEST_ANSWER_BYTES = 1 << 20
"""Of a whole answer, header and body: the answers we ask for have a few KiB."""
USER_AGENT = f"aws-role-exec/{__version__}"
_LONGEST_LINE_BYTES = 65536
_INTERIM_ANSWERS_AT_MOST = 16
_LONGEST_NUMBER = 20  # digits of a length; int() takes thousands, at a price
# X509_V_ERR_...: openssl/x509_vfy.h
_VERIFY_FAULTS = {
    9: "certificate not yet valid",
    10: "expired certificate",
    62: "host name",
    64: "host name",
}


class _Socket(_socket.socket):
    """A socket that can be referred to weakly, as TLS on top of it does."""


@record
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@record
class Waits:
    """How long one exchange may take: connecting to one address, each wait for the answer."""

    connect_seconds: float
    answer_seconds: float


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    deadline: Deadline,
    trust: Trust,
    waits: Waits,
) -> Answer:
    """Send one HTTP/1.1 request over a connection of its own and return the whole answer.

    The certificate is verified, host name included. Raises Fault for whatever is not an answer,
    Doubt for an address that is not plain, TimeoutError when the deadline passes.
    """
    place = address.parse(url)
    request = _request(method, place, url, headers, body)
    connection = _connect(place, url, deadline, waits.connect_seconds)
    try:
        connection.settimeout(waits.answer_seconds)
        send, receive = connection.send, connection.recv
        if place.scheme == "https":
            tls = _open_tls(connection, place.host, url, trust)
            send, receive = tls.write, tls.read
        left = memoryview(request)
        try:
            while left:
                left = left[send(left) :]
            return _Reader(receive, url).answer(method)
        except TimeoutError:
            raise Fault("read timeout", url) from None
        except OSError as error:
            raise broken(error, url) from None
    finally:
        connection.close()


def _request(
    method: str, place: Address, url: str, headers: Mapping[str, str], body: bytes
) -> bytes:
    """Return the request as it is sent."""
    fields = {
        "host": place.authority,
        "user-agent": USER_AGENT,
        **headers,
        "content-length": str(len(body)),
        "connection": "close",
    }
    refuse_unprintable(method + place.target, fields, url)
    lines = [f"{method} {place.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii") + b"\r\n" + body


def refuse_unprintable(target: str, headers: Mapping[str, str], url: str) -> None:
    """Raise Fault for a character that would end a word or a line of a request's head."""
    names, values = "".join(headers), "".join(headers.values())
    if not all(text.isascii() and text.isprintable() for text in (target, names, values)):
        raise Fault("not sent", url, "a character that is not printable")
    if " " in target + names:
        raise Fault("not sent", url, "a space")


def _connect(
    place: Address, url: str, deadline: Deadline, timeout_seconds: float
) -> _socket.socket:
    """Return a connection to the first of the host's addresses that takes one."""
    try:
        found = deadline.resolve(place.host, place.port)
    except OSError as error:
        raise Fault("no such host", url, f"{place.host}: {error.strerror}") from None
    fault = Fault("no such host", url, place.host)
    for family, kind, protocol, _, socket_address in found:
        try:
            connection = _Socket(family, kind | getattr(_socket, "SOCK_CLOEXEC", 0), protocol)
        except OSError as error:  # a kernel without IPv6, or no descriptor left
            fault = Fault("unreachable", url, f"{place.authority}: {error.strerror}")
            continue
        try:
            connection.settimeout(timeout_seconds)
            # Else a request over TLS 1.3 waits until the server acknowledges our handshake.
            connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            connection.connect(socket_address)
        except TimeoutError:
            connection.close()
            fault = Fault("connect timeout", url)
        except OSError as error:
            connection.close()
            fault = Fault("unreachable", url, f"{place.authority}: {error.strerror}")
        except BaseException:  # the deadline's
            connection.close()
            raise
        else:
            return connection
    raise fault


def _open_tls(connection: _socket.socket, host: str, url: str, trust: Trust) -> Any:
    """Return the connection with TLS on it, its certificate verified for the host.

    The C half of `ssl` makes the very same context, with the same verification switched on by
    PROTOCOL_TLS_CLIENT, without the Python half's 15 ms of enumerations.
    """
    import _ssl  # not for http

    context: Any = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
    if not context.check_hostname or context.verify_mode != _ssl.CERT_REQUIRED:
        raise Fault("TLS", url, "certificates would not be verified")
    try:
        context.load_verify_locations(trust.file, trust.directory)
    except OSError:  # SSLError is one, too
        raise Fault("no authorities", url, trust.file or trust.directory or "") from None
    try:
        tls = context._wrap_socket(connection, False, host)
        tls.do_handshake()
    except TimeoutError:
        raise Fault("read timeout", url) from None
    except OSError as error:
        raise broken(error, url) from None
    return tls


def broken(error: OSError, url: str) -> Fault:
    """Return the fault that an error of TLS, or of the connection below it, stands for.

    It goes by OpenSSL's own codes (`ssl.SSLError.reason`, `SSLCertVerificationError.verify_code`).
    """
    code = getattr(error, "verify_code", None)
    if code is not None:
        return Fault(_VERIFY_FAULTS.get(code, "untrusted"), url)
    reason = getattr(error, "reason", None)
    if not isinstance(reason, str) or "EOF" in reason:
        return Fault("dropped", url)
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return Fault("not TLS", url)
    return Fault("TLS", url, reason.lower().replace("_", " "))


class _Reader:
    """Reads one answer (RFC 9112), of bounded size, whichever way its end is told."""

    def __init__(self, receive: Callable[[int], bytes], url: str) -> None:
        self._receive = receive
        self._url = url
        self._data = b""
        self._left = LARGEST_ANSWER_BYTES

    def answer(self, method: str) -> Answer:
        """Return the answer; raises Fault, and OSError for a connection that broke."""
        for _ in range(_INTERIM_ANSWERS_AT_MOST):
            status, headers = self._head()
            if not 100 <= status < 200:
                break
        else:
            raise Fault("not HTTP", self._url, "only interim responses")
        body = b"" if method == "HEAD" or status in (204, 304) else self._body(headers)
        return Answer(status, headers, self._decoded(body, headers))

    def _head(self) -> tuple[int, dict[str, str]]:
        version, _, rest = self._line().partition(" ")
        status = rest[:3]
        is_status = status.isdecimal() and int(status) >= 100 and not rest[3:4].strip()
        if not version.startswith("HTTP/1.") or not is_status:
            raise Fault("not HTTP", self._url, "a malformed status line")
        headers: dict[str, str] = {}
        while line := self._line():
            name, colon, value = line.partition(":")
            name, value = name.lower(), value.strip()
            if not colon or not name or name != name.strip():
                raise Fault("not HTTP", self._url, "a malformed header line")
            if name == "content-length" and headers.get(name, value) != value:
                raise Fault("not HTTP", self._url, "two different lengths")
            headers[name] = value
        return int(status), headers

    def _body(self, headers: Mapping[str, str]) -> bytes:
        coding = headers.get("transfer-encoding", "identity").lower()
        if coding == "chunked":
            return self._chunks()
        if coding != "identity":
            raise Fault("not HTTP", self._url, "an unexpected transfer encoding")
        length = headers.get("content-length")
        if length is None:
            return self._rest()
        if not (length.isascii() and length.isdecimal()):
            raise Fault("not HTTP", self._url, "a Content-Length that is not a number")
        return self._exactly(self._number(length, 10))

    def _number(self, digits: str, base: int) -> int:
        digits = digits.lstrip("0")
        if len(digits) > _LONGEST_NUMBER:
            raise Fault("too large", self._url)
        return int(digits or "0", base)

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while True:
            size = self._line().partition(";")[0].strip()
            if not size or set(size) - set("0123456789abcdefABCDEF"):
                raise Fault("not HTTP", self._url, "a chunk without a size")
            length = self._number(size, 16)
            if length == 0:
                break
            parts.append(self._exactly(length))
            if self._line():
                raise Fault("not HTTP", self._url, "a chunk of the wrong size")
        while self._line():  # trailers
            pass
        return b"".join(parts)

    def _line(self) -> str:
        while b"\n" not in self._data:
            if len(self._data) > _LONGEST_LINE_BYTES:
                raise Fault("not HTTP", self._url, "an unterminated line")
            if not self._more():
                raise OSError
        line, _, self._data = self._data.partition(b"\n")
        return line.removesuffix(b"\r").decode("latin-1")

    def _exactly(self, length: int) -> bytes:
        if length > LARGEST_ANSWER_BYTES:
            raise Fault("too large", self._url)
        parts, missing = [self._data], length - len(self._data)
        while missing > 0:
            self._data = b""
            if not self._more():
                raise OSError
            parts.append(self._data)
            missing -= len(self._data)
        whole = b"".join(parts)
        self._data = whole[length:]
        return whole[:length]

    def _rest(self) -> bytes:
        parts = [self._data]
        while True:
            self._data = b""
            try:
                if not self._more():
                    break
            except (TimeoutError, ConnectionError):
                raise
            except OSError:  # TLS: many close without a farewell
                break
            parts.append(self._data)
        return b"".join(parts)

    def _more(self) -> bool:
        """Append what comes next; False at the end."""
        chunk = self._receive(16384)
        self._left -= len(chunk)
        if self._left < 0:
            raise Fault("too large", self._url)
        self._data += chunk
        return bool(chunk)

    def _decoded(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        coding = headers.get("content-encoding", "identity").lower()
        if coding in ("", "identity"):
            return body
        import zlib  # nobody asked for it

        try:
            unpacker = zlib.decompressobj(47)  # gzip or zlib
            unpacked = unpacker.decompress(body, LARGEST_ANSWER_BYTES)
        except zlib.error:
            raise Fault("not HTTP", self._url, "an unexpected encoding") from None
        if unpacker.unconsumed_tail:
            raise Fault("too large", self._url)
        return unpacked
