"""The base identity: what a source found, and the roles that a profile puts in front."""

from __future__ import annotations

from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.configuration.settings import Settings
    from aws_role_exec.credentials import Keys
    from aws_role_exec.messages import Tell
    from aws_role_exec.network.wire import Wire


@record
class Hop:
    """A role to assume, with what this one call is told beyond the request's own options.

    `mfa_code` is asked for on the terminal where there is a serial and no code. `token` is an
    OIDC token: then the call is AssumeRoleWithWebIdentity, and unsigned. `named_by` says who
    wants this role, in a user's words, as in `profile dev`; "" for `--role-arn`.
    """

    role_arn: str
    session_name: str
    duration_seconds: int | None = None
    external_id: str | None = None
    mfa_serial: str | None = None
    mfa_code: str | None = None
    token: str | None = None
    named_by: str = ""

    def __repr__(self) -> str:
        """Show which role it is, and no secret."""
        return f"Hop({self.role_arn})"


@record
class Base:
    """The base identity. `keys` are None where the first hop asks with a token.

    `provider` is botocore's name for the source (`sts.refusals.PROVIDERS` has its words), `source`
    the same in a user's words, with the profile, variable or file where there is one. `hops` are
    the roles of a profile, in order, to be assumed before any `--role-arn`. `is_renewable` tells
    whether the same environment can be asked again later (an MFA code cannot). `expiration` is
    when an SSO session ends, as in `2026-03-21T20:00:00Z`; other sources leave it empty.
    """

    keys: Keys | None
    provider: str
    source: str
    hops: tuple[Hop, ...] = ()
    is_renewable: bool = True
    expiration: str = ""


@record
class Surroundings:
    """What a source looks at: every source has `find(surroundings) -> Base | None`.

    None means that there is nothing of its kind here, and the next source is asked. Doubt
    leaves the search to botocore. IdentityError ends it: something is here and does not work.
    """

    environ: Mapping[str, str]
    settings: Settings
    region: str
    wire: Wire
    tell: Tell
