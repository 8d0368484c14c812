"""IAM Identity Center (SSO): keys for the login that `aws sso login` left in its cache.

What is simple is done here: a cached token that is good for longer than botocore's window for
refreshing it, and the portal's GetRoleCredentials. These stay with botocore, by Doubt:

* a token of an `sso-session` with less than 15 minutes left: refreshing it is a call to another
  service, and the cache that all of the user's tools share has to be rewritten;
* FIPS, dual-stack and partitions whose portal has another name, and endpoints that are
  configured in a profile: botocore has their rules;
* logging in: `aws sso login` is the AWS CLI's, and a person has to be there.
"""

from __future__ import annotations

import os
import time
from hashlib import sha1

from aws_role_exec import inputs
from aws_role_exec.configuration.files import expand
from aws_role_exec.credentials import has_passed
from aws_role_exec.errors import Doubt, Fault, IdentityError, Refusal, UsageError
from aws_role_exec.identity import answers
from aws_role_exec.identity.base import Base
from aws_role_exec.network.patience import insist
from aws_role_exec.redaction import keep_secret
from aws_role_exec.sts import protocol, refusals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from aws_role_exec.identity.base import Surroundings

_CACHE = "~/.aws/sso/cache"
_REFRESH_SECONDS = 15 * 60  # before its end a session's token is refreshed, as in botocore
_MOST_BYTES = 1 << 16
_REQUIRED = ("sso_role_name", "sso_account_id", "sso_start_url", "sso_region")
_LOG_IN = refusals.IDENTITY_HINTS["sso"]


def find_for(surroundings: Surroundings, profile: str, settings: Mapping[str, Any]) -> Base | None:
    """Return the keys of the account and role that a profile names.

    `settings` are the profile's own. None where it names neither an account nor a role. Raises
    Doubt for the cases above, IdentityError for a profile that is not complete, a login that
    is missing or over, and what the portal refuses.
    """
    if "sso_role_name" not in settings and "sso_account_id" not in settings:
        return None
    complete = _complete(surroundings, profile, settings)
    token = _load_token(surroundings, profile, complete)
    keep_secret(token)
    what = f"the SSO login of profile {profile}"
    region, role = complete["sso_region"], complete["sso_role_name"]
    url = (
        f"{_portal(surroundings, settings, region)}/federation/credentials"
        f"?role_name={protocol.quote(role)}&account_id={protocol.quote(complete['sso_account_id'])}"
    )
    found = _ask(surroundings, url, token, f"GetRoleCredentials for profile {profile}")
    names = ("accessKeyId", "secretAccessKey", "sessionToken")
    keys = answers.read_keys(found, names, what)
    return Base(keys, "sso", what, expiration=_moment(found.get("expiration")))


def _moment(milliseconds: object) -> str:
    """Return the portal's time (milliseconds since the epoch) as AWS writes it, "" for none."""
    if not isinstance(milliseconds, int):
        return ""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds // 1000))
    except (ValueError, OverflowError, OSError):
        return ""


def _complete(
    surroundings: Surroundings, profile: str, settings: Mapping[str, Any]
) -> dict[str, str]:
    """Return the settings, with those of the sso-session that they name."""
    complete = dict(settings)
    name = settings.get("sso_session")
    if name is not None:
        sessions = surroundings.settings.configuration.sso_sessions
        if name not in sessions:
            raise IdentityError(
                f"source credentials: profile {profile} names the sso-session {name}, which does"
                " not exist",
                hint=f"add a section [sso-session {name}] to the config file",
            )
        for key, value in sessions[name].items():
            if complete.setdefault(key, value) != value:
                raise IdentityError(
                    f"source credentials: profile {profile} and sso-session {name} differ in {key}"
                )
    missing = [key for key in _REQUIRED if not isinstance(complete.get(key), str)]
    if missing:
        missing_ones = " and no ".join(missing)
        raise IdentityError(
            f"source credentials: profile {profile} uses SSO but has no {missing_ones}",
            hint="run aws configure sso, or complete the profile",
        )
    return complete


