"""The Request: all that was asked, checked. Nothing after it validates again."""

from __future__ import annotations

from aws_role_exec.credentials import VARIABLES
from aws_role_exec.errors import UsageError
from aws_role_exec.handover import execute
from aws_role_exec.output import formats
from aws_role_exec.records import record
from aws_role_exec.request import region
from aws_role_exec.sts import duration, policy, role, session_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol, TypeVar

    from aws_role_exec.identity.oidc import Token, TokenEndpoint
    from aws_role_exec.output.files import Destination
    from aws_role_exec.output.ownership import Ownership
    from aws_role_exec.request.options import Options

    T = TypeVar("T")

    class Checked(Protocol):
        """Runs a check on the value of an option, whose name goes before what is wrong."""

        def __call__(self, option: str, check: Callable[[str], T], value: str) -> T: ...


_STS_TIMEOUT_AT_MOST_SECONDS = 24 * 3600


@record
class Request:
    """What to ask of STS and what to do with the answer.

    `role_arns` are assumed in order, each with the credentials of the one before; the first
    by the base identity, which is `web_identity` if there is one, else what botocore finds for
    `profile` or the environment. The MFA device is the base identity's; policies, tags and
    the like are of the last session.
    `duration_is_at_most` allows for shorter credentials where STS gives no longer ones.
    `executable` is the file that `command[0]` stands for; both are empty for a run that
    prints, and then `destination` is where to.
    """

    role_arns: tuple[str, ...]
    duration_seconds: int
    duration_is_at_most: bool
    session_name: str
    region: str
    policy: str | None
    policy_arns: tuple[str, ...]
    profile: str | None
    web_identity: Token | TokenEndpoint | None
    external_id: str | None
    source_identity: str | None
    tags: tuple[tuple[str, str], ...]
    transitive_tags: tuple[str, ...]
    mfa_serial: str | None
    mfa_code: str | None
    sts_timeout_seconds: float
    command: tuple[str, ...]
    executable: str
    format: str
    profile_name: str
    destination: Destination | None
    dry_run: bool
    explain: bool
    verbose: bool
    notices: tuple[str, ...]

    def __repr__(self) -> str:
        """Show which one it is, and no secret."""
        return f"Request({', '.join(self.role_arns)})"


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
    automatic = options.duration == "auto"
    if automatic:
        from aws_role_exec.schedulers import time_left  # noqa: PLC0415 - asks the scheduler

        seconds, notice = time_left.session_seconds(environ, chained=len(role_arns) > 1)
    else:
        lifetime = checked("--duration", duration.parse, options.duration)
        seconds, notice = checked(
            "--duration", lambda _: duration.session_seconds(lifetime), options.duration
        )
    if len(role_arns) > 1 and seconds > duration.CHAINED_MAXIMUM_SECONDS:
        raise UsageError(
            f"{options.label('--duration')}: a role assumed from another role lasts 1h at most",
            hint="leave --duration out, or name 15m to 1h",
        )
    if options.session_name is None:
        name = session_name.default(environ)
    elif options.session_name == "auto":
        name = session_name.auto(environ)
    else:
        name = checked("--session-name", session_name.check, options.session_name)
    document = None if options.policy is None else checked("--policy", policy.load, options.policy)
    extras = _session_extras(options, role_arns, document, checked)
    profile, web_identity = _base(options, environ, role_arns, checked)
    timeout = checked("--sts-timeout", _parse_timeout, options.sts_timeout)
    place = checked(
        "--region",
        lambda _: region.find(options.region, environ, role.partition(role_arns[-1]), profile),
        options.region or "",
    )
    format_name, profile_name, destination = formats.DEFAULT, "", None
    executable = ""
    if options.explain and options.dry_run:
        raise UsageError(
            "--explain: it asks STS, and --dry-run promises not to", hint="leave one of them out"
        )
    if options.command:
        printing = ["--format", "--output", "--owner", "--mode", "--profile-name"]
        if options.explain and options.format == "json":
            printing.remove("--format")  # the explanation's
            format_name = "json"
        _refuse_typed(
            options,
            printing,
            "nothing is printed when a command is run",
            "leave {} out, or leave the command out",
        )
        executable = execute.find_command(options.command[0], environ)
    else:
        format_name = _find_format(options)
        profile_name = _find_profile_name(options, format_name)
        destination = _find_destination(options, format_name, environ)
    return Request(
        role_arns=role_arns,
        duration_seconds=seconds,
        duration_is_at_most=automatic,
        session_name=name,
        region=place,
        policy=document,
        profile=profile,
        web_identity=web_identity,
        **extras,
        sts_timeout_seconds=timeout,
        command=options.command,
        executable=executable,
        format=format_name,
        profile_name=profile_name,
        destination=destination,
        dry_run=options.dry_run,
        explain=options.explain,
        verbose=options.verbose,
        notices=(notice,) if notice else (),
    )


