"""The same request carried by botocore's HTTP session: through a proxy, or to odd addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.exceptions as bc
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from aws_role_exec.errors import Fault
from aws_role_exec.network.exchange import LARGEST_ANSWER_BYTES, USER_AGENT, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.network.exchange import Waits
    from aws_role_exec.network.trust import Trust


class _Session(URLLib3Session):
    """Has OpenSSL compare the host name, as our own connections do.

    urllib3's own comparison takes a certificate for `*`.
    """

    def _get_ssl_context(self) -> Any:
        context: Any = super()._get_ssl_context()  # type: ignore[misc]
        context.check_hostname = True
        return context


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
    verify: str | bool = True
    if trust is not None:
        verify = trust.file or trust.second_file or trust.directory or True
    options: dict[str, Any] = {
        "verify": verify,
        "proxies": {"http": proxy, "https": proxy} if proxy else {},
        "timeout": (waits.connect_seconds, waits.answer_seconds),
    }
    session = _Session(**options)
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
        content = answer.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
    except Exception as error:
        raise _fault(error, url, verify) from error
    if len(content) > LARGEST_ANSWER_BYTES:
        raise Fault("too large", url)
    return Answer(answer.status_code, found, content)


def _fault(error: Exception, url: str, verify: str | bool) -> Fault:
    text = str(error).lower()
    if isinstance(error, bc.ProxyConnectionError):
        return Fault("proxy 407" if "407" in text else "proxy", url)
    if isinstance(error, bc.SSLError) or "invalid path" in text or "certificate" in text:
        return _certificate(text, url, verify)
    if isinstance(error, bc.ConnectTimeoutError):
        return Fault("connect timeout", url)
    if isinstance(error, bc.EndpointConnectionError):
        return Fault("unreachable", url, url.split("/")[2])
    if isinstance(error, bc.ReadTimeoutError) or "timed out" in text:
        return Fault("read timeout", url)
    if isinstance(error, bc.InvalidProxiesConfigError):
        return Fault("proxy", url)
    return Fault("dropped", url)


def _certificate(text: str, url: str, verify: str | bool) -> Fault:
    if "no certificate or crl found" in text or "no such file" in text or "invalid path" in text:
        return Fault("no authorities", url, verify if isinstance(verify, str) else "")
    if "hostname mismatch" in text or "doesn't match" in text or "not valid for" in text:
        return Fault("host name", url)
    if "not yet valid" in text:
        return Fault("certificate not yet valid", url)
    if "expired" in text:
        return Fault("expired certificate", url)
    if "verify failed" in text or "self-signed" in text or "self signed" in text:
        return Fault("untrusted", url)
    if "wrong_version_number" in text or "record layer" in text:
        return Fault("not TLS", url)
    if "eof" in text or "reset" in text:
        return Fault("dropped", url)
    return Fault("TLS", url)
