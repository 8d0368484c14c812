"""Asking STS, by the short way where that is enough, until the deadline at the latest."""

from __future__ import annotations

from aws_role_exec.network.deadline import Deadline, run_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.messages import Tell
    from aws_role_exec.request.request import Request
    from aws_role_exec.trail import Trail


def obtain(
    request: Request, environ: Mapping[str, str], tell: Tell, trail: Trail | None = None
) -> Credentials:
    """Return the credentials of the role, or of the last of several.

    With a trail, `sts` is asked in any case, and fills it in. Raises IdentityError, StsError or
    UsageError (a configuration that cannot be read), at the latest when
    `request.sts_timeout_seconds` have passed. A person who has to be asked for an MFA code has
    all the time.
    """
    mfa_code = request.mfa_code
    if request.mfa_serial is not None and mfa_code is None:
        from aws_role_exec.identity import mfa  # noqa: PLC0415 - rare

        mfa_code = mfa.ask_mfa_code(f"Enter MFA code for {request.mfa_serial}: ")
    deadline = Deadline(request.sts_timeout_seconds)

    def ask() -> Credentials:
        from aws_role_exec.network import exchange, plain  # noqa: PLC0415 - not for a dry run

        answer = None if trail else plain.obtain(request, environ, deadline, tell)
        if answer is not None and not isinstance(answer, exchange.Answer):
            return answer
        from aws_role_exec.sts import client  # noqa: PLC0415 - botocore
        from aws_role_exec.trail import Trail  # noqa: PLC0415

        return client.obtain(
            request,
            deadline,
            tell,
            mfa_code=mfa_code,
            trail=trail or Trail(),
            first_answer=answer,
        )

    try:
        return run_until(deadline, ask)
    except TimeoutError:
        from aws_role_exec.sts import diagnose  # noqa: PLC0415 - botocore

        raise diagnose.timeout_error(deadline) from None
