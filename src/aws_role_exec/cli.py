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

from aws_role_exec import __version__, environment, formats, handover, output, request, signals
from aws_role_exec.errors import (
    EXIT_FAILURE,
    AwsRoleExecError,
    IdentityError,
    StsError,
    UsageError,
    keep_secret,
    redact,
)
from aws_role_exec.options import TABLE, VARIABLES, Option, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import NoReturn

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.request import Request

PROGRAM = "aws-role-exec"

DESCRIPTION = """\
Assume an AWS role and become COMMAND, which holds its temporary credentials.

Without COMMAND, print the credentials instead.
"""

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


def _parameter(option: Option) -> click.Option:
    """Return an option of the table as click knows it."""
    names = [option.flag, option.name] + ([option.short] if option.short else [])
    return click.Option(
        names,
        metavar=option.metavar or None,
        help=option.help,
        multiple=option.kind == "list",
        is_flag=option.kind == "flag",
        default=option.default,
        show_default=option.default is not None,
        envvar=option.variable,
    )


def _options(**given: Any) -> Options:
    context = click.get_current_context()
    return Options(
        **given,
        from_environment=frozenset(
            option.flag
            for option in TABLE
            if context.get_parameter_source(option.name) is ParameterSource.ENVIRONMENT
        ),
    )


def make_command() -> click.Command:
    """Return the command line as click knows it; invoked, it returns the Options."""
    command = click.Command(
        PROGRAM,
        callback=_options,
        params=[
            *map(_parameter, TABLE),
            click.Argument(["command"], nargs=-1, type=click.UNPROCESSED),
        ],
        context_settings={
            "allow_interspersed_args": False,
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
        },
        help=DESCRIPTION,
        epilog=EPILOG,
    )
    return click.version_option(__version__, message="%(prog)s %(version)s", prog_name=PROGRAM)(
        command
    )


def main(caller_signals: dict[str, Any]) -> NoReturn:
    """Run the program on this process's arguments; never returns and never raises.

    `caller_signals` are the dispositions that the command is to get back.
    """
    environ = environment.caller_environment()
    arguments = sys.argv[1:]
    failure_output = failure_line(arguments, environ)
    keep_secret(*_secrets(environ))
    try:
        code = run(arguments, environ, caller_signals)
    except AwsRoleExecError as error:
        code = error.exit_code
        _print_error(error, str(error), error.hint, environ)
    except OSError as error:
        code = EXIT_FAILURE
        why = error.strerror or type(error).__name__
        _print_error(error, f"unexpected: {why}", None, environ)
    except Exception as error:
        code = EXIT_FAILURE
        _print_error(error, f"unexpected: {type(error).__name__}", _DEBUG_HINT, environ)
    if code and failure_output:
        with contextlib.suppress(OSError):
            os.write(1, failure_output.encode())
    _leave(code)


_DEBUG_HINT = "this is a bug; AWS_ROLE_EXEC_DEBUG=1 prints where it happened, for the report"


def run(
    arguments: Sequence[str], environ: Mapping[str, str], caller_signals: dict[str, Any]
) -> int:
    """Do what the arguments ask; returns an exit code if there was no command to become."""
    options = parse(arguments)
    if options is None:
        return 0
    if options.unset:
        lines, destination = request.make_removal(options, environ)
        if options.dry_run:
            _say("DRY RUN: would print the lines that take the credentials out again")
        else:
            destination.write(lines)
        return 0
    asked = request.make(options, environ)
    for notice in asked.notices:
        _say(f"{PROGRAM}: {notice}")
    if asked.dry_run:
        _print_dry_run(asked)
        return 0
    tell: Callable[[str], None] = (
        (lambda line: _say(f"{PROGRAM}: {line}")) if asked.verbose else _silent
    )
    from aws_role_exec import sts  # noqa: PLC0415 - botocore, only once everything is checked

    if asked.explain:
        return _explain(asked, environ, tell)
    credentials = sts.obtain(asked, tell)
    if asked.destination is not None:
        chosen = formats.FORMATS[asked.format]
        text = chosen.render(credentials, asked.region, asked.profile_name)
        if chosen.announcement is not None:
            output.Stream(1).write(chosen.announcement(credentials))
        asked.destination.write(text)
        return 0
    tell(f"becoming {asked.executable}")
    signals.give_back(caller_signals)
    child = environment.child_environment(environ, credentials.variables(asked.region))
    _flush()
    return handover.become(asked.executable, asked.command, child)


