"""Asking STS: hop by hop, again while it is worth it, and no longer than the deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore import UNSIGNED
from botocore.awsrequest import HeadersDict
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError, create_parser

from aws_role_exec import __version__
from aws_role_exec.credentials import Credentials
from aws_role_exec.errors import IdentityError, StsError, keep_secret
from aws_role_exec.identity import botocore_chain, oidc
from aws_role_exec.messages import tell as tell_always
from aws_role_exec.network import exchange
from aws_role_exec.sts import diagnose, duration, refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.session import Session

    from aws_role_exec.messages import Tell
    from aws_role_exec.network.deadline import Deadline
    from aws_role_exec.request.request import Request
    from aws_role_exec.trail import Trail

# Decorrelated jitter: of the strategies tried with 1000 clients against 100 requests/s, the one
# by which all got their credentials within 30 s with the fewest requests.
_SHORTEST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 5.0
# A host that cannot be reached at all is more likely misspelt than busy, and one that talks
# nonsense more likely another's than STS's.
_DOUBTFUL_KINDS = ("unreachable", "garbled")
_DOUBTFUL_ATTEMPTS = 3
_CONNECT_TIMEOUT_SECONDS = 5.0
_FAULTS = (BotoCoreError, ClientError, ResponseParserError)
# A hop before the last is used once, and at once.
_HOP_SECONDS = duration.SESSION_MINIMUM_SECONDS


def obtain(
    request: Request,
    deadline: Deadline,
    tell: Tell,
    *,
    mfa_code: str | None,
    trail: Trail,
    first_answer: exchange.Answer | None,
) -> Credentials:
    """Find the base identity, assume the roles in order, and return the last one's credentials.

    `first_answer` is what STS answered when `plain` asked it; it counts as the first attempt's.
    Raises IdentityError, StsError or UsageError (a configuration that cannot be read), and
    TimeoutError when the deadline leaves no time for another attempt. What was found out on the
    way is in the trail even then.
    """
    return _Journey(request, mfa_code, deadline, tell, trail, first_answer).make()


@dataclass(frozen=True, slots=True)
class _Journey:
    """From the base identity through the roles, all on one deadline."""

    request: Request
    mfa_code: str | None = field(repr=False)
    deadline: Deadline
    tell: Tell
    trail: Trail
    first_answer: exchange.Answer | None

    def make(self) -> Credentials:
        """Return the last role's credentials."""
        session = botocore_chain.open_session(self.request.region, self.request.profile)
        keys: dict[str, Any] = {}
        token = None
        if self.request.web_identity is not None:
            token = self._token(session, self.request.web_identity)
            source = diagnose.describe_provider("web-identity")
        else:
            code = None if self.request.mfa_serial else self.mfa_code
            base = botocore_chain.find_credentials(
                session, code, self.deadline, self.tell, self.trail
            )
            keys = _keys(base.access_key_id, base.secret_access_key, base.session_token)
            source = diagnose.describe_provider(base.method)
            if self.request.explain:
                self._identify(session, keys)
        for position, role_arn in enumerate(self.request.role_arns):
            credentials = self._assume(session, position, keys, token, source)
            self.tell(credentials.describe())
            keys = _keys(
                credentials.access_key_id,
                credentials.secret_access_key,
                credentials.session_token,
            )
            token, source = None, role_arn
        return credentials

    def _token(self, session: Session, found: oidc.Token | oidc.TokenEndpoint) -> str:
        """Return the OIDC token, asked for if it is not here yet."""
        if isinstance(found, oidc.TokenEndpoint):
            keep_secret(found.bearer)
            self.deadline.waiting_for = "OIDC token: GitHub's endpoint"
            self.tell(f"asking GitHub for a token for {found.audience}")
            try:
                token: str = self._call(botocore_chain.ask_for_token(session, found))
            except _FAULTS as error:
                why, _ = diagnose.fault(error)
                hint = refusals.IDENTITY_HINTS["github out of reach"]
                raise IdentityError(f"OIDC token: {why}", hint=hint) from error
        else:
            token = found.value
        keep_secret(token)
        self.trail.provider = "web-identity"
        self.trail.asked.append("web-identity")
        self.trail.token = oidc.claims(token)
        return token

    def _identify(self, session: Session, keys: dict[str, Any]) -> None:
        """Note in the trail who asks, as far as STS says so."""
        try:
            client = self._client(session, keys, signed=True)
            answer = _hear(client.get_caller_identity)
            self.trail.identity_arn = str(answer["Arn"])
            self.trail.clock_skew_seconds = diagnose.clock_skew_seconds(answer)
        except (*_FAULTS, KeyError) as error:
            # A refusal names who asked, too.
            self.trail.identity_arn = diagnose.who_asked(error)
            self.trail.identity_unknown = diagnose.in_a_word(error)

    def _assume(
        self,
        session: Session,
        position: int,
        keys: dict[str, Any],
        token: str | None,
        source: str,
    ) -> Credentials:
        """Return the credentials of the role at this position of the chain."""
        request = self.request
        parameters = self._parameters(position, token)
        hops = len(request.role_arns)
        hop = f"hop {position + 1} of {hops}" if hops > 1 else ""
        client = self._client(session, keys, signed=token is None)
        self.deadline.waiting_for = client.meta.endpoint_url + (f" ({hop})" if hop else "")
        self.tell(f"asking {client.meta.endpoint_url} for {parameters['RoleArn']}")
        ask = client.assume_role if token is None else client.assume_role_with_web_identity
        first = self._first_attempt(client) if position == 0 else None
        try:
            try:
                answer = self._call(lambda: ask(**parameters), first)
            except ClientError as error:
                if not self._may_ask_for_less(error, parameters["DurationSeconds"]):
                    raise
                asked = duration.format_go(duration.from_seconds(parameters["DurationSeconds"]))
                parameters["DurationSeconds"] = duration.CHAINED_MAXIMUM_SECONDS
                tell_always(
                    f"the credentials will last 1h and not {asked}:"
                    f" {error.response['Error']['Message']}"
                )
                answer = self._call(lambda: ask(**parameters))
        except _FAULTS as error:
            self._note(getattr(error, "response", {}))
            if position == 0 and self.trail.identity_arn is None:
                self.trail.identity_arn = diagnose.who_asked(error)
            question = diagnose.Question(
                role_arn=parameters["RoleArn"],
                region=request.region,
                source=source,
                unsent=_unsent(parameters, last=position == hops - 1),
                hop=hop,
                token=self.trail.token if token is not None else None,
            )
            raise diagnose.sts_error(error, question) from error
        credentials = _credentials(answer)
        keep_secret(credentials.secret_access_key, credentials.session_token)
        self._note(answer)
        self.trail.assumed.append(credentials.assumed_role_arn)
        self.trail.packed_policy_percent = answer.get("PackedPolicySize")
        return credentials

    def _may_ask_for_less(self, error: ClientError, asked_seconds: int) -> bool:
        """Tell whether STS refused for the duration only, and 1h would do, which any role gives.

        How much the role allows STS does not say.
        """
        return (
            self.request.duration_is_at_most
            and asked_seconds > duration.CHAINED_MAXIMUM_SECONDS
            and diagnose.is_too_long(error)
        )

    def _parameters(self, position: int, token: str | None) -> dict[str, Any]:
        """Return what AssumeRole, or with a token AssumeRoleWithWebIdentity, is to be told.

        The MFA device is of the user who asks first; all else is for the last session.
        """
        request = self.request
        last = position == len(request.role_arns) - 1
        parameters: dict[str, Any] = {
            "RoleArn": request.role_arns[position],
            "RoleSessionName": request.session_name,
            "DurationSeconds": request.duration_seconds if last else _HOP_SECONDS,
        }
        if token is not None:
            parameters["WebIdentityToken"] = token
        if position == 0 and request.mfa_serial is not None:
            parameters |= {"SerialNumber": request.mfa_serial, "TokenCode": self.mfa_code}
        return {**parameters, **request.session_parameters} if last else parameters

    def _client(self, session: Session, keys: dict[str, Any], *, signed: bool) -> Any:
        client = session.create_client("sts", config=_client_config(self.deadline, signed), **keys)
        self.trail.endpoint = client.meta.endpoint_url
        return client

    def _note(self, answer: dict[str, Any]) -> None:
        skew = diagnose.clock_skew_seconds(answer)
        if skew is not None:
            self.trail.clock_skew_seconds = skew

    def _first_attempt(self, client: Any) -> Callable[[], Any] | None:
        """Return what stands for the first attempt, if `plain` made it."""
        if self.first_answer is None:
            return None
        answer = self.first_answer
        return lambda: _parse(client, answer)

    def _call(self, call: Callable[[], Any], first: Callable[[], Any] | None = None) -> Any:
        return _call(call, first or call, self.deadline, self.tell)


