"""A botocore session under a role, for Python programs: see `aws_role_exec.session`."""

from __future__ import annotations

import datetime
import json
import logging
import os
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.credentials import CredentialProvider, RefreshableCredentials

from aws_role_exec import assume
from aws_role_exec.errors import AwsRoleExecError
from aws_role_exec.redaction import keep_secret, secrets_in
from aws_role_exec.request import options, request
from aws_role_exec.request.options import Options
from aws_role_exec.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.session import Session

    from aws_role_exec.credentials import Credentials

_LOG = logging.getLogger("aws_role_exec")
_ADVISORY_SECONDS = 15 * 60  # botocore's own: from then on it renews if that works
_MANDATORY_SECONDS = 10 * 60  # and from then on it must
_FLAGS = {"policy_arns": "--policy-arn", "tags": "--tag", "transitive_tags": "--transitive-tag"}
"""Where an argument is not called as its option is."""


def open_session(arguments: Mapping[str, Any]) -> Session:
    """Return a session for the arguments of `aws_role_exec.session`; raises what that raises."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(_OPTIONS_PREFIX)
    }
    keep_secret(*secrets_in(environ))
    source = _Source(_options(arguments), environ)
    session = botocore.session.Session(
        session_vars={
            # Who asks was settled above: a profile that the environment names does not count.
            "profile": (None, [], None, None),
            "region": (None, [], source.region, None),
        }
    )
    resolver: Any = session.get_component("credential_provider")
    resolver.providers.insert(0, _Provider(source.credentials()))
    return session


_OPTIONS_PREFIX = options.ENVIRONMENT_PREFIX


class _Source:
    """Where the credentials of a session come from, again and again."""

    def __init__(self, given: Options, environ: Mapping[str, str]) -> None:
        self._given = given
        self._environ = environ
        self._first = self._ask()

    def credentials(self) -> RefreshableCredentials:
        """Return the credentials, which ask here for new ones."""
        end = datetime.datetime.fromisoformat(self._first["expiry_time"])
        lifetime = (end - datetime.datetime.now(datetime.UTC)).total_seconds()
        # A short session would otherwise be renewed by every request from its beginning.
        return RefreshableCredentials.create_from_metadata(
            metadata=self._first,
            refresh_using=self._ask,
            method="aws-role-exec",
            advisory_timeout=int(min(_ADVISORY_SECONDS, lifetime / 3)),
            mandatory_timeout=int(min(_MANDATORY_SECONDS, lifetime / 6)),
        )

    def _ask(self) -> dict[str, str]:
        """Return new credentials as botocore has them."""
        try:
            # All of it again: a file may have changed, and an SSO login have been renewed.
            asked = request.make(self._given, self._environ, prints=False)
            for notice in asked.notices:
                _LOG.warning("%s", notice)
            found = assume.obtain(asked, self._environ, _LOG.debug, Trail(), is_program=False)
        except AwsRoleExecError as error:
            if error.hint:
                error.add_note(f"hint: {error.hint}")
            raise
        self.region = asked.region
        if asked.role_arns:  # CloudTrail shows one session, however often it is renewed
            self._given = Options(**{**self._given.__dict__, "session_name": asked.session_name})
        return _metadata(found)


class _Provider(CredentialProvider):
    """The one source of credentials that the session asks."""

    METHOD = "aws-role-exec"

    def __init__(self, credentials: RefreshableCredentials) -> None:
        self._credentials = credentials

    def load(self) -> RefreshableCredentials:
        """Return the credentials; they are always there."""
        return self._credentials


def _metadata(credentials: Credentials) -> dict[str, str]:
    return {
        "access_key": credentials.access_key_id,
        "secret_key": credentials.secret_access_key,
        "token": credentials.session_token,
        "expiry_time": credentials.expiration,
    }


def _options(arguments: Mapping[str, Any]) -> Options:
    """Return the arguments as options of the command; messages call them by their own names."""
    words, set_in = [], {}
    for name, value in arguments.items():
        flag = _FLAGS.get(name, "--" + name.replace("_", "-"))
        for text in _texts(name, value):
            words.append(f"{flag}={text}")
            set_in[flag] = name
    given = options.read([*words, "--quiet"], {})
    if given is None:  # every form of value is well-formed behind an equals sign
        raise AssertionError(f"unknown arguments: {sorted(arguments)}")
    return given.with_places(set_in)


def _texts(name: str, value: Any) -> list[str]:
    """Return an argument's values as they would stand on a command line."""
    if value is None or value in ("", (), []):
        return []
    if name == "policy" and not isinstance(value, str):
        return [json.dumps(value)]
    if name == "tags":
        return [f"{key}={text}" for key, text in value.items()]
    return [value] if isinstance(value, str) else list(value)
