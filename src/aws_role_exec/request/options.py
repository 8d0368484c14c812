"""The options: one table, from which the command line, its help and its defaults are made.

A row has all there is to know of an option. Adding one means a row in `TABLE` and a field of
the same name in `Options`; what is no session option is also used by somebody (`request`).
"""

from __future__ import annotations

from aws_role_exec.errors import UsageError
from aws_role_exec.output import formats
from aws_role_exec.records import record
from aws_role_exec.request import region
from aws_role_exec.sts import duration, policy, role, session_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

ENVIRONMENT_PREFIX = "AWS_ROLE_EXEC_"
COMPLETION_VARIABLE = "_AWS_ROLE_EXEC_COMPLETE"
"""By this variable a shell's completion script asks click."""
OTHER_VARIABLES = (
    "AWS_ROLE_EXEC_BUILD_CACHE",
    "AWS_ROLE_EXEC_DEBUG",
    "AWS_ROLE_EXEC_INSIDE",
    "AWS_ROLE_EXEC_RELEASES",
)
"""Known names that are no option's: of debugging, of `identity.process`, of the build and of
`install.sh`."""
COLORS = ("auto", "always", "never")
GROUPS = ("Role", "Session", "Source credentials", "Output", "Behavior")
"""The headings of the help, in order."""
_STS_TIMEOUT_AT_MOST_SECONDS = 24 * 3600


@record
class Option:
    """One option. `kind` is `value` (the last one counts), `list` (repeat it) or `flag`.

    A value with something `implied` may be left out; it is written with `=` or not at all.

    `check` takes the text of one value and returns what the Request has for it, or raises
    UsageError; where it needs to know more than the text, `request` does the rest.
    `completes` is what a shell offers as its value: a key of `completion.VALUES`, `file`, or
    nothing.
    `parameter` is a session option's name in STS's AssumeRole, which is told it for the last
    role; then `check` returns the parameter's value, or in a `list` one member of it, and
    `agrees` raises UsageError where it does not go with the others, by their names in STS.
    `group` is the heading in the help.
    """

    flag: str
    metavar: str
    help: str
    kind: str = "value"
    default: str | None = None
    short: str | None = None
    completes: str = ""
    check: Callable[[str], Any] = str
    parameter: str = ""
    agrees: Callable[[Mapping[str, Any]], None] | None = None
    group: str = "Behavior"
    implied: str = ""

    @property
    def name(self) -> str:
        """The field of `Options` that holds its value."""
        return self.flag[2:].replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable that holds its default."""
        return ENVIRONMENT_PREFIX + self.name.upper()


def _session(rule: str) -> Callable[[Any], Any]:
    """Return a rule of `sts.session_options`, a module that is imported when one is needed."""

    def apply(value: Any) -> Any:
        from aws_role_exec.sts import session_options  # few runs have any

        return getattr(session_options, rule)(value)

    return apply


def _ownership(rule: str) -> Callable[[str], Any]:
    """Return a rule of `output.ownership`, likewise."""

    def apply(text: str) -> Any:
        from aws_role_exec.output import ownership  # rarely asked for

        return getattr(ownership, rule)(text)

    return apply


def _lifetime(text: str) -> duration.Duration | None:
    """Return the duration, None for the time that the job has left."""
    if text == "auto":
        return None
    lifetime = duration.parse(text)
    duration.session_seconds(lifetime)
    return lifetime


def _renewal(text: str) -> str:
    """Return how to renew: `helper`, `process`, or "" for not at all, as a flag's default says."""
    if text in ("helper", "process"):
        return text
    if text.lower() in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        return "helper" if text.lower() in ("1", "true", "yes", "on") else ""
    raise UsageError(
        f"'{text[:80]}' is not a way to renew", hint="write --renew alone, or --renew=process"
    )


def _session_name(text: str) -> str | None:
    """Return the name, None for the job's."""
    return None if text == "auto" else session_name.check(text)


def _timeout_seconds(text: str) -> float:
    timeout = duration.parse(text)
    if timeout.seconds > _STS_TIMEOUT_AT_MOST_SECONDS:
        raise UsageError(f"{duration.format_go(timeout)} is longer than a day")
    return timeout.seconds


def _color(text: str) -> str:
    if text not in COLORS:
        raise UsageError(f"'{text[:80]}' is not one of {', '.join(COLORS)}")
    return text