def _keys(access_key_id: str, secret_access_key: str, session_token: str | None) -> dict[str, Any]:
    return {
        "aws_access_key_id": access_key_id,
        "aws_secret_access_key": secret_access_key,
        "aws_session_token": session_token,
    }


def _unsent(parameters: dict[str, Any], *, last: bool) -> str:
    """Return what a trust policy could ask for that these parameters do not hold, in words."""
    if not last:
        return "an external id, tags or a source identity, which only the last role is told"
    unsent = [words for name, words in _CONDITIONS.items() if name not in parameters]
    if not unsent:
        return "other values of what was sent"
    *others, final = unsent
    return f"{', '.join(others)} or {final}" if others else final


_CONDITIONS = {
    "ExternalId": "an external id (--external-id)",
    "SerialNumber": "MFA (--mfa-serial)",
    "Tags": "tags (--tag)",
    "SourceIdentity": "a source identity (--source-identity)",
}


def _client_config(deadline: Deadline, signed: bool) -> Config:
    """One attempt a call, since `_call` is what repeats."""
    read_timeout = deadline.for_one_attempt()
    return Config(
        signature_version=None if signed else UNSIGNED,
        connect_timeout=min(_CONNECT_TIMEOUT_SECONDS, read_timeout),
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        user_agent_extra=f"aws-role-exec/{__version__}",
    )