def _session_extras(
    options: Options, role_arns: tuple[str, ...], policy_document: str | None, checked: Checked
) -> dict[str, Any]:
    """Return the fields of Request that most runs leave empty."""
    given = (
        options.policy_arn
        or options.tag
        or options.transitive_tag
        or options.external_id is not None
        or options.source_identity is not None
        or options.mfa_serial is not None
        or options.mfa_code is not None
    )
    if not given:
        return {
            "policy_arns": (),
            "external_id": None,
            "source_identity": None,
            "tags": (),
            "transitive_tags": (),
            "mfa_serial": None,
            "mfa_code": None,
        }
    from aws_role_exec.identity import mfa  # noqa: PLC0415 - rare
    from aws_role_exec.sts import refusals, session_options  # noqa: PLC0415 - rare

    def one(option: str, check: Callable[[str], str], value: str | None) -> str | None:
        return None if value is None else checked(option, check, value)

    arns = tuple(
        checked("--policy-arn", lambda arn: session_options.check_policy_arn(arn, role_arns[-1]), a)
        for a in options.policy_arn
    )
    checked("--policy-arn", lambda _: session_options.check_policy_sizes(policy_document, arns), "")
    tags = tuple(checked("--tag", session_options.parse_tag, tag) for tag in options.tag)
    checked("--tag", lambda _: session_options.check_tags(tags), "")
    transitive = tuple(dict.fromkeys(options.transitive_tag))
    checked(
        "--transitive-tag", lambda _: session_options.check_transitive_tags(transitive, tags), ""
    )
    serial = one("--mfa-serial", session_options.check_mfa_serial, options.mfa_serial)
    code = one("--mfa-code", session_options.check_mfa_code, options.mfa_code)
    if serial is not None and code is None and not mfa.is_there():
        raise UsageError(
            f"{options.label('--mfa-serial')}: {mfa.NO_TERMINAL}",
            hint=refusals.IDENTITY_HINTS["terminal"],
        )
    return {
        "policy_arns": arns,
        "external_id": one("--external-id", session_options.check_external_id, options.external_id),
        "source_identity": one(
            "--source-identity", session_options.check_source_identity, options.source_identity
        ),
        "tags": tags,
        "transitive_tags": transitive,
        "mfa_serial": serial,
        "mfa_code": code,
    }


def _base(
    options: Options, environ: Mapping[str, str], role_arns: tuple[str, ...], checked: Checked
) -> tuple[str | None, Token | TokenEndpoint | None]:
    """Return the profile and the web identity to ask with, of which one at least is None."""
    profile, source = options.profile, options.web_identity
    if profile is not None and source is not None:
        # What stands on the command line goes before a default of the site's.
        defaults = options.from_environment & {"--profile", "--web-identity"}
        if len(defaults) != 1:
            raise UsageError(
                f"{options.label('--web-identity')}: there is a"
                f" {options.label('--profile')} to ask as already",
                hint="leave one of them out",
            )
        profile, source = (None, source) if "--profile" in defaults else (profile, None)
    if profile is not None:
        from aws_role_exec.identity import botocore_chain  # noqa: PLC0415 - botocore, only if it is needed

        checked("--profile", botocore_chain.check_profile, profile)
    if options.mfa_code is not None and options.mfa_serial is None and source is None:
        from aws_role_exec.identity import botocore_chain  # noqa: PLC0415

        if not botocore_chain.profile_wants_mfa(profile):
            raise UsageError(
                f"{options.label('--mfa-code')}: the code of which device?",
                hint="name it with --mfa-serial, or --profile one that has an mfa_serial",
            )
    if source is None:
        return profile, None
    for option, value in (("--mfa-serial", options.mfa_serial), ("--mfa-code", options.mfa_code)):
        if value is not None:
            raise UsageError(f"{options.label(option)}: an OIDC token has no MFA device")
    if len(role_arns) == 1:
        for option, given in (
            ("--external-id", options.external_id is not None),
            ("--source-identity", options.source_identity is not None),
            ("--tag", bool(options.tag)),
            ("--transitive-tag", bool(options.transitive_tag)),
        ):
            if given:
                raise UsageError(
                    f"{options.label(option)}: STS does not take it with an OIDC token, which"
                    " brings its own",
                    hint="repeat --role-arn to go on to a role that is told so",
                )
    from aws_role_exec.identity import oidc  # noqa: PLC0415 - rare

    return None, checked("--web-identity", lambda text: oidc.find(text, environ), source)


