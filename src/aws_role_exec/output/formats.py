"""How credentials are printed: one pure renderer a format, one table of them."""

from __future__ import annotations

from aws_role_exec.errors import OutputError, UsageError
from aws_role_exec.identity_variables import IDENTITY_VARIABLES
from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.output.files import Destination
    from aws_role_exec.output.ownership import Ownership

    # Takes the credentials, the region and the name of the section of a credentials file.
    Renderer = Callable[[Credentials, str, str], str]
    # Takes --output, --owner and --mode, the environment, and what calls an option by the place
    # that it came from; returns where to write. Raises UsageError.
    Finder = Callable[
        [str | None, Ownership | None, Mapping[str, str], Callable[[str], str]], Destination
    ]


def _find_place(
    output: str | None,
    ownership: Ownership | None,
    _environ: Mapping[str, str],
    label: Callable[[str], str],
) -> Destination:
    """Return the place that --output names, or stdout."""
    from aws_role_exec.output import places  # not for a command

    if output is None:
        return places.standard_output()
    try:
        return places.find_destination(output, ownership)
    except UsageError as error:
        raise UsageError(f"{label('--output')}: {error}", hint=error.hint) from None


_NO_SECTIONS = {
    "--profile-name": ("this format has no sections", "use it with --format credentials-file")
}


@record
class Format:
    """A way of printing credentials.

    `render` takes the credentials, the region and the section's name (`--profile-name`) and
    returns the whole text; it raises OutputError for a value that the format cannot hold.
    `failure` is what a run that failed prints instead, so that a shell evaluating it stops;
    empty where the reader sees the exit code anyway. `remove` returns the lines that take
    variables of these names out again; None where that cannot be said. `always_removes` are
    taken out whether they are there or not: the reader has another environment than we.
    `announcement` is what stdout gets before anything else. `find_destination` says where the
    text goes, and `unused` which options about that mean nothing to it: why, and a hint.
    """

    summary: str
    render: Renderer
    failure: str = ""
    remove: Callable[[Iterable[str]], str] | None = None
    always_removes: frozenset[str] = frozenset()
    announcement: Callable[[Credentials], str] | None = None
    find_destination: Finder = _find_place
    unused: Mapping[str, tuple[str, str]] = _NO_SECTIONS

    def text(
        self, credentials: Credentials, region: str, section: str, others: Iterable[str]
    ) -> str:
        """Return the whole text, and before it the lines that take other identities out."""
        rendered = self.render(credentials, region, section)
        if self.remove is None:
            return rendered
        new = credentials.variables(region)
        return self.remove(sorted({*others, *self.always_removes} - new.keys())) + rendered


def _lines(
    summary: str,
    assign: Callable[[str, str], str],
    *,
    remove: Callable[[str], str] | None = None,
    failure: str = "",
) -> Format:
    """Return a format of one line a variable; it does not end in a line break."""

    def render(credentials: Credentials, region: str, _section: str) -> str:
        variables = credentials.variables(region)
        return "".join(assign(name, value) + "\n" for name, value in variables.items())

    return Format(
        summary,
        render,
        failure=failure and failure + "\n",
        remove=None if remove is None else _each(remove),
    )


def _each(line: Callable[[str], str]) -> Callable[[Iterable[str]], str]:
    return lambda names: "".join(line(name) + "\n" for name in names)


def _refuse(value: str, characters: str, form: str) -> str:
    """Return the value; raise OutputError when the format could not hand it over unchanged.

    STS itself answers with letters, digits, `+`, `/` and `=` only.
    """
    if not set(characters).isdisjoint(value):
        raise OutputError(
            f"{form} format: a credential contains a character that readers of this format"
            " would change",
            hint="run a command instead: aws-role-exec ... -- COMMAND",
        )
    return value


# Each shell's lines end in a semicolon and none is a comment, since an unquoted substitution
# may join them to one line.


