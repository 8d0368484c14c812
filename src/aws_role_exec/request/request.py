"""The Request: all that was asked, checked. Nothing after it validates again."""

from __future__ import annotations

import os

from aws_role_exec import identity_variables
from aws_role_exec.configuration import settings
from aws_role_exec.credentials import VARIABLES
from aws_role_exec.errors import UsageError
from aws_role_exec.handover import execute
from aws_role_exec.output import formats
from aws_role_exec.records import record
from aws_role_exec.request import region
from aws_role_exec.request.options import TABLE, Option, Options
from aws_role_exec.sts import duration, role, session_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from aws_role_exec.configuration.settings import Settings
    from aws_role_exec.identity.oidc import Token, TokenEndpoint
    from aws_role_exec.output.files import Destination
    from aws_role_exec.sts.duration import Duration

_OF_A_FILE = ("--owner", "--mode")
_PRINTING = ("--format", "--output", *_OF_A_FILE, "--profile-name")
_NOTHING_IS_PRINTED = (
    "nothing is printed when there is a command",
    "omit {} or the command",
)
RENEWALS = {
    "helper": "by a helper process, until the command ends",
    "process": "by a credential_process, in every process of the command",
}
"""The ways to renew, in words."""
_RENEWING = ("--renew", "--renew-dir")
_NO_COMMAND = (
    "renewal requires a command",
    "add a command, or omit {}",
)
_NO_FILE = ("no output file", "use it with --output PATH")


@record
class Request:
    """What to ask of STS and what to do with the answer.

    `role_arns` are assumed in order, each with the credentials of the one before; the first
    by the base identity, which is `web_identity` if there is one, else what is found by the
    `settings` of environment and profile. The MFA device is the base identity's.
    With `is_role_of_profile` there is one role, which the profile names too: its last one. There
    is none where the profile's own credentials are handed over as they are.
    `session_parameters` are what AssumeRole is told for the last session, by its names for it:
    policies, tags and the like.
    `token_variables` are the caller's that hold the OIDC token, or the right to ask for one.
    `duration_is_at_most` allows for shorter credentials where STS gives no longer ones.
    `renew` is how the credentials are renewed, "" for not at all.
    `executable` is the file that `command[0]` stands for; both are empty for a run that
    prints, and then `destination` is where to.
    """

    role_arns: tuple[str, ...]
    is_role_of_profile: bool
    duration_seconds: int
    duration_is_at_most: bool
    session_name: str
    session_parameters: Mapping[str, Any]
    region: str
    settings: Settings
    web_identity: Token | TokenEndpoint | None
    token_variables: tuple[str, ...]
    mfa_serial: str | None
    mfa_code: str | None
    renew: str
    renew_dir: str | None
    sts_timeout_seconds: float
    command: tuple[str, ...]
    executable: str
    format: str
    profile_name: str
    destination: Destination | None
    dry_run: bool
    explain: bool
    verbose: bool
    quiet: bool
    notices: tuple[str, ...]

    @property
    def policy(self) -> str | None:
        """The inline session policy."""
        return self.session_parameters.get("Policy")

    @property
    def policy_arns(self) -> list[str]:
        """The ARNs of the managed session policies."""
        return [member["arn"] for member in self.session_parameters.get("PolicyArns", ())]

    @property
    def tags(self) -> list[tuple[str, str]]:
        """The keys and values of the session's tags."""
        return [
            (member["Key"], member["Value"]) for member in self.session_parameters.get("Tags", ())
        ]

    def __repr__(self) -> str:
        """Show which one it is, and no secret."""
        return f"Request({', '.join(self.role_arns) or self.settings.profile})"


