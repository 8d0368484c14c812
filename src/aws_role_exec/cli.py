"""The command line: options into a Request, errors into one line and an exit code.

The only place that knows click, that prints, and that ends the process.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from aws_role_exec import __version__, environment, formats, handover, request, signals
from aws_role_exec.errors import EXIT_FAILURE, AwsRoleExecError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from aws_role_exec.request import Request

PROGRAM = "aws-role-exec"
ENVIRONMENT_PREFIX = "AWS_ROLE_EXEC"

EPILOG = """\
\b
Examples:
  aws-role-exec --role-arn arn:aws:iam::123456789012:role/reader -- aws s3 ls
  creds=$(aws-role-exec --role-arn ARN) || exit; eval "$creds"
  aws-role-exec --role-arn ARN --format credentials-file --output creds

\b
Each option has a default in the environment, AWS_ROLE_EXEC_<OPTION>, as in
AWS_ROLE_EXEC_ROLE_ARN. Exit codes: 2 wrong usage, 125 no credentials,
126 the command cannot be executed, 127 it was not found, else the command's own.
"""


@click.command(
    PROGRAM,
    context_settings={
        "allow_interspersed_args": False,
        "auto_envvar_prefix": ENVIRONMENT_PREFIX,
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog=EPILOG,
)
@click.option(
    "--role-arn",
    "role_arns",
    multiple=True,
    metavar="ARN",
    help="The role to assume. Repeat it to go through several, in order.",
)
@click.option(
    "--duration",
    metavar="D",
    default=request.DEFAULT_DURATION,
    show_default=True,
    help="How long the credentials last, 15m to 12h: 45m, 1h30m, or a job's walltime as in"
    " 04:00:00 or 0-04.",
)
@click.option(
    "--session-name",
    metavar="NAME",
    help="What CloudTrail calls this session.  [default: aws-role-exec-<user>-<random>]",
)
@click.option(
    "--region",
    metavar="R",
    help="Where STS is asked and the command works.  [default: AWS_DEFAULT_REGION, AWS_REGION,"
    " the profile's, else the partition's first]",
)
@click.option(
    "--policy",
    metavar="P",
    help="A session policy that narrows what the role may do: JSON, or file://PATH.",
)
@click.option(
    "--format",
    "format_",
    metavar="F",
    help=f"Without a command, print the credentials as {', '.join(formats.FORMATS)}."
    f"  [default: {formats.DEFAULT}]",
)
@click.option(
    "--output",
    metavar="PATH",
    help="Write there instead of to stdout; a file appears whole, with mode 0600, or not at all.",
)
@click.option(
    "--sts-timeout",
    metavar="D",
    default=request.DEFAULT_STS_TIMEOUT,
    show_default=True,
    help="How long everything on the network may take together, retries included.",
)
@click.option("--dry-run", is_flag=True, help="Check everything that needs no network, and say so.")
@click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is being done.")
@click.version_option(
    __version__, message="%(prog)s %(version)s", prog_name=PROGRAM, allow_from_autoenv=False
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command_line(context: click.Context, /, **given: Any) -> tuple[request.Options, bool]:
    """Assume an AWS role and become COMMAND, which holds its temporary credentials.

    Without COMMAND, print the credentials instead.
    """
    origin = {
        parameter.opts[0]: f"{ENVIRONMENT_PREFIX}_{parameter.opts[0][2:].replace('-', '_').upper()}"
        for parameter in context.command.params
        if parameter.name
        and context.get_parameter_source(parameter.name) is ParameterSource.ENVIRONMENT
    }
    verbose = given.pop("verbose")
    return request.Options(format=given.pop("format_"), origin=origin, **given), verbose


def main(caller_signals: dict[str, Any]) -> NoReturn:
    """Run the program on this process's arguments; never returns and never raises.

    `caller_signals` are the dispositions that the command is to get back.
    """
    environ = environment.caller_environment()
    arguments = sys.argv[1:]
    failure_output = failure_line(arguments, environ)
    try:
        run(arguments, environ, caller_signals)
        code = 0
    except AwsRoleExecError as error:
        code = error.exit_code
        _print_error(str(error), error.hint, environ)
    except OSError as error:
        code = EXIT_FAILURE
        _print_error(f"unexpected: {error.strerror or type(error).__name__}", None, environ)
    except Exception as error:
        code = EXIT_FAILURE
        _print_error(f"unexpected: {type(error).__name__}", _DEBUG_HINT, environ)
    if code:
        with contextlib.suppress(OSError):
            os.write(1, failure_output.encode())
    _leave(code)


_DEBUG_HINT = "this is a bug; AWS_ROLE_EXEC_DEBUG=1 prints where it happened, for the report"


def run(
    arguments: Sequence[str], environ: Mapping[str, str], caller_signals: dict[str, Any]
) -> None:
    """Do what the arguments ask; returns only when there was no command to become."""
    parsed = parse(arguments)
    if parsed is None:
        return
    options, verbose = parsed
    asked = request.make(options, environ)
    for notice in asked.notices:
        _say(f"{PROGRAM}: {notice}")
    if asked.dry_run:
        _print_dry_run(asked)
        return
    tell: Callable[[str], None] = (lambda line: _say(f"{PROGRAM}: {line}")) if verbose else _silent
    from aws_role_exec import sts  # noqa: PLC0415 - botocore, only once everything is checked

    credentials = sts.obtain(asked, tell)
    if asked.destination is not None:
        asked.destination.write(formats.FORMATS[asked.format].render(credentials, asked.region))
        return
    tell(f"becoming {asked.executable}")
    signals.give_back(caller_signals)
    child = environment.child_environment(environ, credentials.variables(asked.region))
    _flush()
    handover.become(asked.executable, asked.command, child)


def parse(arguments: Sequence[str]) -> tuple[request.Options, bool] | None:
    """Return the options and whether to be verbose; None when help or the version was asked for.

    Raises UsageError for what click does not accept.
    """
    try:
        result = command_line.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        message = error.format_message().strip().removesuffix(".")
        raise UsageError(
            f"command line: {message[:1].lower()}{message[1:]}",
            hint=f"{PROGRAM} --help lists the options",
        ) from None
    return result if isinstance(result, tuple) else None


def failure_line(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return what a failing run prints on stdout, so that a shell which evaluates it stops.

    It must be known before the arguments are, since they may be what is wrong. Empty when
    there is a command (stdout is its), or a format or an output that no shell evaluates.
    """
    names = {"--format": "format", "--output": "output"}
    values = {
        key: environ.get(f"{ENVIRONMENT_PREFIX}_{key.upper()}") or None for key in names.values()
    }
    flags = {"--dry-run", "--verbose", "-v", "--help", "-h", "--version"}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            if next(words, None) is not None:
                return ""
        elif not word.startswith("-"):
            return ""
        elif word not in flags:
            following = value if equals else next(words, None)
            if name in names:
                values[names[name]] = following
    if values["output"] not in (None, "-", "/dev/stdout", "/dev/fd/1"):
        return ""
    chosen = formats.FORMATS.get(values["format"] or formats.DEFAULT)
    return (chosen or formats.FORMATS[formats.DEFAULT]).failure


