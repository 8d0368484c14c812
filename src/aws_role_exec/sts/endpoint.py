"""Where STS is asked: one row a partition, held against botocore's rules by a test."""

from __future__ import annotations

from aws_role_exec.errors import Doubt, UsageError
from aws_role_exec.records import record

_SUFFIXES = {
    **dict.fromkeys(
        ("af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"), ("amazonaws.com", "api.aws")
    ),
    "cn": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "eu-isoe": ("cloud.adc-e.uk", None),
    "eusc-de": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "us-gov": ("amazonaws.com", "api.aws"),
    "us-iso": ("c2s.ic.gov", "api.aws.ic.gov"),
    "us-isob": ("sc2s.sgov.gov", "api.aws.scloud"),
    "us-isof": ("csp.hci.ic.gov", None),
}
"""What follows the region in a host name, by how the region begins: IPv4 alone, dual stack."""

_GLOBAL_REGIONS = frozenset(
    {
        "ap-northeast-1",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
"""The regions that `sts_regional_endpoints = legacy` sends to the global endpoint."""

_LETTERS_AND_DIGITS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_HEXADECIMAL = frozenset("0123456789abcdef:.")
_PATH_CHARACTERS = _LETTERS_AND_DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~/")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST_HOST, _LONGEST_LABEL = 255, 63  # RFC 1123


@record
class Endpoint:
    """Where a request goes, and for what it is signed.

    `host` is the Host header, `path` the canonical path (it begins with a slash).
    """

    url: str
    host: str
    path: str
    signing_region: str


def resolve(
    region: str, override: str | None, is_fips: bool, is_dual_stack: bool, is_global: bool
) -> Endpoint:
    """Return the endpoint of STS for a region.

    `override` is a URL as `check_url` returns it, and counts before all else, as in botocore;
    `is_global` asks for the global endpoint in the regions of old. Raises Doubt for a region of a
    form that is unknown here.
    """
    name = region.replace("fips-", "").replace("-fips", "")  # pseudo-regions of old
    if name != region:
        region, is_fips = name, True
    if override is not None:
        host, _, path = override.partition("://")[2].partition("/")
        segments = [segment for segment in path.split("/") if segment]
        canonical = "/" + "/".join(segments) + ("/" if segments and path.endswith("/") else "")
        return Endpoint(override, host, canonical, region)
    if is_global and region in _GLOBAL_REGIONS and not is_fips and not is_dual_stack:
        return Endpoint("https://sts.amazonaws.com/", "sts.amazonaws.com", "/", "us-east-1")
    beginning, _, rest = region.rpartition("-")
    beginning, _, place = beginning.rpartition("-")
    suffixes = _SUFFIXES.get(beginning)
    suffix = suffixes[is_dual_stack] if suffixes else None
    if suffix is None or not rest.isdecimal() or not place or set(place) - _LETTERS_AND_DIGITS:
        raise Doubt("a region of unknown form")
    is_plain = not is_fips or (beginning == "us-gov" and not is_dual_stack)
    host = f"{'sts' if is_plain else 'sts-fips'}.{region}.{suffix}"
    return Endpoint(f"https://{host}/", host, "/", region)


def check_url(url: str) -> str:
    """Return the URL of an endpoint as requests go there: the host in lower case, with a path.

    A name and password in it are taken out, since botocore does not send them either; so is the
    port that the scheme has anyway. Raises UsageError, which never shows the URL.
    """
    if any(character <= " " or character == "\x7f" for character in url):
        raise UsageError("the URL contains whitespace or a control character")
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        raise UsageError(
            "not the URL of an endpoint", hint="it must begin with http:// or https://"
        )
    authority, _, path = rest.partition("/")
    if set(url) & set("?#\\"):
        raise UsageError("the URL of an endpoint cannot have a query or a fragment")
    if set(path) - _PATH_CHARACTERS or {".", ".."} & set(path.split("/")):
        raise UsageError("the path of the URL contains an invalid character or ..")
    host, port = _split(authority.rpartition("@")[2].lower())
    if port and (not port.isdecimal() or not port.isascii() or int(port) > 65535):
        raise UsageError("the port in the URL is not a number up to 65535")
    if port and int(port) != _DEFAULT_PORTS[scheme]:
        host += f":{int(port)}"
    return f"{scheme}://{host}/{path}"


def _split(authority: str) -> tuple[str, str]:
    """Return host and port. Raises UsageError for what is neither a name nor an address."""
    if authority.startswith("["):
        address, bracket, rest = authority[1:].partition("]")
        if (
            not bracket
            or ":" not in address
            or set(address) - _HEXADECIMAL
            or rest[:1] not in ("", ":")
        ):
            raise UsageError("the URL contains an invalid IPv6 address")
        return f"[{address}]", rest[1:]
    host, _, port = authority.partition(":")
    for label in host.removesuffix(".").split("."):
        odd = set(label) - _LETTERS_AND_DIGITS - {"-"}
        if not label or odd or len(label) > _LONGEST_LABEL or "-" in (label[0], label[-1]):
            raise UsageError("the URL has no valid host name")
    if len(host) > _LONGEST_HOST:
        raise UsageError("the host name in the URL is too long")
    return host, port
