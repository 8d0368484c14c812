"""The last source: botocore's chain of providers, for a step that the others don't know.

Everything of botocore's that has to do with identity is here: its errors become ours, and what
it would ask of a person, run or wait for is done as for the other sources.
"""

from __future__ import annotations

import os
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any

import botocore.compat
import botocore.exceptions as bc
import botocore.session
from botocore.credentials import ProcessProvider

from aws_role_exec.credentials import Keys, check_key, check_token
from aws_role_exec.errors import AwsRoleExecError, Fault, IdentityError, Refusal, UsageError
from aws_role_exec.identity import answers, mfa, not_found
from aws_role_exec.identity.base import Base
from aws_role_exec.identity_variables import selects_identity
from aws_role_exec.network import trust
from aws_role_exec.network.patience import insist
from aws_role_exec.redaction import cite, keep_secret
from aws_role_exec.sts import diagnose, refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.session import Session

    from aws_role_exec.identity.base import Surroundings
    from aws_role_exec.trail import Trail


def find(surroundings: Surroundings, trail: Trail) -> Base:
    """Return the base identity, with the keys fetched and fresh.

    Providers are asked in botocore's order. Container endpoints and the instance metadata
    service are asked by our own sources, a credential_process is run by our own. Raises
    IdentityError, with where was looked or what to do, when there is none; UsageError for a
    configuration that cannot be read; TimeoutError when the deadline leaves no time.
    """
    settings = surroundings.settings
    _check_environment(surroundings)
    session = _open_session(surroundings)
    for provider in _providers(session, surroundings):
        method = provider.METHOD
        if method not in trail.asked:
            trail.asked.append(method)
        if settings.is_renewed and method in _LEGACY_FILES:
            continue  # the container's are meant
        if method in _AFTER_PROFILES and settings.is_named and not settings.is_renewed:
            raise not_found.in_profile(settings.configuration, settings.profile or "default")
        if method in _OURS:
            base = _OURS[method](surroundings)
        else:
            base = _Step(provider, session, surroundings).find()
        if base is not None:
            return base
    raise not_found.anywhere(surroundings, trail.asked)


def _check_environment(surroundings: Surroundings) -> None:
    """Raise IdentityError if this process has another identity in its environment than is meant.

    botocore reads nothing else. A Python program may have changed it since its session began.
    """
    names = {*os.environ, *surroundings.environ}
    changed = sorted(
        name
        for name in names
        if selects_identity(name)
        and not name.startswith("AWS_ROLE_EXEC_")
        and (os.environ.get(name) or "") != (surroundings.environ.get(name) or "")
    )
    if changed:
        raise IdentityError(
            f"source credentials: {', '.join(changed)} changed in the environment of this process",
            hint="create a new session",
        )


def _container(surroundings: Surroundings) -> Base | None:
    from aws_role_exec.identity import container

    return container.find(surroundings)


def _instance(surroundings: Surroundings) -> Base | None:
    from aws_role_exec.identity import instance

    return instance.find(surroundings)


_OURS = {"container-role": _container, "iam-role": _instance}
_LEGACY_FILES = ("ec2-credentials-file", "boto-config")
_AFTER_PROFILES = (*_LEGACY_FILES, "container-role", "iam-role")


def split_command(command: str) -> list[str]:
    """Return the words of a credential_process; raises ValueError for a quote that stays open."""
    return botocore.compat.compat_shell_split(command)


def _providers(session: Session, surroundings: Surroundings) -> list[Any]:
    """Return botocore's providers, with our ways to ask for a code and to run a helper."""
    resolver: Any = session.get_component("credential_provider")
    settings = surroundings.settings

    def make_process_provider(profile: str) -> ProcessProvider:
        def load_config() -> dict[str, Any]:
            return session.full_config

        helper = _helper(surroundings, f"the credential_process of profile {profile}")
        return ProcessProvider(profile, load_config, popen=helper)

    for place, provider in enumerate(resolver.providers):
        if provider.METHOD == "assume-role":
            provider._prompter = _prompt(surroundings)  # botocore's own falls back to stdin
            provider._profile_provider_builder._create_process_provider = make_process_provider
        elif provider.METHOD == "custom-process":
            resolver.providers[place] = make_process_provider(settings.profile or "default")
    return list(resolver.providers)