def _call(call: Callable[[], Any], first: Callable[[], Any], deadline: Deadline, tell: Tell) -> Any:
    """Return what the call returns, calling again after faults that pass until the deadline.

    `first` is called in its place at the first attempt.
    """
    delay = _SHORTEST_DELAY_SECONDS
    attempts = 0
    while True:
        attempts += 1
        try:
            return _hear(call if attempts > 1 else first)
        except _FAULTS as error:
            kind = diagnose.transient_kind(error)
            if kind is None or (kind in _DOUBTFUL_KINDS and attempts >= _DOUBTFUL_ATTEMPTS):
                raise
            import random  # noqa: PLC0415 - only when something failed

            deadline.last_error = error
            delay = random.uniform(_SHORTEST_DELAY_SECONDS, delay * 3)  # noqa: S311 - not a secret
            delay = min(delay, _LONGEST_DELAY_SECONDS)
            if delay >= deadline.remaining():
                raise TimeoutError from None
            tell(f"attempt {attempts}: {diagnose.in_a_word(error)}; again in {delay:.1f}s")
        time.sleep(delay)


def _hear(call: Callable[[], Any]) -> Any:
    """Return what the call returns; an answer that trips botocore's parser is not STS's."""
    try:
        return call()
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, _FAULTS):
            raise
        raise ResponseParserError(type(error).__name__) from error


def _parse(client: Any, answer: exchange.Answer) -> Any:
    """Return what botocore's client would have returned, or raise what it would have raised."""
    if answer.status == exchange.DROPPED:
        raise ConnectionClosedError(endpoint_url=client.meta.endpoint_url)
    if answer.status == exchange.TIMED_OUT:
        raise ReadTimeoutError(endpoint_url=client.meta.endpoint_url)
    operation = client.meta.service_model.operation_model("AssumeRole")
    parsed: Any = create_parser("query").parse(
        {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.body},
        operation.output_shape,
    )
    if answer.status >= 300:
        raise ClientError(parsed, operation.name)
    return parsed


def _credentials(answer: dict[str, Any]) -> Credentials:
    try:
        found = answer["Credentials"]
        return Credentials(
            access_key_id=found["AccessKeyId"],
            secret_access_key=found["SecretAccessKey"],
            session_token=found["SessionToken"],
            expiration=found["Expiration"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            assumed_role_arn=answer.get("AssumedRoleUser", {}).get("Arn", ""),
        )
    except (KeyError, TypeError, AttributeError):
        raise StsError(
            "STS: the answer holds no credentials",
            hint="something other than STS answers there: a proxy, a login page, another service?",
        ) from None
