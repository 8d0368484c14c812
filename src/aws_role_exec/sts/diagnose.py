"""Errors of STS and of the way to it, told in one line, with what to do in another."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import botocore.exceptions as bc
from botocore.parsers import ResponseParserError

from aws_role_exec.errors import IdentityError, StsError, redact
from aws_role_exec.sts import refusals

if TYPE_CHECKING:
    from botocore.session import Session

    from aws_role_exec.network.deadline import Deadline

_THROTTLING = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# Codes that pass by themselves, whatever the HTTP status (STS API reference, Common errors).
_PASSING = frozenset(
    {"IDPCommunicationError", "InternalError", "InternalFailure", "ServiceUnavailable"}
)
_SKEW_SECONDS = 5 * 60  # what signature version 4 allows
_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Question:
    """What STS was asked, for the words of its refusal.

    `source` is where the asking credentials came from and `unsent` what a trust policy may
    want and was not sent, both in a user's words; `hop` is as in `hop 2 of 3`, empty where
    there is one only; `token` has the claims of an OIDC token, if one asked.
    """

    role_arn: str
    region: str
    source: str
    unsent: str
    hop: str = ""
    token: Mapping[str, str] | None = None


def sts_error(error: Exception, question: Question) -> StsError:
    """Return STS's refusal, or the fault on the way to it, as one of our errors."""
    what = f"assuming {question.role_arn}" + (f" ({question.hop})" if question.hop else "")
    if isinstance(error, bc.ClientError):
        code, message = _code_and_message(error)
        return StsError(f"{what}: {code}: {message}", hint=_refusal_hint(error, question))
    why, hint = fault(error)
    return StsError(f"{what}: {why}", hint=hint)


def timeout_error(deadline: Deadline) -> StsError:
    """Return the error for a deadline that passed, with what happened last."""
    hint: str | None = refusals.LONGER_HINT
    why = f"no answer within {deadline.seconds:g}s"
    error = deadline.last_error
    if error is not None:
        why += f", last: {in_a_word(error)}"
        if transient_kind(error) == "throttled":
            hint = refusals.THROTTLED_HINT
        elif not isinstance(error, bc.ClientError):
            hint = fault(error)[1] or hint
    return StsError(f"{deadline.waiting_for}: {why}", hint=hint)


def identity_error(error: Exception, region: str) -> IdentityError:
    """Return the error that kept a provider from giving base credentials as one of ours."""
    hint = None
    if isinstance(error, bc.ClientError):
        code, message = _code_and_message(error)
        why = f"{error.operation_name}: {code}: {message}"
        if error.operation_name == "GetRoleCredentials":
            hint = refusals.IDENTITY_HINTS["sso"]
        else:
            role_arn = _first(r"on resource: (\S+)", message) or "the profile's role"
            hint = _refusal_hint(
                error,
                Question(
                    role_arn, region, "the profile", "an external id, MFA or a source identity"
                ),
            )
    elif isinstance(error, (bc.SSOError, bc.TokenRetrievalError)):
        why, hint = _shorten(str(error)), refusals.IDENTITY_HINTS["sso"]
    elif isinstance(error, bc.LoginError):
        why, hint = _shorten(str(error)), refusals.IDENTITY_HINTS["login"]
    elif isinstance(error, bc.MissingDependencyException):
        why = "the profile's way to log in needs the AWS CRT library, which is not here"
        hint = refusals.IDENTITY_HINTS["no crt"]
    elif isinstance(error, bc.PartialCredentialsError):
        why, hint = _shorten(str(error)), refusals.IDENTITY_HINTS["partial"]
    elif isinstance(error, (bc.ConnectionError, bc.HTTPClientError)):
        why, hint = fault(error)
    elif isinstance(error, bc.BotoCoreError):
        why = _shorten(str(error))
    elif isinstance(error, OSError):
        why = error.strerror or type(error).__name__
        if error.filename:
            why = f"{error.filename}: {why}"
    elif isinstance(error, RuntimeError) and "expired" in str(error):
        by_variable = os.environ.get("AWS_CREDENTIAL_EXPIRATION")
        why = "they have expired"
        hint = refusals.IDENTITY_HINTS["expired by a variable" if by_variable else "expired"]
    elif isinstance(error, ValueError) and os.environ.get("AWS_CREDENTIAL_EXPIRATION"):
        why = "AWS_CREDENTIAL_EXPIRATION is not a time"
        hint = refusals.IDENTITY_HINTS["not a time"]
    else:
        # A foreign message may quote what could not be parsed, and that may be a secret.
        why = f"a provider failed with {type(error).__name__}"
    return IdentityError(f"base credentials: {why}", hint=hint)