def make(options: Options, environ: Mapping[str, str], *, prints: bool = True) -> Request:
    """Check everything that needs no network and return the Request.

    `prints` tells whether the credentials are to be printed where there is no command. Raises
    UsageError (exit 2), CommandNotFoundError (127) or CommandNotExecutableError (126).
    """
    if options.explain and options.dry_run:
        raise UsageError(
            f"{options.label('--explain')}: it calls STS, which --dry-run must not do",
            hint="omit one of them",
        )
    options = _without_defaults_for_other_runs(options)
    renew = _find_renewal(options)
    is_role_of_profile = not options.role_arn
    if is_role_of_profile and options.profile is None:
        raise _no_role(options, environ)
    found = settings.load(environ, options.profile, options.label("--profile"))
    has_token = options.web_identity is not None and len(options.role_arn) == 1
    if is_role_of_profile:
        from aws_role_exec.request import role_of_profile  # for some profiles

        options = role_of_profile.complete(options, found)
        has_token = role_of_profile.has_token_file(found)
    values = {
        option.name: _check_row(option, options)
        for option in TABLE
        if not (renew and option.flag == "--duration")  # then it is read in another way
    }
    role_arns = values["role_arn"]
    parameters = _session_parameters(options, values, has_token=has_token)
    if renew:
        _check_can_ask_again(options, found)
    _check_mfa(options, found, has_token=has_token)
    web_identity, token_variables = _find_web_identity(options, environ)
    seconds, notice = (
        (_renewed_seconds(options), None)
        if renew
        else _session_seconds(options, values["duration"], environ)
    )
    return Request(
        role_arns=role_arns,
        is_role_of_profile=is_role_of_profile,
        duration_seconds=seconds,
        duration_is_at_most=options.duration == "auto",
        session_name=values["session_name"] or _name_session(options, environ),
        session_parameters=parameters,
        region=values["region"] or region.find(found, _partition(role_arns, found)),
        settings=found,
        web_identity=web_identity,
        token_variables=token_variables,
        mfa_serial=values["mfa_serial"],
        mfa_code=values["mfa_code"],
        renew=renew,
        renew_dir=options.renew_dir,
        sts_timeout_seconds=values["sts_timeout"],
        command=options.command,
        executable=execute.find_command(options.command[0], environ) if options.command else "",
        format=values["format"] or formats.DEFAULT,
        profile_name=values["profile_name"] or formats.DEFAULT_SECTION,
        destination=_find_destination(options, values, environ)
        if prints and not options.command
        else None,
        dry_run=options.dry_run,
        explain=options.explain,
        verbose=options.verbose,
        quiet=options.quiet,
        notices=(notice,) if notice else (),
    )


def make_removal(options: Options, environ: Mapping[str, str]) -> tuple[str, Destination]:
    """Return the lines that `--unset` prints, and where to. Raises UsageError."""
    if options.command:
        raise UsageError(
            "--unset: a command inherits no credentials that it could remove",
            hint="omit --unset or the command",
        )
    options = _without_defaults_for_other_runs(options)
    printing = {
        option.name: _check_row(option, options) for option in TABLE if option.flag in _PRINTING
    }
    name = printing["format"] or formats.DEFAULT
    remove = formats.FORMATS[name].remove
    if remove is None:
        able = [name for name, known in formats.FORMATS.items() if known.remove]
        raise UsageError(
            f"{options.label('--unset')}: the format {name} cannot unset a variable",
            hint=f"the formats that can are {', '.join(able)}",
        )
    names = [*VARIABLES, *identity_variables.selected_beside(VARIABLES, environ)]
    return remove(names), _find_destination(options, printing, environ)


def _partition(role_arns: Sequence[str], settings: Settings) -> str:
    """Return the partition of the last role, or of the profile that is a session already."""
    if role_arns:
        return role.partition(role_arns[-1])
    return region.partition(settings.sso_region() or "")


def _no_role(options: Options, environ: Mapping[str, str]) -> UsageError:
    first = options.command[0] if options.command else ""
    profile = environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE")
    if first.startswith("arn:"):
        hint = "write --role-arn before the ARN"
    elif first == "version":
        hint = "aws-role-exec --version"
    elif profile:
        hint = f"AWS_PROFILE alone does not select one; did you mean --profile {profile}?"
    else:
        hint = "aws-role-exec --role-arn arn:aws:iam::123456789012:role/name -- command"
    return UsageError("command line: no role given; use --role-arn", hint=hint)


def _check_row(option: Option, options: Options) -> Any:
    """Return what an option's own check makes of it; None, or (), where it was not given."""
    given = getattr(options, option.name)
    if option.kind == "flag" or given is None:
        return given
    try:
        if option.kind == "list":
            # Said twice, a session option is said once; a role is gone through twice.
            distinct = dict.fromkeys(given) if option.parameter else given
            return tuple(map(option.check, distinct))
        return option.check(given)
    except UsageError as error:
        raise _labelled(options, option.flag, error) from None


def _labelled(options: Options, flag: str, error: UsageError) -> UsageError:
    """Return the error beginning with the option, or the variable, that it is about."""
    return UsageError(f"{options.label(flag)}: {error}", hint=error.hint)