def _explain(asked: Request, environ: Mapping[str, str], tell: Callable[[str], None]) -> int:
    """Print what would be asked and what STS says to it; returns 0 if that is yes."""
    from aws_role_exec import explain, sts  # noqa: PLC0415

    trail = explain.Trail()
    credentials: Credentials | None = None
    refusal: AwsRoleExecError | None = None
    try:
        credentials = sts.obtain(asked, tell, trail)
    except (IdentityError, StsError) as error:
        refusal = error
    report = explain.Report(asked, trail, credentials, refusal, environ)
    render = explain.to_json if asked.format == "json" else explain.to_text
    output.Stream(1).write(render(report))
    return refusal.exit_code if refusal else 0


def parse(arguments: Sequence[str]) -> Options | None:
    """Return the options; None when help or the version was asked for, and printed.

    Raises UsageError for what click does not accept.
    """
    try:
        result = make_command().main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        message = error.format_message().strip().removesuffix(".")
        raise UsageError(
            f"command line: {message[:1].lower()}{message[1:]}",
            hint=f"{PROGRAM} --help lists the options",
        ) from None
    return result if isinstance(result, Options) else None


def failure_line(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return what a failing run prints on stdout, so that a shell which evaluates it stops.

    It must be known before the arguments are, since they may be what is wrong. Empty when
    there is a command (stdout is its), or a format or an output that no shell evaluates.
    """
    values = {flag: environ.get(VARIABLES[flag]) or None for flag in ("--format", "--output")}
    flags = {"-h", "--help", "--version"}
    for option in TABLE:
        if option.kind == "flag":
            flags |= {option.flag, option.short or option.flag}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            if next(words, None) is not None:
                return ""
        elif not word.startswith("-") or word == "--explain":
            return ""
        elif word not in flags:
            following = value if equals else next(words, None)
            if name in values:
                values[name] = following
    if values["--output"] not in (None, "-", "/dev/stdout", "/dev/fd/1"):
        return ""
    chosen = formats.FORMATS.get(values["--format"] or formats.DEFAULT)
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


def _print_error(
    error: BaseException, message: str, hint: str | None, environ: Mapping[str, str]
) -> None:
    if environ.get("AWS_ROLE_EXEC_DEBUG") == "1":
        for line in _where(error):
            _say(line)
    _say(f"{PROGRAM}: {message}")
    if hint:
        _say(f"hint: {hint}")


def _where(error: BaseException) -> Iterator[str]:
    """Yield the traceback of an error and of its causes, with their types only.

    A message of another library's may quote an answer of STS, and so hold the new keys.
    """
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _where(cause)
    yield "Traceback (most recent call last):"
    for frame in traceback.format_tb(error.__traceback__):
        yield from frame.splitlines()
    yield type(error).__qualname__


def _secrets(environ: Mapping[str, str]) -> list[str]:
    """Return the caller's own secrets, as far as their names tell."""
    return [
        value
        for name, value in environ.items()
        if len(value) >= 16 and ("SECRET" in name or "TOKEN" in name) and not _is_harmless(value)
    ]


def _is_harmless(value: str) -> bool:
    return value.startswith(("/", "http://", "https://"))  # AWS_WEB_IDENTITY_TOKEN_FILE, ...


def _say(line: str) -> None:
    """Print one line on stderr: no line breaks or escape sequences from someone else's text."""
    line = redact(line)
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