def _helper(surroundings: Surroundings, what: str) -> Callable[..., Any]:
    """Return what stands for subprocess.Popen where botocore runs a credential_process."""
    from aws_role_exec.identity import process  # for some profiles

    class Helper:
        returncode = 0

        def __init__(self, words: list[str], **_pipes: int) -> None:
            self._output = process.print_keys(words, what, surroundings)

        def communicate(self) -> tuple[bytes, bytes]:
            return self._output, b""

    return Helper


def _prompt(surroundings: Surroundings) -> Callable[[str], str]:
    """Return the call that asks a person for a code, while the deadline stands still."""
    deadline = surroundings.wire.deadline

    def prompt(question: str) -> str:
        deadline.stop()
        try:
            return mfa.ask_mfa_code(question)
        finally:
            deadline.go_on()

    return prompt


class _Step:
    """One provider of botocore's, asked as patiently as any other source."""

    def __init__(self, provider: Any, session: Session, surroundings: Surroundings) -> None:
        self._provider = provider
        self._session = session
        self._surroundings = surroundings
        self._place = refusals.PROVIDERS.get(provider.METHOD, provider.METHOD)
        self._operation = ""
        self._expiration = ""

    def find(self) -> Base | None:
        """Return what the provider has, None if that is nothing."""
        deadline = self._surroundings.wire.deadline
        deadline.waiting_for = self._place
        try:
            found = insist(self._ask, deadline, self._surroundings.tell, diagnose.passing)
        except (AwsRoleExecError, TimeoutError):
            raise
        except (Fault, Refusal) as error:
            raise self._answered(error) from error
        except Exception as error:  # providers run foreign code and let its errors through
            raise self._failed(error) from error
        if found is None:
            return None
        what = f"{self._place} (through botocore)"
        keep_secret(found.secret_key, found.token or "")
        keys = Keys(
            check_key(found.access_key, f"the access key ID from {what}"),
            check_key(found.secret_key, f"the secret access key from {what}"),
            check_token(found.token, f"the session token from {what}") if found.token else "",
        )
        return Base(keys, self._provider.METHOD, self._place, expiration=self._expiration)

    def _ask(self) -> Any:
        """Return frozen credentials; botocore's errors of the network become ours."""
        try:
            credentials = self._provider.load()
            frozen = None if credentials is None else credentials.get_frozen_credentials()
        except bc.ClientError as error:
            found: dict[str, Any] = dict(error.response.get("Error", {}))
            metadata: dict[str, Any] = dict(error.response.get("ResponseMetadata", {}))
            self._operation = error.operation_name
            raise Refusal(
                str(found.get("Code") or ""),
                str(found.get("Message") or ""),
                int(metadata.get("HTTPStatusCode") or 0),
                dict(metadata.get("HTTPHeaders") or {}),
            ) from error
        except (bc.ConnectionError, bc.HTTPClientError) as error:
            url = str(error.kwargs.get("endpoint_url") or "")
            cause = error.kwargs.get("error")
            raise Fault(_name_fault(error), url, str(cause or "")) from error
        end = getattr(credentials, "_expiry_time", None)  # botocore says it nowhere else
        if end is not None:
            self._expiration = end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return frozen

    def _answered(self, error: Fault | Refusal) -> IdentityError:
        """Return the error for a service that was not reached or said no."""
        if isinstance(error, Fault):
            return answers.identity_error(error, self._place)
        what = f"{self._operation} for {self._place}"
        if self._operation in ("GetRoleCredentials", "CreateToken"):
            return answers.identity_error(error, what, refusals.IDENTITY_HINTS["sso"])
        _, _, role_arn = error.message.partition("on resource: ")
        question = diagnose.Question(
            role_arn=role_arn.split()[0] if role_arn.strip() else "the profile's role",
            region=self._surroundings.region,
            source="the profile",
            unsent="an external ID, MFA or a source identity",
        )
        hint = diagnose.sts_error(error, question, time.time()).hint
        return answers.identity_error(error, what, hint)

    def _failed(self, error: Exception) -> IdentityError:
        """Return the error for what a provider found in files or variables, or has not."""
        why, hint = _words(error)
        if why is None:
            # A foreign message may quote what could not be parsed, and that may be a secret.
            why = f"botocore failed with {type(error).__name__}"
            hint = refusals.IDENTITY_HINTS.get(self._provider.METHOD)
            if self._provider.METHOD == "env":
                why = "AWS_CREDENTIAL_EXPIRATION is not a valid time"
                hint = refusals.IDENTITY_HINTS["not a time"]
            elif self._provider.METHOD == "sso" and isinstance(error, ValueError):
                why = "its expiration time is not valid"
        return IdentityError(f"source credentials: {self._place}: {why}", hint=hint)