def _session_parameters(
    options: Options, values: Mapping[str, Any], *, has_token: bool
) -> dict[str, Any]:
    """Return what STS is told for the last role, by its names for it.

    `has_token` tells whether that one is assumed with an OIDC token.
    """
    rows = [option for option in TABLE if option.parameter and values[option.name]]
    parameters = {option.parameter: values[option.name] for option in rows}
    if not rows:
        return parameters
    from aws_role_exec.sts import session_options  # few runs have any

    role_arns = values["role_arn"]
    for option in rows:
        if has_token and option.parameter not in session_options.TAKEN_WITH_A_TOKEN:
            raise UsageError(
                f"{options.label(option.flag)}: STS does not accept it with an OIDC token",
                hint="add a second --role-arn: the option applies to the last role",
            )
        try:
            if option.agrees is not None:
                option.agrees({"RoleArn": role_arns[-1], **parameters})
        except UsageError as error:
            raise _labelled(options, option.flag, error) from None
    return parameters


def again(request: Request, environ: Mapping[str, str]) -> Request:
    """Return the same request with the files read anew that it depends on: for a renewal.

    Raises UsageError where they cannot be understood any more.
    """
    old = request.settings
    profile = old.profile if old.is_named_by_option else None
    values = {**request.__dict__, "settings": settings.load(environ, profile, old.named_by)}
    if request.web_identity is not None:
        from aws_role_exec.identity import oidc  # rare

        values["web_identity"] = oidc.find(request.web_identity.source, environ)
    return Request(**values)


def _find_renewal(options: Options) -> str:
    """Return how to renew, "" for not at all. Raises UsageError where that cannot be."""
    row = next(option for option in TABLE if option.flag == "--renew")
    renew: str = _check_row(row, options) or ""
    if renew == "process" and os.name == "nt":
        raise UsageError(
            f"{options.label('--renew')}: process is not available on Windows",
            hint="--renew alone is",
        )
    if renew == "process" and not options.renew_dir:
        raise UsageError(
            f"{options.label('--renew')}: process requires a directory for its files",
            hint="add --renew-dir DIR",
        )
    is_asked_for = options.renew_dir is not None and "--renew-dir" not in options.from_environment
    if is_asked_for and renew != "process":
        raise UsageError(
            "--renew-dir: it has no effect without --renew=process",
            hint="add --renew=process, or omit it",
        )
    return renew


def _renewed_seconds(options: Options) -> int:
    try:
        seconds = duration.renewed_session_seconds(options.duration)
    except UsageError as error:
        hint = (
            "with --renew, this is the length of each session, 15m to 12h; the job may run longer"
        )
        error = UsageError(str(error), hint=hint)
        raise _labelled(options, "--duration", error) from None
    if len(options.role_arn) > 1 and seconds > duration.CHAINED_MAXIMUM_SECONDS:
        raise _chained_too_long(options)
    return seconds


def _check_can_ask_again(options: Options, settings: Settings) -> None:
    """Raise UsageError for source credentials that are good for asking once, as an MFA code is."""
    label = options.label("--renew")
    if options.mfa_serial or options.mfa_code or _wants_mfa(settings):
        raise UsageError(
            f"{label}: you cannot be prompted for an MFA code at each renewal",
            hint="get an MFA session first (aws sts get-session-token, up to 36h) and use its keys",
        )
    source = options.web_identity or ""
    kind, _, rest = source.partition(":")
    if kind == "env":
        raise UsageError(
            f"{label}: the token in {rest} expires, and the variables of a running job do not"
            " change",
            hint="use --web-identity file:PATH, where PATH is kept up to date, or github",
        )
    path = rest.removeprefix("//")
    if kind == "file" and os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(
            f"{label}: {path} can be read only once",
            hint="name a regular file that is kept up to date",
        )


def _session_seconds(
    options: Options, lifetime: Duration | None, environ: Mapping[str, str]
) -> tuple[int, str | None]:
    """Return how long a session to ask for, and a notice if that needs one."""
    is_chained = len(options.role_arn) > 1
    if lifetime is None:
        from aws_role_exec.schedulers import job  # asks the scheduler

        return job.session_seconds(environ, chained=is_chained)
    seconds, notice = duration.session_seconds(lifetime)
    if is_chained and seconds > duration.CHAINED_MAXIMUM_SECONDS:
        raise _chained_too_long(options)
    return seconds, notice


def _chained_too_long(options: Options) -> UsageError:
    return UsageError(
        f"{options.label('--duration')}: role chaining limits a session to 1h",
        hint="for a longer job, add --renew; otherwise use 15m to 1h",
    )