def _format(text: str) -> str:
    if text not in formats.FORMATS:
        raise UsageError(
            f"'{text[:80]}' is not a format", hint=f"the formats are {', '.join(formats.FORMATS)}"
        )
    return text


TABLE = (
    Option(
        "--role-arn",
        "ARN",
        "Role to assume; if omitted, the role of --profile. Repeat to chain roles, in order.",
        kind="list",
        completes="role",
        check=role.check_arn,
        group="Role",
    ),
    Option(
        "--duration",
        "D",
        "Session duration, 15m to 12h. Accepts 45m or 1h30m, a job's walltime such as 04:00:00 or"
        " 0-04, or auto for the current job's remaining time.",
        default="1h",
        check=_lifetime,
        group="Session",
        completes="duration",
    ),
    Option(
        "--session-name",
        "NAME",
        "Session name, as shown in CloudTrail. Use auto to name it after the current job."
        "  [default: aws-role-exec-<user>-<random>]",
        check=_session_name,
        group="Session",
        completes="session_name",
    ),
    Option(
        "--region",
        "R",
        "Region for STS and the command.  [default: AWS_DEFAULT_REGION, AWS_REGION, the"
        " profile's, else the partition's default]",
        check=region.check,
        completes="region",
    ),
    Option(
        "--policy",
        "P",
        "Inline session policy that restricts the session. Give JSON or file://PATH.",
        completes="policy",
        check=policy.load,
        parameter="Policy",
        group="Session",
    ),
    Option(
        "--policy-arn",
        "ARN",
        "Managed policy that restricts the session. Repeat for up to ten.",
        kind="list",
        check=_session("managed_policy"),
        parameter="PolicyArns",
        agrees=_session("policies_agree"),
        group="Session",
    ),
    Option(
        "--profile",
        "NAME",
        "Profile to use, even if the environment holds keys. Without --role-arn, also selects the"
        " role: the profile's role_arn, or its SSO account and role.",
        completes="profile",
        group="Source credentials",
    ),
    Option(
        "--web-identity",
        "SRC",
        "OIDC token to use instead of source credentials. Give file:PATH, env:NAME or"
        " github[:AUDIENCE].",
        group="Source credentials",
        completes="token",
    ),
    Option(
        "--external-id",
        "ID",
        "External ID required by the role's trust policy.",
        check=_session("check_external_id"),
        parameter="ExternalId",
        group="Role",
    ),
    Option(
        "--source-identity",
        "NAME",
        "Source identity, as shown in CloudTrail. Persists across chained roles.",
        check=_session("check_source_identity"),
        parameter="SourceIdentity",
        group="Session",
    ),
    Option(
        "--tag",
        "K=V",
        "Session tag. Repeat for more.",
        kind="list",
        check=_session("tag"),
        parameter="Tags",
        agrees=_session("tags_agree"),
        group="Session",
    ),
    Option(
        "--transitive-tag",
        "K",
        "Key of a session tag to pass on to chained roles. Repeat for more.",
        kind="list",
        parameter="TransitiveTagKeys",
        agrees=_session("transitive_tags_agree"),
        group="Session",
    ),
    Option(
        "--mfa-serial",
        "ARN",
        "Your MFA device; prompts for its code on the terminal.",
        completes="mfa",
        check=_session("check_mfa_serial"),
        group="Role",
    ),
    Option(
        "--mfa-code",
        "CODE",
        "MFA code, instead of the prompt.",
        check=_session("check_mfa_code"),
        group="Role",
    ),
    Option(
        "--format",
        "F",
        "Output format for the credentials. One of"
        f" {', '.join(formats.FORMATS)}.  [default: {formats.DEFAULT}]",
        completes="format",
        check=_format,
        group="Output",
    ),
    Option(
        "--output",
        "PATH",
        "File to write instead of stdout. It appears complete, with mode 0600, or not at all.",
        completes="file",
        group="Output",
    ),
    Option(
        "--owner",
        "USER[:GROUP]",
        "Owner of the --output file. Only root can set another user. Numeric IDs always work.",
        completes="user",
        check=_ownership("parse_owner"),
        group="Output",
    ),
    Option(
        "--mode",
        "OCTAL",
        "Mode of the --output file: 0400, 0440, 0600 or 0640.  [default: 0600]",
        completes="mode",
        check=_ownership("parse_mode"),
        group="Output",
    ),
    Option(
        "--profile-name",
        "NAME",
        "Section name for --format credentials-file.  [default: default]",
        check=formats.check_section_name,
        group="Output",
    ),
    Option(
        "--unset",
        "",
        "Print commands that remove the credentials from this shell. Uses --format; needs no role"
        " and no network.",
        kind="flag",
        group="Output",
    ),
    Option(
        "--renew",
        "[=HOW]",
        "Renew the credentials until the command exits. A helper process does it; --renew=process"
        " uses a credential_process in --renew-dir instead.",
        check=_renewal,
        implied="helper",
        group="Session",
    ),
    Option(
        "--renew-dir",
        "DIR",
        "Directory for the files of --renew=process.",
        completes="file",
        group="Session",
    ),
    Option(
        "--sts-timeout",
        "D",
        "Time limit for all network calls, including retries.",
        default="30s",
        check=_timeout_seconds,
        completes="timeout",
    ),
    Option(
        "--dry-run",
        "",
        "Validate without using the network, print the request, and exit.",
        kind="flag",
    ),
    Option(
        "--explain",
        "",
        "Show the caller, the request, and why STS refuses it. Calls STS; runs nothing.",
        kind="flag",
    ),
    Option("--verbose", "", "Print progress on stderr.", kind="flag", short="-v"),
    Option(
        "--quiet",
        "",
        "Print errors only: no notices, no progress.",
        kind="flag",
        short="-q",
    ),
    Option(
        "--color",
        "WHEN",
        "Color help and errors: auto, always or never. With auto, only a terminal gets color, and"
        " not if NO_COLOR is set.",
        default="auto",
        completes="color",
        check=_color,
    ),
    Option(
        "--completion",
        "SHELL",
        "Print the completion script for a shell: bash, zsh, fish or powershell.",
        completes="shell",
    ),
)


