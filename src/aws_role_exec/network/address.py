"""What a URL names: a host, a port, and the target of a request there."""

from __future__ import annotations

from aws_role_exec.errors import Doubt
from aws_role_exec.records import record

_PORTS = {"http": 80, "https": 443}
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
_ADDRESS_CHARACTERS = frozenset("0123456789abcdef:.%")  # of IPv6; % begins a zone


@record
class Address:
    """A URL in parts. `host` is in lower case and without the brackets of an IPv6 address.

    `authority` is the Host header, without the scheme's own port; `target` begins with a slash.
    """

    scheme: str
    host: str
    port: int
    authority: str
    target: str


def parse(url: str) -> Address:
    """Return what an http or https URL names; raises Doubt for anything that is not plain."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _PORTS:
        raise Doubt("an address that is not http or https")
    end = min((rest.find(mark) for mark in "/?#" if mark in rest), default=len(rest))
    authority, target = rest[:end].lower(), rest[end:].partition("#")[0]
    if authority.startswith("["):
        host, bracket, tail = authority[1:].partition("]")
        is_fine = bool(bracket) and ":" in host
    else:
        host, colon, number = authority.partition(":")
        tail = colon + number
        is_fine = True
    if not is_fine or not is_host(host):
        raise Doubt("an address that is not well-formed")
    number = tail[1:]
    if tail and (tail[0] != ":" or not (number.isascii() and number.isdecimal())):
        raise Doubt("a port that is not a number")
    port = int(number) if number else _PORTS[scheme]
    if not 0 < port < 65536:
        raise Doubt("a port that is not a number")
    shown = f"[{host}]" if ":" in host else host
    if port != _PORTS[scheme]:
        shown += f":{port}"
    return Address(scheme, host, port, shown, target if target.startswith("/") else "/" + target)


def is_host(host: str) -> bool:
    """Tell whether it is written as a host name or an IP address is, in small letters."""
    allowed = _ADDRESS_CHARACTERS if ":" in host else _HOST_CHARACTERS
    return bool(host) and allowed.issuperset(host)