def make_removal(options: Options, environ: Mapping[str, str]) -> tuple[str, Destination]:
    """Return the lines that `--unset` prints, and where to. Raises UsageError."""
    if options.command:
        raise UsageError(
            "--unset: there is nothing to take out of a command's environment",
            hint="leave --unset out, or leave the command out",
        )
    format_name = _find_format(options)
    remove = formats.FORMATS[format_name].remove
    if remove is None:
        able = [name for name, known in formats.FORMATS.items() if known.remove]
        raise UsageError(
            f"--unset: {format_name} has no words for taking a variable out",
            hint=f"the formats that have are {', '.join(able)}",
        )
    return remove(VARIABLES), _find_destination(options, format_name, environ)


def _refuse_typed(options: Options, flags: Sequence[str], why: str, hint: str) -> None:
    """Raise UsageError for the first of these that stands on the command line.

    As a default from the environment it is for other runs than this one.
    """
    for flag in flags:
        given = getattr(options, flag[2:].replace("-", "_")) is not None
        if given and flag not in options.from_environment:
            raise UsageError(f"{flag}: {why}", hint=hint.format(flag))


def _find_format(options: Options) -> str:
    name = formats.DEFAULT if options.format is None else options.format
    if name not in formats.FORMATS:
        raise UsageError(
            f"{options.label('--format')}: '{name[:80]}' is not a format",
            hint=f"the formats are {', '.join(formats.FORMATS)}",
        )
    return name


def _find_profile_name(options: Options, format_name: str) -> str:
    if not formats.FORMATS[format_name].has_section:
        _refuse_typed(
            options,
            ("--profile-name",),
            f"{format_name} has no sections",
            "it goes with --format credentials-file",
        )
        return ""
    name = formats.DEFAULT_SECTION if options.profile_name is None else options.profile_name
    if not formats.is_section_name(name):
        raise UsageError(
            f"{options.label('--profile-name')}: '{name[:80]}' cannot be a profile's name",
            hint="letters, digits and _.-+@%/: only"
            if name
            else "it is empty; is a variable not set?",
        )
    return name


def _find_destination(
    options: Options, format_name: str, environ: Mapping[str, str]
) -> Destination:
    if formats.FORMATS[format_name].appends_to is not None:
        _refuse_typed(
            options,
            ("--output", "--owner", "--mode"),
            f"{format_name} adds to the file that the runner names",
            "for a file of K=V lines there is --format dotenv",
        )
        return _find_github_environment(options, environ)
    if options.output is None:
        _refuse_typed(
            options, ("--owner", "--mode"), "there is no file", "it goes with --output PATH"
        )
    if formats.FORMATS[format_name].needs_file and options.output is None:
        raise UsageError(
            f"{options.label('--format')}: {format_name} needs --output PATH",
            hint="SDKs read it from a file, named by AWS_SHARED_CREDENTIALS_FILE",
        )
    from aws_role_exec.output import places  # noqa: PLC0415 - not for a command

    if options.output is None:
        return places.find_destination("-")
    return places.find_destination(options.output, _find_ownership(options))


def _find_ownership(options: Options) -> Ownership | None:
    if options.owner is None and options.mode is None:
        return None
    from aws_role_exec.output import ownership  # noqa: PLC0415 - rarely asked for

    try:
        flag = "--owner"
        user, group = (
            ownership.parse_owner(options.owner) if options.owner is not None else (None, None)
        )
        flag = "--mode"
        mode = ownership.FILE_MODE if options.mode is None else ownership.parse_mode(options.mode)
    except UsageError as error:
        raise UsageError(f"{options.label(flag)}: {error}", hint=error.hint) from None
    return ownership.Ownership(user, group, mode)


def _find_github_environment(options: Options, environ: Mapping[str, str]) -> Destination:
    path = environ.get("GITHUB_ENV")
    if environ.get("GITHUB_ACTIONS") != "true" or not path:
        raise UsageError(
            f"{options.label('--format')}: github is for a step of GitHub Actions; this is none",
            hint="GITHUB_ACTIONS and GITHUB_ENV are set there; elsewhere, see env and dotenv",
        )
    from aws_role_exec.output import files  # noqa: PLC0415 - not for a command

    return files.Appended(path, "GITHUB_ENV")


def _parse_timeout(text: str) -> float:
    timeout = duration.parse(text)
    if timeout.seconds > _STS_TIMEOUT_AT_MOST_SECONDS:
        raise UsageError(f"{duration.format_go(timeout)} is longer than a day")
    return timeout.seconds