def _words(error: Exception) -> tuple[str | None, str | None]:
    """Return why a provider failed and a hint; None for what is not to be quoted."""
    said = cite(str(error))
    if isinstance(error, (bc.SSOError, bc.TokenRetrievalError)):
        return said, refusals.IDENTITY_HINTS["sso"]
    if isinstance(error, bc.LoginError):
        return said, refusals.IDENTITY_HINTS["login"]
    if isinstance(error, bc.MissingDependencyException):
        return "this login requires the AWS CRT library, which is not installed", (
            refusals.IDENTITY_HINTS["no crt"]
        )
    if isinstance(error, bc.PartialCredentialsError):
        missing = str(error.kwargs.get("cred_var"))
        is_key = "key" in missing.lower()
        hint = refusals.IDENTITY_HINTS["partial"] if is_key else f"add {missing} to the profile"
        return f"{missing} is missing", hint
    if isinstance(error, bc.BotoCoreError):
        return said, None
    if isinstance(error, OSError):
        why = error.strerror or type(error).__name__
        return (f"{error.filename}: {why}" if error.filename else why), None
    if isinstance(error, RuntimeError) and "expired" in str(error):
        by_variable = os.environ.get("AWS_CREDENTIAL_EXPIRATION")
        return "the credentials have expired", (
            refusals.IDENTITY_HINTS["expired by a variable" if by_variable else "expired"]
        )
    return None, None


def _name_fault(error: Exception) -> str:
    """Return the name in `sts.refusals.FAULTS` for what happened to a request of botocore's."""
    names = (
        (bc.ProxyConnectionError, "proxy"),
        (bc.SSLError, "TLS"),
        (bc.ConnectTimeoutError, "connect timeout"),
        (bc.EndpointConnectionError, "unreachable"),
        (bc.ReadTimeoutError, "read timeout"),
    )
    return next((name for kind, name in names if isinstance(error, kind)), "dropped")


def _open_session(surroundings: Surroundings) -> Session:
    """Return a session with the run's region and authorities to trust.

    A profile that `--profile` names goes before keys in the environment. A variable that is set
    and empty names no profile; what the command gets is not changed. Raises UsageError when a
    file cannot be parsed.
    """
    settings = surroundings.settings
    for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"):
        if os.environ.get(name) == "":
            del os.environ[name]
    named = settings.profile if settings.is_named_by_option else None
    try:
        session = botocore.session.Session(profile=named)
        session.set_config_variable("region", surroundings.region)
        if not session.get_config_variable("ca_bundle"):
            found = trust.find(None, surroundings.environ)
            store = found and (found.file or found.second_file or found.directory)
            if store is not None:
                session.set_config_variable("ca_bundle", store)
    except bc.BotoCoreError as error:
        raise UsageError(
            f"configuration: {cite(str(error))}",
            hint="see AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE",
        ) from None
    return session