def _print_dry_run(asked: Request) -> None:
    from aws_role_exec import duration  # noqa: PLC0415

    lifetime = duration.format_go(duration.from_seconds(asked.duration_seconds))
    lines = [
        f"DRY RUN: would assume {asked.role_arns[-1]}",
        f"session-name: {asked.session_name}",
        f"duration: {lifetime}",
        f"region: {asked.region}",
        f"command: {shlex.join(asked.command)}" if asked.command else f"format: {asked.format}",
    ]
    if len(asked.role_arns) > 1:
        lines.insert(1, f"by way of: {' '.join(asked.role_arns[:-1])}")
    for line in lines:
        _say(line)


def _print_error(message: str, hint: str | None, environ: Mapping[str, str]) -> None:
    if environ.get("AWS_ROLE_EXEC_DEBUG") == "1":
        for line in traceback.format_exc().splitlines():
            _say(_redact(line, environ))
    _say(_redact(f"{PROGRAM}: {message}", environ))
    if hint:
        _say(_redact(f"hint: {hint}", environ))


def _redact(text: str, environ: Mapping[str, str]) -> str:
    """Take the caller's own secrets out of a text that may quote someone else's message."""
    for name, value in environ.items():
        if name.startswith("AWS_") and len(value) >= 16 and ("SECRET" in name or "TOKEN" in name):
            text = text.replace(value, "***")
    return text


def _say(line: str) -> None:
    """Print one line on stderr: no line breaks or escape sequences from someone else's text."""
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)
    with contextlib.suppress(OSError, ValueError):
        data = memoryview((printable + "\n").encode("utf-8", "backslashreplace"))
        while data:
            data = data[os.write(2, data) :]


def _silent(_: str) -> None:
    pass


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _leave(code: int) -> NoReturn:
    """End at once: a thread may still wait for the network, and nothing is left to tidy."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        code = code or EXIT_FAILURE
    os._exit(code)