def _name_session(options: Options, environ: Mapping[str, str]) -> str:
    """Return the job's name where that is asked for and there is one, else one of ours."""
    name = None
    if options.session_name is not None:
        from aws_role_exec.schedulers import job  # for auto only

        name = job.session_name(environ)
    return session_name.sanitize(name) if name else session_name.default(environ)


def _check_mfa(options: Options, settings: Settings, *, has_token: bool) -> None:
    """Raise UsageError for an MFA device that nobody can be asked about, or that is none."""
    if options.web_identity is not None or has_token:
        for flag, value in (("--mfa-serial", options.mfa_serial), ("--mfa-code", options.mfa_code)):
            if value is not None:
                raise UsageError(f"{options.label(flag)}: MFA does not apply to an OIDC token")
    if options.mfa_serial is not None and options.mfa_code is None:
        from aws_role_exec.identity import mfa  # rare
        from aws_role_exec.sts import refusals  # rare

        if not mfa.is_there():
            raise UsageError(
                f"{options.label('--mfa-serial')}: {mfa.NO_TERMINAL}",
                hint=refusals.IDENTITY_HINTS["terminal"],
            )
    if options.mfa_code is not None and options.mfa_serial is None and not _wants_mfa(settings):
        raise UsageError(
            f"{options.label('--mfa-code')}: it requires an MFA device",
            hint="add --mfa-serial, or a --profile that has mfa_serial",
        )


def _wants_mfa(settings: Settings) -> bool:
    """Tell whether a role of the profile asks for an MFA code."""
    from aws_role_exec.identity import profile  # rare

    flat = profile.flatten(settings.configuration, settings.profile or "default")
    return any(hop.mfa_serial for hop in flat.hops)


def _find_web_identity(
    options: Options, environ: Mapping[str, str]
) -> tuple[Token | TokenEndpoint | None, tuple[str, ...]]:
    """Return the OIDC token to ask with, or where to get it, and the variables it came from."""
    source = options.web_identity
    if source is None:
        return None, ()
    from aws_role_exec.identity import oidc  # rare

    try:
        return oidc.find(source, environ), oidc.variables(source)
    except UsageError as error:
        raise _labelled(options, "--web-identity", error) from None


def _without_defaults_for_other_runs(options: Options) -> Options:
    """Return the options that count in this run.

    What stands in the environment is a default for many runs and left out where it does not
    go with this one; the same on the command line is an error, UsageError.
    """
    unused: dict[str, tuple[str, str]] = {}
    if options.command:
        unused = dict.fromkeys(_PRINTING, _NOTHING_IS_PRINTED)
        if options.explain and options.format == "json":
            del unused["--format"]  # the explanation's
    else:
        chosen = formats.FORMATS.get(options.format or formats.DEFAULT)
        if chosen is not None:
            unused.update(chosen.unused)
        unused.update(dict.fromkeys(_RENEWING, _NO_COMMAND))
        if options.output is None:
            unused = {**dict.fromkeys(_OF_A_FILE, _NO_FILE), **unused}
    if options.profile is not None and options.web_identity is not None:
        # What stands on the command line goes before a default of the site's.
        defaults = options.from_environment & {"--profile", "--web-identity"}
        flag = "--profile" if defaults == {"--profile"} else "--web-identity"
        if len(defaults) != 1:
            raise UsageError(
                f"{options.label('--web-identity')}: it cannot be combined with"
                f" {options.label('--profile')}",
                hint="omit one of them",
            )
        unused[flag] = "", ""
    for flag, (why, hint) in unused.items():
        given = getattr(options, flag[2:].replace("-", "_")) is not None
        if given and flag not in options.from_environment:
            raise UsageError(f"{flag}: {why}", hint=hint.format(flag))
    return options.without(unused)


def _find_destination(
    options: Options, values: Mapping[str, Any], environ: Mapping[str, str]
) -> Destination:
    """Return the place that the format writes to, as far as the options leave that open."""
    owner, mode = values["owner"], values["mode"]
    ownership = None
    if owner is not None or mode is not None:
        from aws_role_exec.output.ownership import FILE_MODE, Ownership  # rare

        user, group = owner or (None, None)
        ownership = Ownership(user, group, FILE_MODE if mode is None else mode)
    chosen = formats.FORMATS[values["format"] or formats.DEFAULT]
    return chosen.find_destination(options.output, ownership, environ, options.label)
