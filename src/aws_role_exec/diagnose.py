"""Errors of STS and of the way to it, told in one line, with what to do in another."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import botocore.exceptions as bc
from botocore.parsers import ResponseParserError

from aws_role_exec.errors import IdentityError, StsError

if TYPE_CHECKING:
    from botocore.session import Session

    from aws_role_exec.deadline import Deadline

Tell = Callable[[str], None]
"""Takes a line about what is being done, for `--verbose`."""

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
class Refusal:
    """An answer of STS and what a person can do about it.

    It matches an error whose code is one of `codes` and whose message has `contains`. `hint`
    may name {role}, {region}, {source} (where the base credentials came from), {who} (the
    identity that asked, as STS named it) and {percent} (of the packed size allowed).
    """

    codes: tuple[str, ...]
    contains: str
    hint: str


REFUSALS = (
    Refusal(
        ("AccessDenied",),
        "MultiFactorAuthentication",
        "the role wants a multi-factor code, and the one given was not valid",
    ),
    Refusal(
        ("AccessDenied",),
        "explicit deny",
        "a policy denies this outright: look for Deny statements that cover {who} or {role}",
    ),
    Refusal(
        ("AccessDenied",),
        "may not be assumed by root",
        "use an IAM user's or a role's credentials; the account's root user cannot assume roles",
    ),
    Refusal(
        ("AccessDenied",),
        "",
        "{who} needs sts:AssumeRole on the role, and the role's trust policy must allow {who};"
        " that policy may also ask for an external id, MFA, tags or a source identity",
    ),
    Refusal(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        "",
        "the base credentials from {source} have expired; renew them, or unset them if something"
        " better stands behind them",
    ),
    Refusal(
        ("InvalidClientTokenId", "UnrecognizedClientException"),
        "",
        "STS does not know the key from {source}: deleted, inactive, of another partition, or"
        " temporary and without its session token",
    ),
    Refusal(
        ("SignatureDoesNotMatch", "IncompleteSignature"),
        "",
        "the secret key from {source} does not belong to its access key; was it cut when copied?",
    ),
    Refusal(
        ("ValidationError",),
        "role chaining",
        "a role assumed with a role's credentials lasts 1h at most: use --duration 1h",
    ),
    Refusal(
        ("ValidationError",),
        "MaxSessionDuration",
        "ask for less with --duration, or raise the role's maximum session duration in IAM",
    ),
    Refusal(
        ("PackedPolicyTooLarge",),
        "",
        "the session policy and tags take {percent} of the packed size allowed; make them smaller",
    ),
    Refusal(
        ("MalformedPolicyDocument",),
        "",
        "the session policy is valid JSON that IAM does not accept; see the message above",
    ),
    Refusal(
        ("RegionDisabledException",),
        "",
        "STS is switched off in {region} for the account: name another --region, or have it"
        " activated in the account settings of IAM",
    ),
    Refusal(
        ("InvalidIdentityToken", "IDPRejectedClaim"),
        "",
        "the OIDC token was not accepted: check its audience, its issuer and its age",
    ),
)


def sts_error(error: Exception, *, role_arn: str, region: str, provider: str) -> StsError:
    """Return STS's refusal, or the fault on the way to it, as one of our errors.

    `provider` is botocore's name for where the base credentials came from.
    """
    what = f"assuming {role_arn}"
    if isinstance(error, bc.ClientError):
        code, message = _code_and_message(error)
        facts = {
            "role": role_arn,
            "region": region,
            "source": describe_provider(provider),
            "who": _first(r"User: (\S+) is not authorized", message) or "the caller",
            "percent": _first(r"(\d+%)", message) or "more than all",
        }
        hint = _skew_hint(error) or _refusal_hint(code, message, facts)
        return StsError(f"{what}: {code}: {_shorten(message)}", hint=hint)
    why, hint = _transport(error)
    return StsError(f"{what}: {why}", hint=hint)


def timeout_error(deadline: Deadline) -> StsError:
    """Return the error for a deadline that passed, with what happened last."""
    hint = "give it longer with --sts-timeout"
    why = f"no answer within {deadline.seconds:g}s"
    error = deadline.last_error
    if error is not None:
        why += f", last: {in_a_word(error)}"
        if transient_kind(error) == "throttled":
            hint = (
                "too many requests in this account and region at once: spread the jobs' starts,"
                " or give it longer with --sts-timeout"
            )
        elif not isinstance(error, bc.ClientError):
            hint = _transport(error)[1] or hint
    return StsError(f"{deadline.waiting_for}: {why}", hint=hint)


def identity_error(error: Exception) -> IdentityError:
    """Return the error that kept a provider from giving base credentials as one of ours."""
    hint = None
    if isinstance(error, bc.ClientError):
        code, message = _code_and_message(error)
        why = f"{error.operation_name}: {code}: {_shorten(message)}"
        hint = _skew_hint(error)
        if isinstance(error, bc.ClientError) and error.operation_name == "GetRoleCredentials":
            hint = "log in again: aws sso login"
    elif isinstance(error, (bc.SSOError, bc.TokenRetrievalError)):
        why, hint = _shorten(str(error)), "log in again: aws sso login"
    elif isinstance(error, bc.LoginError):
        why, hint = _shorten(str(error)), "log in again: aws login"
    elif isinstance(error, bc.PartialCredentialsError):
        why, hint = _shorten(str(error)), "set both the access key and the secret key, or neither"
    elif isinstance(error, (bc.ConnectionError, bc.HTTPClientError)):
        why, hint = _transport(error)
    elif isinstance(error, bc.BotoCoreError):
        why = _shorten(str(error))
    elif isinstance(error, OSError):
        why = error.strerror or type(error).__name__
        if error.filename:
            why = f"{error.filename}: {why}"
    elif isinstance(error, RuntimeError) and "expired" in str(error):
        why, hint = "they have expired", "renew them"
        if os.environ.get("AWS_CREDENTIAL_EXPIRATION"):
            hint = "renew them, or unset AWS_CREDENTIAL_EXPIRATION if it was left by older ones"
    elif isinstance(error, ValueError) and os.environ.get("AWS_CREDENTIAL_EXPIRATION"):
        why, hint = "AWS_CREDENTIAL_EXPIRATION is not a time", "unset it, or use ISO 8601"
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
    return _transport(error)[0]


def describe_provider(method: str) -> str:
    """Return where credentials came from in a user's words, given botocore's name for it."""
    return PROVIDERS.get(method, method)


PROVIDERS = {
    "env": "the environment",
    "assume-role": "the profile's role",
    "assume-role-with-web-identity": "a web identity token file",
    "sso": "the SSO login cache",
    "shared-credentials-file": "the shared credentials file",
    "login": "the console login cache",
    "custom-process": "the profile's credential_process",
    "config-file": "the config file",
    "ec2-credentials-file": "AWS_CREDENTIAL_FILE",
    "boto-config": "the boto config file",
    "container-role": "the container credentials endpoint",
    "iam-role": "the instance metadata service",
}


def where_was_looked(session: Session) -> str:
    """Return the hint for a chain of providers that came to nothing."""
    profile = session.get_config_variable("profile") or "default"
    files = [session.get_config_variable(name) for name in ("credentials_file", "config_file")]
    off = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    metadata = "is switched off" if off else "did not answer with a role"
    return (
        f"looked in the environment, in {files[0]} and {files[1]} (profile {profile}) and at the"
        f" container endpoint; the instance metadata service {metadata}"
    )


def _transport(error: Exception) -> tuple[str, str | None]:
    """Return why STS was not reached, or not understood, and the hint."""
    text = str(error)
    if isinstance(error, bc.ProxyConnectionError):
        return "the proxy did not take the connection", "see HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
    if isinstance(error, bc.SSLError):
        return _certificate(text)
    if isinstance(error, bc.ConnectTimeoutError):
        return "connecting timed out", _REACH_HINT
    if isinstance(error, bc.EndpointConnectionError):
        return f"{_shorten(text)}", _REACH_HINT
    if isinstance(error, bc.ReadTimeoutError):
        return "no answer on an open connection", "give it longer with --sts-timeout"
    if isinstance(error, bc.HTTPClientError):
        return "the connection was dropped", None
    if isinstance(error, ResponseParserError):
        return (
            "the answer is not STS's",
            "something else answers there: a proxy, a login page, another service?",
        )
    return _shorten(text), None


_REACH_HINT = (
    "no route from here? See --region, AWS_ENDPOINT_URL_STS, HTTPS_PROXY, and in a private"
    " network its STS endpoint"
)


def _certificate(text: str) -> tuple[str, str | None]:
    lowered = text.lower()
    if "no certificate or crl found" in lowered or "no such file" in lowered:
        bundle = os.environ.get("AWS_CA_BUNDLE") or "the profile's ca_bundle"
        return (
            f"{bundle} holds no certificate of an authority",
            "name a PEM file with the authorities to trust in AWS_CA_BUNDLE, or unset it",
        )
    if "hostname mismatch" in lowered or "doesn't match" in lowered or "not valid for" in lowered:
        return (
            "the certificate is for another host name",
            "is that a proxy, or an endpoint override that names another host?",
        )
    if "expired" in lowered:
        return (
            "the certificate has expired",
            "if it has not, this machine's clock is wrong: see date -u",
        )
    if "verify failed" in lowered or "self-signed" in lowered or "self signed" in lowered:
        return (
            "the certificate is not signed by a trusted authority",
            "if a proxy of yours signs it, name its authority's PEM file in AWS_CA_BUNDLE",
        )
    if "wrong_version_number" in lowered or "record layer" in lowered:
        return "the port does not speak TLS", "http:// instead of https://, or another port?"
    return (
        f"TLS failed: {_shorten(text)}",
        "see AWS_CA_BUNDLE, HTTPS_PROXY and AWS_ENDPOINT_URL_STS",
    )


def _is_dropped_handshake(error: Exception) -> bool:
    text = str(error).lower()
    return "eof" in text or "reset" in text


def _code_and_message(error: bc.ClientError) -> tuple[str, str]:
    found: dict[str, Any] = dict(error.response.get("Error", {}))
    return str(found.get("Code") or "Unknown"), str(found.get("Message") or "no message")


def _refusal_hint(code: str, message: str, facts: dict[str, str]) -> str | None:
    for refusal in REFUSALS:
        if code in refusal.codes and refusal.contains in message:
            return refusal.hint.format(**facts)
    return None


def _skew_hint(error: bc.ClientError) -> str | None:
    """Return the hint about this machine's clock when the answer's Date is far from it."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        theirs = parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    seconds = (datetime.now(UTC) - theirs).total_seconds()
    if abs(seconds) < _SKEW_SECONDS:
        return None
    direction = "ahead of" if seconds > 0 else "behind"
    minutes = round(abs(seconds) / 60)
    return f"this machine's clock is {minutes} minutes {direction} STS's; set it (see timedatectl)"


def _first(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


# What we sent and a service may quote: whoever has it could send it again.
_SENT_SECRETS = re.compile(
    r"(Signature=|WebIdentityToken=|x-amz-security-token\W+|x-amz-sso_bearer_token\W+)[^\s,;&]+",
    re.IGNORECASE,
)


def _shorten(text: str) -> str:
    text = _SENT_SECRETS.sub(r"\1***", " ".join(text.split()))
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."
