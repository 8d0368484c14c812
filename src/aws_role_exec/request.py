"""The Request: all that was asked, checked. Nothing after it validates again."""

from __future__ import annotations

from aws_role_exec import duration, formats, handover, output, policy, region, role, session_name
from aws_role_exec.errors import UsageError
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from aws_role_exec.options import Options

    T = TypeVar("T")

_STS_TIMEOUT_AT_MOST_SECONDS = 24 * 3600


@record
class Request:
    """What to ask of STS and what to do with the answer.

    `role_arns` are assumed in order, each with the credentials of the one before.
    `executable` is the file that `command[0]` stands for; both are empty for a run that
    prints, and then `destination` is where to.
    """

    role_arns: tuple[str, ...]
    duration_seconds: int
    session_name: str
    region: str
    policy: str | None
    sts_timeout_seconds: float
    command: tuple[str, ...]
    executable: str
    format: str
    destination: output.Destination | None
    dry_run: bool
    verbose: bool
    notices: tuple[str, ...]


def make(options: Options, environ: Mapping[str, str]) -> Request:
    """Check everything that needs no network and return the Request.

    Raises UsageError (exit 2), CommandNotFoundError (127) or CommandNotExecutableError (126).
    """

    def checked(option: str, check: Callable[[str], T], value: str) -> T:
        try:
            return check(value)
        except UsageError as error:
            raise UsageError(f"{options.label(option)}: {error}", hint=error.hint) from None

    if not options.role_arn:
        raise UsageError(
            "--role-arn: which role to assume is not said",
            hint="aws-role-exec --role-arn arn:aws:iam::123456789012:role/name -- command",
        )
    role_arns = tuple(checked("--role-arn", role.check_arn, arn) for arn in options.role_arn)
    lifetime = checked("--duration", duration.parse, options.duration)
    seconds, notice = checked(
        "--duration", lambda _: duration.session_seconds(lifetime), options.duration
    )
    if len(role_arns) > 1 and seconds > duration.CHAINED_MAXIMUM_SECONDS:
        raise UsageError(
            f"{options.label('--duration')}: a role assumed from another role lasts 1h at most",
            hint="leave --duration out, or name 15m to 1h",
        )
    name = (
        session_name.default(environ)
        if options.session_name is None
        else checked("--session-name", session_name.check, options.session_name)
    )
    document = None if options.policy is None else checked("--policy", policy.load, options.policy)
    timeout = checked("--sts-timeout", _parse_timeout, options.sts_timeout)
    place = checked(
        "--region",
        lambda _: region.find(options.region, environ, role.partition(role_arns[-1])),
        options.region or "",
    )
    format_name = formats.DEFAULT if options.format is None else options.format
    if options.command:
        for option, value in (("--format", options.format), ("--output", options.output)):
            if value is not None and option not in options.from_environment:
                raise UsageError(
                    f"{option}: nothing is printed when a command is run",
                    hint=f"leave {option} out, or leave the command out",
                )
        executable, destination = handover.find_command(options.command[0], environ), None
    else:
        executable, destination = "", _find_destination(options, format_name)
    return Request(
        role_arns=role_arns,
        duration_seconds=seconds,
        session_name=name,
        region=place,
        policy=document,
        sts_timeout_seconds=timeout,
        command=options.command,
        executable=executable,
        format=format_name,
        destination=destination,
        dry_run=options.dry_run,
        verbose=options.verbose,
        notices=(notice,) if notice else (),
    )


def _find_destination(options: Options, format_name: str) -> output.Destination:
    if format_name not in formats.FORMATS:
        raise UsageError(
            f"{options.label('--format')}: '{format_name}' is not a format",
            hint=f"the formats are {', '.join(formats.FORMATS)}",
        )
    if formats.FORMATS[format_name].needs_file and options.output is None:
        raise UsageError(
            f"{options.label('--format')}: {format_name} needs --output PATH",
            hint="SDKs read it from a file, named by AWS_SHARED_CREDENTIALS_FILE",
        )
    return output.find_destination("-" if options.output is None else options.output)


def _parse_timeout(text: str) -> float:
    timeout = duration.parse(text)
    if timeout.seconds > _STS_TIMEOUT_AT_MOST_SECONDS:
        raise UsageError(f"{duration.format_go(timeout)} is longer than a day")
    return timeout.seconds