def _quote_posix(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _quote_fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quote_csh(value: str) -> str:
    # What a substitution gives is subject to file name expansion, quotes or not; and history
    # expansion takes place within quotes.
    _refuse(value, "*?[]{}", "csh")
    return _quote_posix(value).replace("!", "\\!")


def _quote_powershell(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _assign_cmd(name: str, value: str) -> str:
    # Inside the quotes only these still mean something: variables, and with delayed expansion
    # also those in exclamation marks.
    return f'set "{name}={_refuse(value, chr(34) + "%!", "cmd")}"'


def _assign_dotenv(name: str, value: str) -> str:
    # No quotes: docker and GitLab keep them. What other readers take for quotes, comments or
    # variables has to be left out, then.
    return f"{name}={_refuse(value, chr(34) + chr(39) + '`#$' + chr(92), 'dotenv')}"


def _json(credentials: Credentials, region: str, _section: str) -> str:
    # The members that `credential_process` asks for (AWS SDKs and Tools Reference Guide), and
    # the region.
    document = {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration,
        "Region": region,
    }
    # Credentials has printable ASCII only, and so has a region.
    members = [f'  "{name}": "{_escape_json(text)}"' for name, text in document.items()]
    return "{\n" + ",\n".join(['  "Version": 1', *members]) + "\n}\n"


def _escape_json(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def join(words: Sequence[str]) -> str:
    """Return a command line that a POSIX shell would read as these words."""
    return " ".join(
        word if word and _PLAIN.issuperset(word) else "'" + word.replace("'", "'\"'\"'") + "'"
        for word in words
    )


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


def _credentials_file(credentials: Credentials, region: str, section: str) -> str:
    return (
        f"[{section}]\n"
        f"aws_access_key_id = {credentials.access_key_id}\n"
        f"aws_secret_access_key = {credentials.secret_access_key}\n"
        f"aws_session_token = {credentials.session_token}\n"
        f"region = {region}\n"
    )


def _find_named_place(
    output: str | None,
    ownership: Ownership | None,
    environ: Mapping[str, str],
    label: Callable[[str], str],
) -> Destination:
    if output is None:
        raise UsageError(
            f"{label('--format')}: credentials-file needs --output PATH",
            hint="SDKs read it from a file, named by AWS_SHARED_CREDENTIALS_FILE",
        )
    return _find_place(output, ownership, environ, label)


def check_section_name(name: str) -> str:
    """Return the name if every reader of a credentials file takes it, else raise UsageError."""
    if 1 <= len(name) <= _LONGEST_SECTION and _SECTION_CHARACTERS.issuperset(name):
        return name
    raise UsageError(
        f"'{name[:80]}' is not a valid profile name",
        hint="letters, digits and _.-+@%/: only"
        if name
        else "the value is empty; is a variable unset?",
    )


# AWS SDKs and Tools Reference Guide, "Format of the config file".
_SECTION_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-+@%/:"
)
_LONGEST_SECTION = 128


def _find_github_environment(
    _output: str | None,
    _ownership: Ownership | None,
    environ: Mapping[str, str],
    label: Callable[[str], str],
) -> Destination:
    """Return the file of the runner's that gives variables to the steps after this one."""
    path = environ.get("GITHUB_ENV")
    if environ.get("GITHUB_ACTIONS") != "true" or not path:
        raise UsageError(
            f"{label('--format')}: github works only in a GitHub Actions step",
            hint="GITHUB_ACTIONS and GITHUB_ENV are set there; elsewhere, use env or dotenv",
        )
    from aws_role_exec.output import files, places  # not for a command

    places.standard_output()  # the masks must get into the log, or nothing may
    return files.Appended(path, "GITHUB_ENV")


_UNUSED_BY_GITHUB = {
    **dict.fromkeys(
        ("--output", "--owner", "--mode"),
        (
            "github always appends to the file in GITHUB_ENV",
            "for a file of K=V lines, use --format dotenv",
        ),
    ),
    **_NO_SECTIONS,
}


def _github_pairs(credentials: Credentials, region: str, _section: str) -> str:
    # A name, `=`, and the rest of the line: the runner looks for `<<` only before the first `=`.
    return "".join(f"{name}={value}\n" for name, value in credentials.variables(region).items())


def _github_masks(credentials: Credentials) -> str:
    """Return the workflow commands that have the runner hide these values in the log.

    A command ends with its line and `%` begins an escape (actions/toolkit, command.ts).
    """
    secrets = (
        credentials.secret_access_key,
        credentials.session_token,
        credentials.access_key_id,  # no secret; aws-actions/configure-aws-credentials hides it too
    )
    escaped = (
        secret.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A") for secret in secrets
    )
    return "".join(f"::add-mask::{secret}\n" for secret in escaped)


def _slurm(credentials: Credentials, region: str, _section: str) -> str:
    # The value is the rest of the line as it stands.
    new = credentials.variables(region)
    return "".join(f"export {name}={value}\n" for name, value in new.items())


def _unset_slurm(name: str) -> str:
    return f"unset {name}"


FORMATS = {
    "env": _lines(
        "POSIX shells: sh, bash, dash, zsh, ksh, busybox",
        lambda name, value: f"export {name}={_quote_posix(value)};",
        remove=lambda name: f"unset {name};",
        failure="false",
    ),
    "fish": _lines(
        "fish",
        lambda name, value: f"set -gx {name} {_quote_fish(value)};",
        remove=lambda name: f"set -eg {name}; or true;",  # not to be there is no failure
        failure="false",
    ),
    "csh": _lines(
        "csh, tcsh",
        lambda name, value: f"setenv {name} {_quote_csh(value)};",
        remove=lambda name: f"unsetenv {name};",
        failure="false",
    ),
    "powershell": _lines(
        "PowerShell",
        lambda name, value: f"$env:{name} = {_quote_powershell(value)};",
        remove=lambda name: f"Remove-Item -Path Env:{name} -ErrorAction Ignore;",
        failure="throw 'aws-role-exec failed';",
    ),
    "cmd": _lines(
        "the Windows command prompt",
        _assign_cmd,
        remove=lambda name: f'set "{name}="',
        failure="cmd /c exit 1",  # `exit` itself would close the window
    ),
    "json": Format("JSON, in the form that credential_process requires", _json),
    "credentials-file": Format(
        "a section of an AWS credentials file; requires --output",
        _credentials_file,
        find_destination=_find_named_place,
        unused={},
    ),
    "dotenv": _lines("K=V lines for docker --env-file and GitLab dotenv artifacts", _assign_dotenv),
    "github": Format(
        "for a GitHub Actions step: masks the secrets in the log and sets variables for later"
        " steps",
        _github_pairs,
        announcement=_github_masks,
        find_destination=_find_github_environment,
        unused=_UNUSED_BY_GITHUB,
    ),
    "slurm": Format(
        "commands that a Slurm TaskProlog prints",
        _slurm,
        failure="print aws-role-exec: no credentials for this task\n",
        # A task starts with the submitter's environment, of which a TaskProlog sees a part.
        always_removes=IDENTITY_VARIABLES,
        remove=_each(_unset_slurm),
    ),
}
DEFAULT = "env"
DEFAULT_SECTION = "default"
