"""Asking STS: hop by hop, again while it is worth it, and no longer than the deadline."""

from __future__ import annotations

import random
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from aws_role_exec import __version__, diagnose, duration, identity
from aws_role_exec.credentials import Credentials
from aws_role_exec.deadline import Deadline, run_until
from aws_role_exec.errors import StsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_role_exec.diagnose import Tell
    from aws_role_exec.request import Request

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
_HOP_SECONDS = duration.SESSION_MINIMUM_SECONDS


def obtain(request: Request, tell: Tell) -> Credentials:
    """Find the base identity, assume the roles in order, and return the last one's credentials.

    Raises IdentityError, StsError or UsageError (a configuration that cannot be read), at the
    latest when `request.sts_timeout_seconds` have passed.
    """
    deadline = Deadline(request.sts_timeout_seconds)
    try:
        return run_until(deadline, lambda: _hop(request, deadline, tell))
    except TimeoutError:
        raise diagnose.timeout_error(deadline) from None


def _hop(request: Request, deadline: Deadline, tell: Tell) -> Credentials:
    session = identity.open_session(request.region)
    base = identity.find_credentials(session, tell)
    keys: dict[str, Any] = {}
    last = len(request.role_arns) - 1
    for position, role_arn in enumerate(request.role_arns):
        parameters: dict[str, Any] = {
            "RoleArn": role_arn,
            "RoleSessionName": request.session_name,
            "DurationSeconds": request.duration_seconds if position == last else _HOP_SECONDS,
        }
        if position == last and request.policy is not None:
            parameters["Policy"] = request.policy
        client: Any = session.create_client("sts", config=_client_config(deadline), **keys)
        deadline.waiting_for = client.meta.endpoint_url
        tell(f"asking {client.meta.endpoint_url} for {role_arn}")
        try:
            answer = _call(lambda: client.assume_role(**parameters), deadline, tell)  # noqa: B023
        except _FAULTS as error:
            raise diagnose.sts_error(
                error, role_arn=role_arn, region=request.region, provider=base.method
            ) from error
        credentials = _credentials(answer)
        tell(
            f"assumed {credentials.assumed_role_arn},"
            f" key {credentials.access_key_id} until {credentials.expiration_text}"
        )
        keys = {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
            "aws_session_token": credentials.session_token,
        }
    return credentials


def _client_config(deadline: Deadline) -> Config:
    """One attempt a call, since `_call` repeats, and half the time for it, so that it can."""
    read_timeout = max(1.0, deadline.seconds / 2)
    return Config(
        connect_timeout=min(_CONNECT_TIMEOUT_SECONDS, read_timeout),
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        user_agent_extra=f"aws-role-exec/{__version__}",
    )


def _call(call: Callable[[], Any], deadline: Deadline, tell: Tell) -> Any:
    """Return what the call returns, calling again after faults that pass until the deadline."""
    delay = _SHORTEST_DELAY_SECONDS
    attempts = 0
    while True:
        attempts += 1
        try:
            return call()
        except _FAULTS as error:
            kind = diagnose.transient_kind(error)
            if kind is None or (kind in _DOUBTFUL_KINDS and attempts >= _DOUBTFUL_ATTEMPTS):
                raise
            deadline.last_error = error
            delay = random.uniform(_SHORTEST_DELAY_SECONDS, delay * 3)  # noqa: S311 - not a secret
            delay = min(delay, _LONGEST_DELAY_SECONDS)
            if delay >= deadline.remaining():
                raise TimeoutError from None
            tell(f"attempt {attempts}: {diagnose.in_a_word(error)}; again in {delay:.1f}s")
        time.sleep(delay)


def _credentials(answer: dict[str, Any]) -> Credentials:
    try:
        found = answer["Credentials"]
        return Credentials(
            access_key_id=found["AccessKeyId"],
            secret_access_key=found["SecretAccessKey"],
            session_token=found["SessionToken"],
            expiration=found["Expiration"].astimezone(UTC),
            assumed_role_arn=answer.get("AssumedRoleUser", {}).get("Arn", ""),
        )
    except (KeyError, TypeError, AttributeError):
        raise StsError(
            "STS: the answer holds no credentials",
            hint="something other than STS answers there: a proxy, a login page, another service?",
        ) from None