def _load_token(surroundings: Surroundings, profile: str, complete: Mapping[str, str]) -> str:
    """Return the token in the login cache that is good for long enough."""
    session = complete.get("sso_session")
    key = sha1((session or complete["sso_start_url"]).encode(), usedforsecurity=False).hexdigest()
    path = f"{expand(_CACHE, surroundings.environ)}/{key}.json"
    if not os.path.isfile(path):
        raise IdentityError(f"source credentials: profile {profile} is not logged in", hint=_LOG_IN)
    try:
        found = answers.read_object(inputs.read(path, _MOST_BYTES))
    except UsageError as error:
        raise IdentityError(f"source credentials: {error}", hint=_LOG_IN) from None
    except ValueError:
        raise IdentityError(
            f"source credentials: the login cache {path} is empty or damaged", hint=_LOG_IN
        ) from None
    token, expiration = found.get("accessToken"), found.get("expiresAt")
    if not isinstance(token, str) or not isinstance(expiration, str) or not token:
        raise IdentityError(
            f"source credentials: the login cache {path} contains no token", hint=_LOG_IN
        )
    _check_expiration(expiration, profile, is_refreshable=session is not None)
    if not all("!" <= character <= "~" for character in token):
        raise IdentityError(f"source credentials: the token in {path} is malformed", hint=_LOG_IN)
    return token


def _check_expiration(expiration: str, profile: str, *, is_refreshable: bool) -> None:
    moment = answers.to_utc(expiration)
    if moment is None:
        raise Doubt("the login's expiration has an unusual format")
    margin = _REFRESH_SECONDS if is_refreshable else 0
    if not has_passed(moment, time.time() + margin):
        return
    if is_refreshable:
        raise Doubt("the login's token needs a refresh")
    raise IdentityError(
        f"source credentials: the SSO login of profile {profile} expired at {moment}", hint=_LOG_IN
    )


def _portal(surroundings: Surroundings, profile: Mapping[str, Any], region: str) -> str:
    """Return the address of the portal in the login's region."""
    settings = surroundings.settings
    if settings.is_true("use_fips_endpoint") or settings.is_true("use_dualstack_endpoint"):
        raise Doubt("FIPS and dual-stack portals")
    if "services" in profile or "endpoint_url" in profile:
        raise Doubt("an endpoint in the profile")
    environ = surroundings.environ
    if not settings.is_true("ignore_configured_endpoint_urls"):
        for name in ("AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL"):
            if environ.get(name):
                url, _ = answers.check_url(environ[name], name)
                if "?" in url:
                    raise Doubt(f"{name} has a query")
                return url.rstrip("/")
    first, *others = region.split("-")
    if (
        len(others) != 2
        or not others[1].isdecimal()
        or not all(map(str.isalnum, region.split("-")))
    ):
        raise Doubt("an unusual region name")
    if first not in _COMMERCIAL:
        raise Doubt("a partition with its own host names")
    return f"https://portal.sso.{region}.amazonaws.com"


_COMMERCIAL = frozenset({"af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"})


def _ask(surroundings: Surroundings, url: str, token: str, what: str) -> dict[str, Any]:
    """Return the portal's `roleCredentials`."""
    wire = surroundings.wire
    wire.deadline.waiting_for = what
    headers = {"x-amz-sso_bearer_token": token}

    def ask() -> dict[str, Any]:
        return answers.read(wire.send("GET", url, headers, b""))

    try:
        found = insist(ask, wire.deadline, surroundings.tell, _passing).get("roleCredentials")
    except (Fault, Refusal) as error:
        is_over = isinstance(error, Refusal) and error.status == 401
        raise answers.identity_error(error, what, _LOG_IN if is_over else _hint(error)) from error
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise IdentityError(f"source credentials: {what} returned no keys")
    return found


def _passing(error: Fault | Refusal) -> str | None:
    from aws_role_exec.sts import diagnose  # only when something failed

    return diagnose.passing(error)


def _hint(error: Fault | Refusal) -> str | None:
    if isinstance(error, Refusal) and error.status in (403, 404):
        return "does the account exist, and is the role assigned to you in IAM Identity Center?"
    return None
