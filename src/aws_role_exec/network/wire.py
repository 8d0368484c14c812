"""What carries a request: a connection of our own, or botocore's HTTP session to a proxy."""

from __future__ import annotations

from aws_role_exec.errors import Doubt, Fault, UsageError
from aws_role_exec.network import trust
from aws_role_exec.network.exchange import Answer, Waits, exchange
from aws_role_exec.network.trust import Trust
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.messages import Tell
    from aws_role_exec.network.deadline import Deadline

CONNECT_SECONDS = 5.0


@record
class Wire:
    """Sends requests. `ca_bundle` is AWS's setting for the authorities to trust, if there is one.

    `environ` says which proxy there is for which host (HTTPS_PROXY, NO_PROXY and their kin).
    """

    environ: Mapping[str, str]
    ca_bundle: str | None
    deadline: Deadline
    tell: Tell

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float | None = None,
        proxied: bool = True,
    ) -> Answer:
        """Send one request and return the whole answer, whatever its status.

        Connecting to one address may take `connect_seconds`, each wait for a part of the answer
        `answer_seconds`, both at most the deadline's share for one attempt. With `proxied`
        unset no proxy is asked (instance metadata, container credentials).

        Raises Fault for whatever is not an answer, UsageError for a proxy variable that holds
        no address, TimeoutError when the deadline passes.
        """
        attempt_seconds = self.deadline.for_one_attempt()
        waits = Waits(
            min(connect_seconds, attempt_seconds),
            min(answer_seconds or attempt_seconds, attempt_seconds),
        )
        authorities = trust.find(self.ca_bundle, self.environ)
        proxy = find_proxy(url, self.environ) if proxied else None
        if proxy is None and (authorities is not None or not url.startswith("https:")):
            try:
                return self._send_directly(
                    method, url, headers, body, authorities=authorities, waits=waits
                )
            except Doubt as doubt:
                self.tell(f"{url}: carried by botocore: {doubt}")
        else:
            self.tell(f"{url}: carried by botocore: {_reason(proxy)}")
        from aws_role_exec.network import proxied as botocores  # noqa: PLC0415 - botocore

        return botocores.send(
            method, url, headers, body, proxy=proxy, trust=authorities, waits=waits
        )

    def _send_directly(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        authorities: Trust | None,
        waits: Waits,
    ) -> Answer:
        choice = authorities or Trust(None, None)
        while True:
            try:
                return exchange(
                    method, url, headers, body, deadline=self.deadline, trust=choice, waits=waits
                )
            except Fault as fault:
                # Nothing was sent yet: the handshake failed.
                if fault.name != "untrusted" or choice.second_file is None:
                    raise
                choice = Trust(choice.second_file, None)


def _reason(proxy: str | None) -> str:
    return "there is no system trust store" if proxy is None else "there is a proxy for it"


def find_proxy(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy for a URL, None if it is to be asked directly.

    As in botocore, which leaves it to Python's urllib.request: the variable of the URL's scheme,
    in lower case or in capitals, the former first; HTTP_PROXY in capitals does not count in a
    CGI program; NO_PROXY has hosts, domains and `*`. ALL_PROXY is not asked.

    Raises UsageError for a proxy variable that holds no address.
    """
    scheme, _, rest = url.partition("://")
    name = _variable(f"{scheme}_proxy", environ)
    if not environ.get(name) or (name == "HTTP_PROXY" and "REQUEST_METHOD" in environ):
        return None
    authority = rest.partition("/")[0].partition("?")[0].rpartition("@")[2].lower()
    if _is_excepted(authority, environ.get(_variable("no_proxy", environ), "")):
        return None
    return _check(environ[name], name)


def _variable(name: str, environ: Mapping[str, str]) -> str:
    """Return the name that counts: in lower case, which empty means none, else in capitals."""
    return name if name in environ else name.upper()


def _is_excepted(authority: str, no_proxy: str) -> bool:
    """Tell whether NO_PROXY has this host, with or without its port (urllib.request)."""
    if no_proxy.strip() == "*":
        return True
    host, colon, port = authority.rpartition(":")
    if not (colon and port.isdecimal()):
        host = authority
    for entry in no_proxy.split(","):
        name = entry.strip().lstrip(".").lower()
        if name and any(
            candidate == name or candidate.endswith("." + name) for candidate in (host, authority)
        ):
            return True
    return False


def _check(proxy: str, variable: str) -> str:
    """Return a proxy's address with its scheme, or raise UsageError, which shows no password."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - only with a proxy

    hint = "write http://HOST:PORT"
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(address)
        is_fine = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_fine = False
    if not is_fine or any(c.isspace() or not c.isprintable() for c in proxy):
        raise UsageError(f"{variable}: not the address of a proxy", hint=hint)
    if parts.scheme not in ("http", "https"):
        raise UsageError(
            f"{variable}: a proxy of scheme {parts.scheme} is not supported", hint=hint
        )
    return address
