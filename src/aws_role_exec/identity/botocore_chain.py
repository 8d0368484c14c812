"""The base identity: who asks STS. botocore finds it, with its whole chain of providers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import botocore.session

from aws_role_exec.errors import AwsRoleExecError, IdentityError, UsageError, keep_secret
from aws_role_exec.identity import mfa, oidc
from aws_role_exec.network import trust
from aws_role_exec.sts import diagnose, refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.session import Session

    from aws_role_exec.messages import Tell
    from aws_role_exec.network.deadline import Deadline
    from aws_role_exec.trail import Trail

_TOKEN_ENDPOINT_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Base:
    """Base credentials, fetched. `method` is botocore's name for the provider that had them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    method: str


def configured_region(profile: str | None) -> str | None:
    """Return the region of the profile, or of the one the environment selects; None for none.

    Raises UsageError when the profile does not exist or a file cannot be parsed.
    """
    try:
        return _session(profile).get_config_variable("region")  # type: ignore[no-any-return]
    except botocore.exceptions.BotoCoreError as error:
        raise _configuration_error(error) from None


def check_profile(name: str) -> str:
    """Return the profile's name if there is such a profile, else raise UsageError."""
    if not name:
        raise UsageError("an empty name is no profile", hint="is a variable not set?")
    try:
        names = _session(name).full_config.get("profiles", {})
    except botocore.exceptions.BotoCoreError as error:
        raise _configuration_error(error) from None
    if name not in names:
        shown = ", ".join(sorted(names)[:10])
        raise UsageError(
            f"there is no profile '{name[:200]}'",
            hint=f"there is {shown}" if shown else "see AWS_CONFIG_FILE and ~/.aws/config",
        )
    return name


def profile_wants_mfa(profile: str | None) -> bool:
    """Tell whether the profile's role, or one on the way to it, asks for an MFA code.

    Raises UsageError when a file cannot be parsed.
    """
    session = _session(profile)
    try:
        profiles = session.full_config.get("profiles", {})
        name = session.get_config_variable("profile") or "default"
    except botocore.exceptions.BotoCoreError as error:
        raise _configuration_error(error) from None
    seen: set[str] = set()
    while name in profiles and name not in seen and "role_arn" in profiles[name]:
        if "mfa_serial" in profiles[name]:
            return True
        seen.add(name)
        name = profiles[name].get("source_profile")
    return False


def open_session(region: str, profile: str | None = None) -> Session:
    """Return a botocore session for the region that trusts the system's authorities.

    Raises UsageError when the profile does not exist or a file cannot be parsed.
    """
    session = _session(profile)
    try:
        session.set_config_variable("region", region)
        if not session.get_config_variable("ca_bundle"):
            store = trust.find_trust_store(os.environ)
            if store is not None:
                session.set_config_variable("ca_bundle", store)
    except botocore.exceptions.BotoCoreError as error:
        raise _configuration_error(error) from None
    return session


def _session(profile: str | None) -> Session:
    """Return a session; a profile named here goes before keys in the environment."""
    return botocore.session.Session(profile=profile)


def _configuration_error(error: Exception) -> UsageError:
    return UsageError(
        f"configuration: {error}",
        hint="see AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE",
    )


def find_credentials(
    session: Session, mfa_code: str | None, deadline: Deadline, tell: Tell, trail: Trail
) -> Base:
    """Return the base credentials, fetched and fresh.

    `mfa_code` answers the first profile that asks for one; further ones ask on the terminal,
    while the deadline stands still. Raises IdentityError, with where was looked or what to do,
    when there are none.
    """
    codes = [mfa_code] if mfa_code else []

    def prompt(question: str) -> str:
        if codes:
            return codes.pop()
        deadline.stop()
        try:
            return mfa.ask_mfa_code(question)
        finally:
            deadline.go_on()

    try:
        resolver: Any = session.get_component("credential_provider")
        for provider in resolver.providers:
            if provider.METHOD == "assume-role":
                provider._prompter = prompt  # botocore's own falls back to stdin
            trail.asked.append(provider.METHOD)
            credentials = provider.load()
            if credentials is not None:
                trail.provider = credentials.method
                tell(f"base credentials come from {diagnose.describe_provider(credentials.method)}")
                frozen = credentials.get_frozen_credentials()  # some are fetched only now
                keep_secret(frozen.secret_key, frozen.token or "")
                return Base(frozen.access_key, frozen.secret_key, frozen.token, credentials.method)
    except AwsRoleExecError:
        raise
    except Exception as error:  # providers run foreign code and let its errors through
        region = session.get_config_variable("region")
        raise diagnose.identity_error(error, region) from error
    hint = diagnose.where_was_looked(session, trail.asked)
    raise IdentityError("base credentials: none found", hint=hint)


def ask_for_token(session: Session, endpoint: oidc.TokenEndpoint) -> Callable[[], str]:
    """Return the call that asks GitHub's endpoint for this job's token.

    It raises IdentityError for a refusal, and botocore's errors for what may pass.
    """
    from urllib.parse import quote  # noqa: PLC0415

    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.httpsession import URLLib3Session  # noqa: PLC0415
    from botocore.utils import get_environ_proxies  # noqa: PLC0415

    http = URLLib3Session(
        verify=session.get_config_variable("ca_bundle") or True,
        proxies=get_environ_proxies(endpoint.url),
        timeout=_TOKEN_ENDPOINT_TIMEOUT_SECONDS,
    )
    separator = "&" if "?" in endpoint.url else "?"
    request: Any = AWSRequest(
        method="GET",
        url=f"{endpoint.url}{separator}audience={quote(endpoint.audience, safe='')}",
        headers={
            "Accept": "application/json; api-version=2.0",
            "Authorization": f"bearer {endpoint.bearer}",
        },
    )

    def ask() -> str:
        answer = http.send(request.prepare())
        if answer.status_code == 429 or answer.status_code >= 500:
            raise botocore.exceptions.ClientError(
                {
                    "Error": {"Code": f"HTTP {answer.status_code}"},
                    "ResponseMetadata": {"HTTPStatusCode": answer.status_code},  # type: ignore[typeddict-item]
                },
                "token",
            )
        if answer.status_code != 200:
            raise IdentityError(
                f"OIDC token: GitHub's endpoint answered HTTP {answer.status_code}",
                hint=refusals.IDENTITY_HINTS["github"],
            )
        try:
            return oidc.check(json.loads(answer.content)["value"], "GitHub's answer")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UsageError):
            raise IdentityError("OIDC token: GitHub's answer holds none") from None

    return ask
