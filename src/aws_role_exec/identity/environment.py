"""Keys in the environment."""

from __future__ import annotations

import time

from aws_role_exec.credentials import Keys, check_key, check_token, has_passed
from aws_role_exec.errors import Doubt, IdentityError
from aws_role_exec.identity.base import Base
from aws_role_exec.redaction import keep_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.identity.base import Surroundings


def find(surroundings: Surroundings) -> Base | None:
    """Return the keys in AWS_ACCESS_KEY_ID and the variables beside it; None without that one.

    The legacy AWS_SECURITY_TOKEN goes before AWS_SESSION_TOKEN, as in botocore. Raises Doubt
    for an AWS_CREDENTIAL_EXPIRATION that is not ISO 8601, IdentityError for keys that are not
    whole, have not the form of keys or have expired.
    """
    environ = surroundings.environ
    key_id = environ.get("AWS_ACCESS_KEY_ID")
    if not key_id:
        return None
    secret = environ.get("AWS_SECRET_ACCESS_KEY")
    if not secret:
        from aws_role_exec.sts import refusals  # only when something failed

        raise IdentityError(
            "source credentials: AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not",
            hint=refusals.IDENTITY_HINTS["partial"],
        )
    token, name = _find_token(environ)
    keep_secret(secret, token)
    keys = Keys(
        check_key(key_id, "AWS_ACCESS_KEY_ID"),
        check_key(secret, "AWS_SECRET_ACCESS_KEY"),
        check_token(token, name) if token else "",
    )
    _check_expiration(environ.get("AWS_CREDENTIAL_EXPIRATION"))
    return Base(keys, "env", "the environment")


def _find_token(environ: Mapping[str, str]) -> tuple[str, str]:
    for name in ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"):
        if environ.get(name):
            return environ[name], name
    return "", ""


def _check_expiration(expiration: str | None) -> None:
    if not expiration:
        return
    from aws_role_exec.identity import answers  # few set it

    moment = answers.to_utc(expiration)
    if moment is None:
        raise Doubt("AWS_CREDENTIAL_EXPIRATION has an unusual format")
    if has_passed(moment, time.time()):
        from aws_role_exec.sts import refusals  # only when something failed

        raise IdentityError(
            f"source credentials: the keys in the environment expired at {moment}",
            hint=refusals.IDENTITY_HINTS["expired by a variable"],
        )