@record
class Options:
    """The options as text, wherever they came from, before anything is checked.

    `from_environment` has the flags of those that did not stand on the command line,
    `from_default` those that nobody gave. `set_in` has where others were set, for messages: the
    setting of a profile, the argument of a call.
    """

    role_arn: tuple[str, ...]
    command: tuple[str, ...]
    duration: str
    session_name: str | None
    region: str | None
    format: str | None
    output: str | None
    owner: str | None
    mode: str | None
    profile_name: str | None
    unset: bool
    policy: str | None
    policy_arn: tuple[str, ...]
    profile: str | None
    web_identity: str | None
    external_id: str | None
    source_identity: str | None
    tag: tuple[str, ...]
    transitive_tag: tuple[str, ...]
    mfa_serial: str | None
    mfa_code: str | None
    renew: str | None
    renew_dir: str | None
    sts_timeout: str
    dry_run: bool
    explain: bool
    verbose: bool
    quiet: bool
    color: str
    completion: str | None
    from_environment: frozenset[str] = frozenset()
    from_default: frozenset[str] = frozenset()
    set_in: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """Show which one it is, and no secret."""
        return f"Options({', '.join(self.role_arn)})"

    def without(self, flags: Iterable[str]) -> Options:
        """Return them as if these, which take a value, had not been given."""
        absent = {flag[2:].replace("-", "_"): None for flag in flags}
        return Options(**{**self.__dict__, **absent})

    def with_places(self, places: Mapping[str, str]) -> Options:
        """Return them with what messages are to call them, by flag."""
        return Options(**{**self.__dict__, "set_in": places})

    def with_profile(self, values: Mapping[str, str], places: Mapping[str, str]) -> Options:
        """Return them with the role of a profile, and with what it says of that role, by flag.

        `places` says for each where it is set.
        """
        found: dict[str, Any] = {
            flag[2:].replace("-", "_"): value for flag, value in values.items()
        }
        found["role_arn"] = (values["--role-arn"],)
        return Options(**{**self.__dict__, **found, "set_in": {**self.set_in, **places}})

    def is_given(self, flag: str) -> bool:
        """Tell whether the command line or the environment has this option."""
        value = getattr(self, flag[2:].replace("-", "_"))
        return value not in (None, (), False) and flag not in self.from_default

    def label(self, flag: str) -> str:
        """Return how to call this option in a message: by the place its value came from."""
        if flag in self.set_in:
            return self.set_in[flag]
        return VARIABLES[flag] if flag in self.from_environment else flag


VARIABLES: Mapping[str, str] = {option.flag: option.variable for option in TABLE}


def refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    """Raise UsageError for a variable that has our prefix and is no option's: a misspelt one.

    One that is set and empty counts as unset.
    """
    known = {*VARIABLES.values(), *OTHER_VARIABLES}
    for name, value in environ.items():
        if name.startswith(ENVIRONMENT_PREFIX) and value and name not in known:
            raise UsageError(
                f"{name[:80]}: no such option",
                hint=f"did you mean {_nearest(name, sorted(known))}?",
            )


def _nearest(name: str, known: Sequence[str]) -> str:
    """Return the known variable that is spelled most like this one, underscores and case apart."""
    import difflib  # only for an error

    def spell(variable: str) -> str:
        return variable.removeprefix(ENVIRONMENT_PREFIX).replace("_", "").upper()

    spelled = {spell(variable): variable for variable in known}
    word = spell(name)
    begun = [spelling for spelling in spelled if word and spelling.startswith(word)]
    found = begun or difflib.get_close_matches(word, spelled, n=1, cutoff=0.0)
    return spelled[found[0]]


def glance(arguments: Sequence[str]) -> dict[str, str | None]:
    """Return what stands on a command line that may be wrong: options with their last value.

    None for flags, and for an option without one. `command` is in it if there is a command.
    """
    flags = {"-h", "--help", "--version"}
    for option in TABLE:
        if option.kind == "flag":
            flags |= {option.flag, option.short or option.flag}
    found: dict[str, str | None] = {}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--" or not word.startswith("-") or word == "-":
            if word != "--" or next(words, None) is not None:
                found["command"] = None
            break
        if name in flags:
            found[name] = None
        else:
            found[name] = value if equals else next(words, None)
    return found


def wants_color(arguments: Sequence[str], environ: Mapping[str, str]) -> bool | None:
    """Tell whether help and errors are colored; None leaves it to whether that is a terminal."""
    when = glance(arguments).get("--color") or environ.get(VARIABLES["--color"]) or "auto"
    if when in ("always", "never"):
        return when == "always"
    is_off = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    return False if is_off else None


def read(arguments: Sequence[str], environ: Mapping[str, str]) -> Options | None:
    """Return the Options of a well-formed command line, as click would; None for any other.

    click is the authority for the grammar, for errors, help and completion. Importing it takes
    longer than all the rest of a plain run, so what is beyond doubt is read here, and a test
    has both read the same command lines.
    """
    if COMPLETION_VARIABLE in environ:
        return None
    by_word = {word: option for option in TABLE for word in (option.flag, option.short) if word}
    values: dict[str, Any] = {}
    words = iter(arguments)
    command: tuple[str, ...] = ()
    for word in words:
        if word == "--" or not word.startswith("-") or word == "-":
            command = tuple(words) if word == "--" else (word, *words)
            break
        name, equals, value = word.partition("=")
        option = by_word.get(name)
        if option is None or (equals and (option.kind == "flag" or not name.startswith("--"))):
            return None
        if option.kind == "flag":
            values[option.name] = True
            continue
        if not equals and option.implied:
            value = option.implied
        elif not equals:
            following = next(words, None)
            if following is None:
                return None
            value = following
        values[option.name] = (
            (*values.get(option.name, ()), value) if option.kind == "list" else value
        )
    from_environment, from_default = set(), set()
    for option in TABLE:
        if option.name in values:
            continue
        text = environ.get(option.variable)
        if not text:
            from_default.add(option.flag)
            values[option.name] = _ABSENT[option.kind] if option.default is None else option.default
            continue
        from_environment.add(option.flag)
        if option.kind == "flag" and text not in ("0", "1"):
            return None
        by_kind = {"value": text, "list": tuple(text.split()), "flag": text == "1"}
        values[option.name] = by_kind[option.kind]
    return Options(
        **values,
        command=command,
        from_environment=frozenset(from_environment),
        from_default=frozenset(from_default),
    )


def spell_out(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the values that may be left out, and click does not know of."""
    by_word = {word: option for option in TABLE for word in (option.flag, option.short) if word}
    spelled: list[str] = []
    words = iter(arguments)
    for word in words:
        option = by_word.get(word)
        if word == "--" or not word.startswith("-") or word == "-":
            return [*spelled, word, *words]
        if option is None or option.kind == "flag":
            spelled.append(word)
        elif option.implied:
            spelled.append(f"{word}={option.implied}")
        else:
            spelled += [word, *([] if (value := next(words, None)) is None else [value])]
    return spelled


_ABSENT: dict[str, Any] = {"value": None, "list": (), "flag": False}