def transient_kind(error: Exception) -> str | None:
    """Tell whether asking again may help, and how; None if not.

    `throttled` and `fault` pass. `unreachable` and `garbled` (an answer cut short, or not
    STS's at all) may, but are rather a mistake that stays.
    """
    if isinstance(error, bc.ClientError):
        code, _ = _code_and_message(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLING or status == 429:
            return "throttled"
        return "fault" if code in _PASSING or status >= 500 else None
    if isinstance(error, bc.SSLError):
        return "fault" if _is_dropped_handshake(error) else None
    if isinstance(
        error, (bc.EndpointConnectionError, bc.ConnectTimeoutError, bc.ProxyConnectionError)
    ):
        return "unreachable"
    if isinstance(error, ResponseParserError):
        return "garbled"
    return "fault" if isinstance(error, bc.HTTPClientError) else None


def in_a_word(error: Exception) -> str:
    """Return the shortest name of a fault: STS's code, or what happened to the connection."""
    if isinstance(error, bc.ClientError):
        return _code_and_message(error)[0]
    return fault(error)[0]


def describe_provider(method: str) -> str:
    """Return where credentials came from in a user's words, given botocore's name for it."""
    return refusals.PROVIDERS.get(method, method)


def where_was_looked(session: Session, asked: Sequence[str]) -> str:
    """Return the hint for a chain of providers, of these names, that came to nothing."""
    profile = session.get_config_variable("profile") or "default"
    files = [session.get_config_variable(name) for name in ("credentials_file", "config_file")]
    off = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    environment = "the environment, in " if "env" in asked else ""
    return refusals.IDENTITY_HINTS["none"].format(
        places=f"{environment}{files[0]} and {files[1]} (profile {profile}) and at the container"
        " endpoint",
        metadata="is switched off" if off else "did not answer with a role",
    )


def fault(error: Exception) -> tuple[str, str | None]:
    """Return why a server was not reached, or not understood, and the hint."""
    name = _name_fault(error)
    if name is None:
        return _shorten(str(error)), None
    found = refusals.FAULTS[name]
    bundle = os.environ.get("AWS_CA_BUNDLE") or "the profile's ca_bundle"
    return found.why.format(error=_shorten(str(error)), bundle=bundle), found.hint


def _name_fault(error: Exception) -> str | None:
    if isinstance(error, bc.ProxyConnectionError):
        return "proxy"
    if isinstance(error, bc.SSLError):
        return _certificate(str(error).lower())
    if isinstance(error, bc.ConnectTimeoutError):
        return "connect timeout"
    if isinstance(error, bc.EndpointConnectionError):
        return "unreachable"
    if isinstance(error, bc.ReadTimeoutError):
        return "read timeout"
    if isinstance(error, bc.HTTPClientError):
        return "dropped"
    return "not STS" if isinstance(error, ResponseParserError) else None


def _certificate(text: str) -> str:
    if "no certificate or crl found" in text or "no such file" in text:
        return "no authorities"
    if "hostname mismatch" in text or "doesn't match" in text or "not valid for" in text:
        return "host name"
    if "expired" in text:
        return "expired certificate"
    if "verify failed" in text or "self-signed" in text or "self signed" in text:
        return "untrusted"
    if "wrong_version_number" in text or "record layer" in text:
        return "not TLS"
    return "TLS"


def _is_dropped_handshake(error: Exception) -> bool:
    text = str(error).lower()
    return "eof" in text or "reset" in text


def code_of(error: Exception) -> str | None:
    """Return the code by which a service refused, None if it did not answer."""
    return _code_and_message(error)[0] if isinstance(error, bc.ClientError) else None


def is_too_long(error: Exception) -> bool:
    """Tell whether STS refused because it gives this role, or this asker, no session so long."""
    if not isinstance(error, bc.ClientError):
        return False
    code, message = _code_and_message(error)
    return code == "ValidationError" and "DurationSeconds exceeds" in message


def who_asked(error: Exception) -> str | None:
    """Return the identity that a refusal names as the one that asked."""
    message = _code_and_message(error)[1] if isinstance(error, bc.ClientError) else ""
    return _first(r"User: (\S+) is not authorized", message)


def _code_and_message(error: bc.ClientError) -> tuple[str, str]:
    found: dict[str, Any] = dict(error.response.get("Error", {}))
    return str(found.get("Code") or "Unknown"), _shorten(str(found.get("Message") or "no message"))


def _refusal_hint(error: bc.ClientError, question: Question) -> str | None:
    skew = _skew_hint(error)
    if skew:
        return skew
    code, message = _code_and_message(error)
    who = "the caller" if question.token is None else "the token's subject"
    facts = {
        "role": question.role_arn,
        "region": question.region,
        "source": question.source,
        "unsent": question.unsent,
        "who": who_asked(error) or who,
        "percent": _first(r"(\d+%)", message) or "more than all",
        "token": ", ".join(f"{name}={value}" for name, value in (question.token or {}).items())
        or "nothing of itself",
    }
    for refusal in refusals.REFUSALS:
        if code in refusal.codes and refusal.contains in message:
            return refusal.hint.format(**facts)
    return None


def _skew_hint(error: bc.ClientError) -> str | None:
    """Return the hint about this machine's clock when the answer's Date is far from it."""
    seconds = clock_skew_seconds(error.response)
    if seconds is None or abs(seconds) < _SKEW_SECONDS:
        return None
    return refusals.SKEW_HINT.format(
        minutes=round(abs(seconds) / 60), direction="ahead of" if seconds > 0 else "behind"
    )


def clock_skew_seconds(answer: Mapping[str, Any]) -> float | None:
    """Return by how much this machine's clock is ahead of the one that dated an answer.

    To about a second, as that is what the Date header holds; None when it has none.
    """
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        theirs = parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    return (datetime.now(UTC) - theirs).total_seconds()


def _first(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


# What we sent and a service may quote: whoever has it could send it again.
_SENT_SECRETS = re.compile(
    r"(Signature=|WebIdentityToken=|x-amz-security-token\W+|x-amz-sso_bearer_token\W+)[^\s,;&]+",
    re.IGNORECASE,
)


def _shorten(text: str) -> str:
    # Before it is cut: half a secret is one, too.
    text = _SENT_SECRETS.sub(r"\1***", " ".join(redact(text).split()))
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."
