"""STS's query protocol without input or output: a call becomes a form, an answer its result.

No socket, no clock and no environment is used here. Tests hold forms, signatures and readings
against botocore's serializer, signer and parser.
"""

from __future__ import annotations

import time

from aws_role_exec.credentials import Credentials, Keys
from aws_role_exec.errors import Fault, Refusal

try:
    # The C half alone: the Python halves try every algorithm that OpenSSL has.
    from _hashlib import hmac_digest
    from _hashlib import openssl_sha256 as sha256
except ImportError:  # pragma: no cover - needs a Python without OpenSSL
    from hashlib import sha256
    from hmac import digest as hmac_digest  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

VERSION = "2011-06-15"
"""Of STS's API: its only one."""
CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def form(action: str, parameters: Mapping[str, Any]) -> bytes:
    """Return the body of a call.

    A parameter is text, a number, or lists and mappings of these, which the query protocol
    writes as `Tags.member.1.Key`. None and empty lists are parameters that are not sent.
    """
    fields = {"Action": action, "Version": VERSION, **dict(_flatten("", parameters))}
    return "&".join(f"{name}={quote(text)}" for name, text in fields.items()).encode("ascii")


def _flatten(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(f"{name}.{key}" if name else key, inner)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value, 1):
            yield from _flatten(f"{name}.member.{number}", inner)
    elif value is not None:
        yield name, str(value)


def quote(text: str) -> str:
    """Return the text percent-encoded (RFC 3986), all but letters, digits and `-._~`."""
    return "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode("utf-8")
    )


def sign(
    body: bytes,
    host: str,
    path: str,
    *,
    region: str,
    keys: Keys,
    seconds_since_epoch: float,
) -> dict[str, str]:
    """Return the headers of a form signed for STS (signature version 4, IAM User Guide).

    `host` is the Host header as it will be sent: lower case, without the scheme's own port;
    `path` begins with a slash.
    """
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds_since_epoch))
    headers = {"content-type": CONTENT_TYPE, "host": host, "x-amz-date": timestamp}
    if keys.session_token:
        headers["x-amz-security-token"] = keys.session_token
    names = ";".join(sorted(headers))
    # Values are signed without blanks around them, and with one where there are several.
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    canonical = f"POST\n{path}\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
    scope = f"{timestamp[:8]}/{region}/sts/aws4_request"
    digest = sha256(canonical.encode("utf-8")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    key = b"AWS4" + keys.secret_access_key.encode("utf-8")
    for part in (*scope.split("/"), text):
        key = hmac_digest(key, part.encode("utf-8"), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope},"
        f" SignedHeaders={names}, Signature={key.hex()}"
    )
    return headers


def read(
    action: str, url: str, status: int, headers: Mapping[str, str], body: bytes
) -> dict[str, str]:
    """Return the result in an answer of STS: the text of each element, by its path.

    As in `Credentials/AccessKeyId`. Raises Refusal when STS, or a gateway in front of it that
    is overloaded, says no; and Fault `not STS` for what no STS would answer.
    """
    try:
        found = _leaves(body)
    except ValueError as error:
        if status == 429 or status >= 500:  # load balancers answer with pages of their own
            raise Refusal("", "", status, headers) from None
        raise Fault("not STS", url, f"{_describe(status, headers)}: {error}") from None
    if status > 300:
        code = _first(found, ("Error/Code", "Errors/Error/Code"))
        message = _first(found, ("Error/Message", "Errors/Error/Message"))
        if not code and status < 500 and status != 429:
            raise Fault("not STS", url, f"{_describe(status, headers)}: not an error from STS")
        raise Refusal(code, message, status, headers)
    prefix = f"{action}Result/"
    return {
        path.removeprefix(prefix): text for path, text in found.items() if path.startswith(prefix)
    }


def _describe(status: int, headers: Mapping[str, str]) -> str:
    """Return the status of an answer with its kind, or the host that it redirects to.

    As in `HTTP 403, text/html`. The rest of a redirection's address may hold a secret.
    """
    scheme, separator, rest = headers.get("location", "").partition("://")
    if 300 < status < 400 and separator:
        host = rest.replace("?", "/").partition("/")[0].rpartition("@")[2]
        kind = f"to {scheme}://{host}"
    else:
        kind = headers.get("content-type", "").partition(";")[0].strip()
    return f"HTTP {status}" + (f", {kind}" if kind and kind.isprintable() else "")


def credentials(result: Mapping[str, str], url: str) -> Credentials:
    """Return the credentials in the result of a call that assumes a role.

    Raises Fault `not STS` where one is missing, StsError where a value is not of its form.
    """
    names = (
        "Credentials/AccessKeyId",
        "Credentials/SecretAccessKey",
        "Credentials/SessionToken",
        "Credentials/Expiration",
        "AssumedRoleUser/Arn",
    )
    missing = [name for name in names if not result.get(name)]
    if missing:
        raise Fault("not STS", url, f"no {missing[0]}")
    key_id, secret, token, expiration, arn = (result[name] for name in names)
    return Credentials(key_id, secret, token, to_seconds(expiration), arn)


def to_seconds(expiration: str) -> str:
    """Return an ISO 8601 time in UTC, to the second: `2026-03-21T20:00:00Z`.

    STS writes it so; services that speak its protocol add fractions and other zones. What is
    no time is returned as it is, for Credentials to refuse.
    """
    if len(expiration) == 20 and expiration[-1] == "Z":
        return expiration
    from datetime import UTC, datetime  # not for STS itself

    try:
        moment = datetime.fromisoformat(expiration)
    except ValueError:
        return expiration
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _first(found: Mapping[str, str], paths: Sequence[str]) -> str:
    return next((found[path] for path in paths if path in found), "")


def _leaves(body: bytes) -> dict[str, str]:
    """Return the text of every element that holds no other, by its path below the root.

    Raises ValueError for what is not XML, has a document type (and so may define entities),
    or says the same thing twice; the message quotes nothing of it.
    """
    import pyexpat  # not for a dry run

    found: dict[str, str] = {}
    path: list[str] = []
    text: list[str] = []
    is_leaf = False

    def start(name: str, _attributes: object) -> None:
        nonlocal is_leaf
        path.append(name.rpartition(":")[2])
        text.clear()
        is_leaf = True

    def end(_name: str) -> None:
        nonlocal is_leaf
        if is_leaf:
            place = "/".join(path[1:])
            if place in found:
                raise ValueError(f"{path[-1][:80]} occurs twice")
            found[place] = "".join(text).strip()
        path.pop()
        is_leaf = False

    def refuse(*_: object) -> None:
        raise ValueError("it has a document type")

    parser = pyexpat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except pyexpat.ExpatError:
        raise ValueError("it is not XML" if body.strip() else "it is empty") from None
    return found
