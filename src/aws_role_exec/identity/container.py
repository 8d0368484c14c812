"""The container credentials endpoint of ECS tasks, EKS Pod Identity and the like."""

from __future__ import annotations

import os
import time

from aws_role_exec import inputs
from aws_role_exec.configuration.files import expand
from aws_role_exec.errors import Fault, IdentityError, Refusal, UsageError
from aws_role_exec.identity import answers
from aws_role_exec.identity.base import Base
from aws_role_exec.network.patience import insist
from aws_role_exec.redaction import keep_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from aws_role_exec.identity.base import Surroundings

_RELATIVE, _FULL = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_TOKEN, _TOKEN_FILE = (
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)
_ECS_ADDRESS = "http://169.254.170.2"
# Whom a token may be sent to in the clear, beside loopback: ECS, EKS Pod Identity (as botocore).
_HOSTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"})
_LONGEST_TOKEN = 1 << 16  # bytes; an agent's token has some hundred
_CONNECT_SECONDS = 2.0  # as botocore
_ANSWER_SECONDS = 5.0  # botocore's 2 s are not enough for an agent that a thousand tasks ask


def find(surroundings: Surroundings) -> Base | None:
    """Return the keys that the endpoint answers with; None where no variable names one.

    A variable that is set and empty names one, too, as in botocore: nobody else is asked then.
    Overload and silence are met with patience until the deadline. Raises IdentityError for
    everything that no patience helps against.
    """
    environ = surroundings.environ
    if _RELATIVE in environ:
        name, url = _RELATIVE, _ECS_ADDRESS + environ[_RELATIVE]
    elif _FULL in environ:
        name, url = _FULL, environ[_FULL]
    else:
        return None
    url, host = answers.check_url(url, name)
    if not url.startswith("https://") and host not in _HOSTS and not _is_loopback(host):
        raise IdentityError(
            f"source credentials: {name}: '{host[:200]}' is not a loopback, ECS or EKS address",
            hint="for other hosts, use https://",
        )
    what = f"the container credentials endpoint ({name})"
    headers = {"accept": "application/json", **_authorization(environ)}
    found = _ask(surroundings, url, headers, what)
    keys = answers.read_keys(found, ("AccessKeyId", "SecretAccessKey", "Token"), what)
    answers.check_expiration(found.get("Expiration"), what, time.time())
    return Base(keys, "container-role", what)


def _ask(
    surroundings: Surroundings, url: str, headers: Mapping[str, str], what: str
) -> dict[str, Any]:
    wire = surroundings.wire
    wire.deadline.waiting_for = what

    def ask() -> dict[str, Any]:
        answer = wire.send(
            "GET",
            url,
            headers,
            b"",
            connect_seconds=_CONNECT_SECONDS,
            answer_seconds=_ANSWER_SECONDS,
            proxied=False,
        )
        return answers.read(answer)

    try:
        return insist(ask, wire.deadline, surroundings.tell, answers.passing)
    except (Fault, Refusal) as error:
        raise answers.identity_error(error, what, _hint(error, headers)) from error
    except ValueError:
        raise IdentityError(f"source credentials: {what} returned {_NOT_JSON}") from None


_NOT_JSON = "something that is not a JSON object"


def _hint(error: Fault | Refusal, headers: Mapping[str, str]) -> str | None:
    if isinstance(error, Fault):
        return None if error.name not in ("unreachable", "connect timeout") else _UNREACHED
    if error.status in (401, 403):
        if "authorization" in headers:
            return f"does the token in {_TOKEN} or {_TOKEN_FILE} belong to this endpoint?"
        return f"does it require a token? See {_TOKEN} and {_TOKEN_FILE}"
    return None


_UNREACHED = (
    f"was {_RELATIVE} or {_FULL} left over from another container? No other identity is used"
    " while it is"
    " set"
)


def _is_loopback(host: str) -> bool:
    if host == "127.0.0.1":
        return True
    from ipaddress import ip_address  # rarely another

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _authorization(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the header with the token, if there is to be one; the file goes first."""
    if _TOKEN_FILE in environ:
        path = expand(environ[_TOKEN_FILE], environ)
        where = f"the token in {path} ({_TOKEN_FILE})"
        try:
            token = os.fsdecode(inputs.read(path, _LONGEST_TOKEN))
        except UsageError as error:
            raise IdentityError(f"source credentials: {_TOKEN_FILE}: {error}") from None
    elif _TOKEN in environ:
        where, token = _TOKEN, environ[_TOKEN]
    else:
        return {}
    keep_secret(token.strip(), *token.split())
    # Schemes have a blank in them (`Basic ...`); the rest is what no header may hold.
    if not all(" " <= character <= "~" or character == "\t" for character in token):
        why = "a line break" if "\n" in token or "\r" in token else "an invalid character"
        raise IdentityError(
            f"source credentials: {where} contains {why}",
            hint="remove it: write the token with printf %s, not echo",
        )
    return {"authorization": token.strip(" \t")}
