"""What carries a request: a connection of our own, or botocore's HTTP session to a proxy."""

from __future__ import annotations

from aws_role_exec.errors import Doubt, Fault, UsageError
from aws_role_exec.network import trust
from aws_role_exec.network.address import is_host
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
        proxy = find_proxy(url, self.environ) if proxied else None
        is_plain = proxy is None and not url.startswith("https:")
        authorities = None if is_plain else trust.find(self.ca_bundle, self.environ)
        if is_plain or (proxy is None and authorities is not None):
            try:
                return self._send_directly(
                    method, url, headers, body, authorities=authorities, waits=waits
                )
            except Doubt as doubt:
                self.tell(f"{url}: sent through botocore: {doubt}")
        else:
            self.tell(f"{url}: sent through botocore: {_reason(proxy)}")
        from aws_role_exec.network import proxied as botocores  # botocore

        self._resolve(proxy or url)
        return botocores.send(
            method, url, headers, body, proxy=proxy, trust=authorities, waits=waits
        )

    def _resolve(self, url: str) -> None:
        """Look a host up where the deadline gets through, which botocore's look-up would hold."""
        from urllib.parse import urlsplit  # botocore has it

        try:
            self.deadline.resolve(urlsplit(url).hostname or "", 0)
        except (OSError, ValueError):
            pass  # botocore meets the same, or knows better

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
    return "there is no system trust store" if proxy is None else "a proxy is set"


def find_proxy(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy for a URL, None if it is to be asked directly.

    As in botocore, which leaves it to Python's urllib.request: the variable of the URL's scheme,
    whichever way it is written, where `_proxy` in small letters goes first, even empty;
    HTTP_PROXY does not count in a CGI program; NO_PROXY has hosts, domains and `*`. ALL_PROXY is
    not asked.

    Raises UsageError for a proxy variable that holds no address.
    """
    scheme, _, rest = url.partition("://")
    name = _variable(scheme.lower(), environ)
    if name is None:
        return None
    exceptions = _variable("no", environ)
    if exceptions is not None:
        authority = rest.partition("/")[0].partition("?")[0].lower()
        if _is_excepted(authority, environ[exceptions]):
            return None
    return _check(environ[name], name)


def _variable(kind: str, environ: Mapping[str, str]) -> str | None:
    """Return the name of the variable that counts of a kind (`https`, `no`), None for none."""
    found = None
    names = [name for name in environ if name[:-6].lower() == kind and name[-6:-5] == "_"]
    for name in names:
        if name[-5:].lower() == "proxy" and environ[name]:
            found = name
    if kind == "http" and "REQUEST_METHOD" in environ:  # CVE-2016-1000110
        found = None
    for name in names:
        if name.endswith("_proxy"):
            found = name if environ[name] else None
    return found


def _is_excepted(authority: str, no_proxy: str) -> bool:
    """Tell whether NO_PROXY has this host, with or without its port (urllib.request)."""
    if no_proxy == "*":
        return True
    host, colon, port = authority.rpartition(":")
    if not colon or (port and not port.isdecimal()):
        host = authority
    for entry in no_proxy.split(","):
        if not entry.strip():
            continue
        name = entry.strip().lstrip(".").lower()
        if name in (host, authority) or host.endswith("." + name) or authority.endswith("." + name):
            return True
    return False


def _check(proxy: str, variable: str) -> str:
    """Return a proxy's address with its scheme, or raise UsageError, which shows no password."""
    from urllib.parse import unquote, urlsplit  # only with a proxy

    hint = "write http://HOST:PORT"
    if proxy.startswith("//"):
        address = f"http:{proxy}"
    else:
        address = proxy if "://" in proxy else f"http://{proxy}"
    scheme, _, rest = address.partition("://")
    address = f"{scheme.lower()}://{rest}"  # botocore takes no other
    try:
        parts = urlsplit(address)
        host, is_fine = parts.hostname or "", parts.port is None or parts.port > 0
    except ValueError:
        host, is_fine = "", False
    login = unquote(f"{parts.username or ''}{parts.password or ''}") if is_fine else ""
    if not is_fine or not is_host(host) or any(c.isspace() or not c.isprintable() for c in proxy):
        raise UsageError(f"{variable}: not the URL of a proxy", hint=hint)
    if parts.scheme not in ("http", "https"):
        raise UsageError(f"{variable}: the proxy scheme {parts.scheme} is not supported", hint=hint)
    if not login.isascii():
        raise UsageError(f"{variable}: only ASCII is supported in its user name and password")
    return address
