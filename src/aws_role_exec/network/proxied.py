"""The same request carried by botocore's HTTP session: through a proxy, or to odd addresses."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import TYPE_CHECKING, Any

import botocore.exceptions as bc
import urllib3.exceptions
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session, get_cert_path

from aws_role_exec.errors import Fault
from aws_role_exec.network.exchange import (
    LARGEST_ANSWER_BYTES,
    USER_AGENT,
    Answer,
    broken,
    refuse_unprintable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aws_role_exec.network.exchange import Waits
    from aws_role_exec.network.trust import Trust

_TUNNEL_FAILED = "Tunnel connection failed: "  # http.client's words before the proxy's status
_WANTS_PASSWORD = 407
_NOT_HTTP = (
    http.client.HTTPException,
    urllib3.exceptions.DecodeError,
    urllib3.exceptions.InvalidHeader,
)
_DROPPED = (ConnectionError, http.client.IncompleteRead)  # some of them are of the former, too


class _Session(URLLib3Session):
    """Trusts whom our own connections trust, and takes no certificate that they do not take.

    OpenSSL compares the host name: urllib3's own comparison takes a certificate for `*`. A
    directory of authorities counts, and a proxy that is spoken to over TLS is verified, too.
    """

    def __init__(self, trust: Trust | None, **options: Any) -> None:
        super().__init__(**options)
        self._trust = trust

    def _get_ssl_context(self) -> Any:
        context: Any = super()._get_ssl_context()  # type: ignore[misc]
        context.check_hostname = True
        return context

    def _setup_ssl_cert(self, conn: Any, url: str, verify: object) -> None:
        conn.cert_reqs = "CERT_REQUIRED"
        if self._trust is None:
            conn.ca_certs = get_cert_path(True)
        else:
            conn.ca_certs = self._trust.file or self._trust.second_file
            conn.ca_cert_dir = self._trust.directory


def send(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    proxy: str | None,
    trust: Trust | None,
    waits: Waits,
) -> Answer:
    """Send one request and return the whole answer; raises Fault for whatever is none.

    Without `trust` the authorities that botocore brings along are trusted.
    """
    refuse_unprintable(method + url.partition("://")[2].partition("/")[2], headers, url)
    session = _Session(
        trust,
        proxies={"http": proxy, "https": proxy} if proxy else {},
        timeout=(waits.connect_seconds, waits.answer_seconds),
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    request: Any = AWSRequest(
        method=method,
        url=url,
        headers={"user-agent": USER_AGENT, **headers},
        data=body,
        stream_output=True,
    )
    try:
        answer: Any = session.send(request.prepare())
        found = {name.lower(): value for name, value in answer.headers.items()}
        told = answer.raw.length_remaining or 0
        content = b""
        if told <= LARGEST_ANSWER_BYTES:
            content = answer.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
        is_cut = bool(answer.raw.length_remaining)
    except Exception as error:
        authorities = (trust.file or trust.directory or "") if trust else ""
        raise _fault(error, url, proxy, authorities) from error
    finally:
        session.close()
    if max(told, len(content)) > LARGEST_ANSWER_BYTES:
        raise Fault("too large", url)
    if is_cut:
        raise Fault("dropped", url)
    if proxy and answer.status_code == _WANTS_PASSWORD:
        raise Fault("proxy 407", url)
    return Answer(answer.status_code, found, content)


def _fault(error: Exception, url: str, proxy: str | None, authorities: str) -> Fault:
    """Return the fault behind an error of botocore's, by the kinds of the errors below it.

    Their words hold addresses, so nothing is read from them but what http.client says of a tunnel.
    """
    below = list(_below(error))
    if any(isinstance(each, bc.ProxyConnectionError) or _is_in_tunnel(each) for each in below):
        return _proxy_fault(below, url, proxy or "")
    for each in below:
        if isinstance(each, ssl.SSLError):
            if "NO_CERTIFICATE_OR_CRL_FOUND" in str(each.reason):
                return Fault("no authorities", url, authorities)
            return broken(each, url)
        if isinstance(each, socket.gaierror):
            return Fault("no such host", url, f"{_host(url)}: {each.strerror}")
    # urllib3 opens the file of authorities when it connects.
    if any(isinstance(each, urllib3.exceptions.SSLError) for each in below):
        return Fault("no authorities", url, authorities)
    if any(isinstance(each, bc.ConnectTimeoutError) for each in below):
        return Fault("connect timeout", url)
    if any(isinstance(each, (TimeoutError, urllib3.exceptions.ReadTimeoutError)) for each in below):
        return Fault("read timeout", url)
    if any(isinstance(each, urllib3.exceptions.NewConnectionError) for each in below):
        why = below[-1].strerror if isinstance(below[-1], OSError) else None
        return Fault("unreachable", url, f"{_host(url)}: {why or 'no connection'}")
    if any(isinstance(each, _NOT_HTTP) and not isinstance(each, _DROPPED) for each in below):
        return Fault("not HTTP", url, "or is malformed")
    if any(isinstance(each, urllib3.exceptions.LocationValueError) for each in below):
        return Fault("not sent", url, "an unusable host name")
    return Fault("dropped", url)


def _proxy_fault(below: list[BaseException], url: str, proxy: str) -> Fault:
    """Return the fault for a proxy that was not reached, or did not lead to the server."""
    place = proxy.partition("://")[2].rpartition("@")[2].rstrip("/")  # without its password
    beyond = f"{place}, to {_host(url)}"
    cause = below[-1]
    for each in below:
        _, separator, status = str(each).rpartition(_TUNNEL_FAILED)
        if isinstance(each, OSError) and separator:
            if status.startswith(f"{_WANTS_PASSWORD}"):
                return Fault("proxy 407", url)
            return Fault("proxy", url, f"{beyond}: HTTP {status}")
        if isinstance(each, ssl.SSLError):
            return Fault("proxy", url, f"{place}: {broken(each, url).name}")
        if isinstance(each, socket.gaierror):
            return Fault("proxy", url, f"{place}: {each.strerror or 'no such host'}")
    if any(isinstance(each, (TimeoutError, bc.ConnectTimeoutError)) for each in below):
        if any(map(_is_in_tunnel, below)):
            return Fault("proxy", url, f"{beyond}: no response")
        return Fault("proxy", url, f"{place}: connecting timed out")
    if any(isinstance(each, _NOT_HTTP) and not isinstance(each, _DROPPED) for each in below):
        return Fault("proxy", url, f"{place}: its response is not HTTP")
    if isinstance(cause, ConnectionRefusedError) or (
        isinstance(cause, OSError) and cause.strerror and not isinstance(cause, ConnectionError)
    ):
        return Fault("proxy", url, f"{place}: {cause.strerror}")
    return Fault("proxy", url, f"{beyond}: it closed the connection")


def _is_in_tunnel(error: BaseException) -> bool:
    """Tell whether an error came while http.client heard from the proxy, and nobody behind it."""
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_name == "_tunnel":
            return True
        frame = frame.tb_next
    return False


def _below(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and those that it stands for, the innermost last."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = [
            *getattr(found, "kwargs", {}).values(),  # botocore
            getattr(found, "original_error", None),  # urllib3
            getattr(found, "reason", None),
            *found.args,
            found.__cause__,
            found.__context__,
        ]
        found = next((each for each in inner if isinstance(each, BaseException)), None)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
