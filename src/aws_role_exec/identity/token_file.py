"""A web identity token in a file, as EKS gives one to a pod."""

from __future__ import annotations

import os
import time

from aws_role_exec import inputs
from aws_role_exec.configuration.files import expand
from aws_role_exec.errors import IdentityError, UsageError
from aws_role_exec.identity import oidc
from aws_role_exec.identity.base import Base, Hop
from aws_role_exec.redaction import keep_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aws_role_exec.identity.base import Surroundings

_MOST_BYTES = 4 * oidc.LONGEST
_VARIABLE = "AWS_WEB_IDENTITY_TOKEN_FILE"


def find(surroundings: Surroundings) -> Base | None:
    """Return the role in AWS_ROLE_ARN, to be assumed with the token in the named file.

    None where AWS_WEB_IDENTITY_TOKEN_FILE is not set, or empty. Where AWS_ROLE_ARN or
    AWS_ROLE_SESSION_NAME is not set the profile's setting counts, as in botocore. Raises
    IdentityError where there is no role, or no token in the file.
    """
    environ = surroundings.environ
    path = environ.get(_VARIABLE)
    if not path:
        return None
    settings = surroundings.settings
    role_arn = environ.get("AWS_ROLE_ARN", settings.get("role_arn"))
    session_name = environ.get("AWS_ROLE_SESSION_NAME", settings.get("role_session_name"))
    if not role_arn:
        raise IdentityError(
            f"source credentials: {_VARIABLE} is set but AWS_ROLE_ARN is not",
            hint="set AWS_ROLE_ARN to the role that the token is for",
        )
    return find_for(surroundings, path, role_arn, session_name or None)


def find_for(
    surroundings: Surroundings,
    path: str,
    role_arn: str,
    session_name: str | None,
    *,
    named_by: str = "",
) -> Base:
    """Return the role to be assumed with the token in a file, which a profile or variable names.

    Without a session name botocore's is used, `botocore-session-<seconds since the epoch>`.
    `named_by` is as in `profile dev`, "" for the variable. Raises IdentityError, which names the
    file and quotes nothing of it.
    """
    path = expand(path, surroundings.environ)
    try:
        token = oidc.check(os.fsdecode(inputs.read(path, _MOST_BYTES)), path)
    except UsageError as error:
        place = f"web_identity_token_file of {named_by}" if named_by else _VARIABLE
        hint = error.hint or f"see {place}: was the volume mounted?"
        raise IdentityError(f"source credentials: {error}", hint=hint) from None
    keep_secret(token)
    hop = Hop(
        role_arn,
        session_name or f"botocore-session-{int(time.time())}",
        token=token,
        named_by=named_by or _VARIABLE,
    )
    return Base(None, "assume-role-with-web-identity", f"the token in {path}", (hop,))
