"""sudo for AWS roles: assume a role, become the command.

For Python programs there is `session`, which gives boto3 and botocore a role that renews itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botocore.session import Session

__version__ = "0.1.0"
__commit__ = ""
"""What a release was built from, written there by the build."""


def session(
    role_arn: str | Sequence[str] = (),
    *,
    profile: str | None = None,
    duration: str = "",
    session_name: str | None = None,
    region: str | None = None,
    policy: str | Mapping[str, object] | None = None,
    policy_arns: Sequence[str] = (),
    external_id: str | None = None,
    source_identity: str | None = None,
    tags: Mapping[str, str] | None = None,
    transitive_tags: Sequence[str] = (),
    web_identity: str | None = None,
    mfa_serial: str | None = None,
    mfa_code: str | None = None,
    sts_timeout: str = "",
) -> Session:
    """Return a botocore session under the role, whose credentials renew themselves.

    For boto3: `boto3.Session(botocore_session=aws_role_exec.session(role_arn))`.

    The arguments are the options of the command, with the same checks and defaults. `role_arn`
    may be a list, to chain through several roles; without it, `profile` names the role.
    `duration` is written as for the command, an hour unless given; `policy` may be JSON, a
    mapping, or `file://PATH`. AWS_ROLE_EXEC_ variables do not count.

    The first credentials are there when this returns. They are renewed, on the next request, when
    a third of their life is left, or 15 minutes, as the identity that the environment has now:
    what is changed in `os.environ` later does not count. The process's environment, signals and
    children are left alone.

    Raises `errors.AwsRoleExecError`, with the hint as a note: UsageError for an argument that is
    wrong, IdentityError if there are no source credentials, StsError if STS refuses or is not
    reached. Renewal raises the same, from the request that needed it.
    """
    from aws_role_exec import sessions  # botocore: not for the command

    arguments = dict(locals())
    del arguments["sessions"]
    return sessions.open_session(arguments)
