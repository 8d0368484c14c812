"""What hands out credentials answers: asked patiently, read strictly, and never quoted.

The instance metadata service, container endpoints, IAM Identity Center's portal, GitHub's token
endpoint and a profile's helper all answer in JSON.
"""

from __future__ import annotations

from aws_role_exec.credentials import Keys, check_key, check_token, has_passed, is_time
from aws_role_exec.errors import Fault, IdentityError, Refusal
from aws_role_exec.network.patience import DOUBTFUL_KINDS
from aws_role_exec.redaction import cite, keep_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from aws_role_exec.network.exchange import Answer


def read(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer with status 200.

    Raises Refusal for any other status, with the code and the message that the service gives,
    and ValueError for what is no JSON object.
    """
    if answer.status == 200:
        return read_object(answer.body)
    try:
        found = read_object(answer.body)
    except ValueError:
        found = {}
    code = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
    code = code or _text(found, "code", "Code", "__type").rpartition("#")[2]
    raise Refusal(code, _text(found, "message", "Message"), answer.status, answer.headers)


def _text(found: Mapping[str, Any], *names: str) -> str:
    return next((found[name] for name in names if isinstance(found.get(name), str)), "")


class _Context:
    """What `json.JSONDecoder` tells its C half, whose import alone costs as much as asking STS."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int
    memo: dict[str, str] = {}  # noqa: RUF012 - the C half wants to find one


_CONTEXT: Any = _Context


def read_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object that the text is, and nothing else; raises ValueError."""
    from _json import make_scanner  # not for keys in the environment

    document = text.decode("utf-8-sig").strip(" \t\r\n")
    try:
        found, end = make_scanner(_CONTEXT)(document, 0)
    except (StopIteration, RecursionError, SystemError):
        # SystemError: it looks for json.decoder's error, which nobody has imported.
        raise ValueError("not JSON") from None
    if end != len(document) or not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def read_keys(found: Mapping[str, Any], names: tuple[str, str, str], what: str) -> Keys:
    """Return the keys under these names: the key's ID, the secret and the session token.

    The token may be missing or null. Raises IdentityError, which names `what` answered so.
    """
    key_id, secret, token = (found.get(name) for name in names)
    missing = [name for name, value in zip(names, (key_id, secret), strict=False) if not value]
    if missing:
        raise IdentityError(f"source credentials: {what} has no {' and no '.join(missing)}")
    if not isinstance(key_id, str) or not isinstance(secret, str):
        raise IdentityError(f"source credentials: {what} has a key that is not text")
    if token is not None and not isinstance(token, str):
        raise IdentityError(f"source credentials: {what} has a {names[2]} that is not text")
    keep_secret(secret, token or "")
    return Keys(
        check_key(key_id, f"the {names[0]} of {what}"),
        check_key(secret, f"the {names[1]} of {what}"),
        check_token(token, f"the {names[2]} of {what}") if token else "",
    )


def check_expiration(expiration: object, what: str, now: float) -> None:
    """Raise IdentityError unless this is a time to come; `now` is in seconds since the epoch.

    `what` is what said so.
    """
    moment = to_utc(expiration) if isinstance(expiration, str) and expiration else None
    if moment is None:
        raise IdentityError(
            f"source credentials: the Expiration of {what} is "
            + ("empty" if expiration == "" else "not an ISO 8601 time"),
            hint="write it as in 2026-03-21T20:00:00Z",
        )
    if has_passed(moment, now):
        raise IdentityError(
            f"source credentials: {what} expired at {moment}",
            hint="renew them, or check whether this machine's clock is ahead (date -u)",
        )


def to_utc(text: str) -> str | None:
    """Return an ISO 8601 time as AWS writes it, in UTC to the second; None if it is none.

    A time without a zone is none.
    """
    if is_time(text):
        return text
    from datetime import UTC, datetime  # AWS itself writes the form above

    try:
        moment = datetime.fromisoformat(text.removesuffix("UTC") + "Z" * text.endswith("UTC"))
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def passing(error: Fault | Refusal) -> str | None:
    """Tell whether asking a service on this machine or node again may help; None if not.

    As for STS, but for what means that there is no such service here: a connection that cannot
    be made in time may mean that, one that is refused does for certain.
    """
    from aws_role_exec.sts import diagnose  # only when something failed

    kind = diagnose.passing(error)
    is_sure = isinstance(error, Fault) and error.name != "connect timeout"
    return None if is_sure and kind in DOUBTFUL_KINDS else kind


def identity_error(
    error: Fault | Refusal,
    what: str,
    hint: str | None = None,
    *,
    sought: str = "source credentials",
) -> IdentityError:
    """Return the error for a service, named by `what`, that was not reached or said no."""
    if isinstance(error, Refusal):
        said = ": ".join(part for part in (error.code, cite(error.message)) if part)
        status = f"returned HTTP {error.status}"
        return IdentityError(
            f"{sought}: {what} {status}" + (f": {said}" if said else ""), hint=hint
        )
    from aws_role_exec.sts import refusals  # only when something failed

    found = refusals.FAULTS[error.name]
    why = found.why.format(error=error.detail, bundle=error.detail)
    return IdentityError(f"{sought}: {what}: {why}", hint=hint or found.hint)


def check_url(url: str, what: str) -> tuple[str, str]:
    """Return an address that can be asked, without a fragment and with a path, and its host.

    The host is in lower case, an IPv6 address without its brackets. `what` names the variable
    or the setting. Raises IdentityError, which does not quote it: it may hold a password.
    """
    scheme, _, rest = url.partition("://")
    rest = rest.partition("#")[0]
    authority = rest.replace("?", "/").partition("/")[0]
    target = rest[len(authority) :]
    if scheme.lower() not in ("http", "https") or not authority:
        raise IdentityError(f"source credentials: {what} is not an http:// or https:// address")
    if not all("!" <= character <= "~" for character in url):
        raise IdentityError(
            f"source credentials: {what} contains whitespace or a control character"
        )
    if "@" in authority:
        raise IdentityError(f"source credentials: {what} contains a user name, which is never sent")
    host, bracket, port = authority.rpartition("]")
    if bracket:
        host, port = host[1:], port[1:]
    else:
        host, _, port = authority.partition(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port[:6]) < 65536)):
        raise IdentityError(f"source credentials: {what} has no valid host and port")
    path = target if target.startswith("/") else "/" + target
    return f"{scheme.lower()}://{authority}{path}", host.lower()
