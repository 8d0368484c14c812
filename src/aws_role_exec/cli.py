"""From the command line to the command, and every error on the way into one line.

The only place that catches our errors and ends the process.
"""

from __future__ import annotations

import os
import sys

from aws_role_exec.credentials import VARIABLES
from aws_role_exec.errors import (
    EXIT_FAILURE,
    EXIT_USAGE,
    AwsRoleExecError,
    IdentityError,
    StsError,
)
from aws_role_exec.handover import cores, environment, execute, signals
from aws_role_exec.identity_variables import selected_beside
from aws_role_exec.messages import (
    VERSION_LINE,
    keep_quiet,
    print_out,
    say,
    say_error,
    tell,
)
from aws_role_exec.redaction import keep_secret, secrets_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, NoReturn

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.messages import Tell
    from aws_role_exec.output.files import Destination
    from aws_role_exec.renewal.by_process import ByProcess
    from aws_role_exec.renewal.start import Started
    from aws_role_exec.request.options import Options
    from aws_role_exec.request.request import Request

_DEBUG_HINT = "this is a bug; AWS_ROLE_EXEC_DEBUG=1 prints where it happened, for the report"

_RESOURCES_HINT = "is there no memory or no file descriptor left? See ulimit -a"


def main(caller_signals: dict[str, Any]) -> NoReturn:
    """Run the program on this process's arguments; never returns and never raises.

    `caller_signals` are the dispositions that the command is to get back.
    """
    environ = environment.caller_environment()
    arguments = sys.argv[1:]
    keep_secret(*secrets_in(environ))
    failed = True
    try:
        code = run(arguments, environ, caller_signals)
        failed = False
    except AwsRoleExecError as error:
        code = error.exit_code
        _print_error(error, str(error), error.hint, environ)
    except (MemoryError, ImportError) as error:
        # A module that cannot be read or unpacked for want of either is an ImportError.
        code = EXIT_FAILURE
        part = getattr(error, "name", None)
        why = f"loading {part} failed" if part else "not enough memory"
        _print_error(error, f"unexpected: {why}", _RESOURCES_HINT, environ)
    except OSError as error:
        code = EXIT_FAILURE
        why = error.strerror or type(error).__name__
        _print_error(error, f"unexpected: {why}", None, environ)
    except Exception as error:
        code = EXIT_FAILURE
        _print_error(error, f"unexpected: {type(error).__name__}", _DEBUG_HINT, environ)
    failure_output = failure_line(arguments, environ) if failed else ""
    if failure_output:
        try:
            os.write(1, failure_output.encode())
        except OSError:
            pass
    os._exit(code)  # at once: a thread may still wait for the network, and nothing is left to tidy


def run(
    arguments: Sequence[str], environ: Mapping[str, str], caller_signals: dict[str, Any]
) -> int:
    """Do what the arguments ask; returns an exit code if there was no command to become."""
    if _print_at_once(arguments, environ):
        return 0
    from aws_role_exec.request import options, request  # not for version and help

    given = options.read(arguments, environ)
    if given is None:
        from aws_role_exec.request import command_line  # click: help, errors, the unusual

        given = command_line.parse(arguments)
        if given is None:
            return 0
    if not given.role_arn and given.profile is None:
        code = _print_what_needs_no_role(given, arguments, environ)
        if code is not None:
            return code
    options.refuse_unknown_variables(environ)
    if given.completion is not None and not given.command:
        from aws_role_exec.output import files
        from aws_role_exec.request import completion  # click

        files.Stream(1).write(completion.script(given.completion))
        return 0
    if given.unset and not (given.command and "--unset" in given.from_environment):
        lines, destination = request.make_removal(given, environ)
        if given.dry_run:
            say("DRY RUN: would print commands that remove the credentials")
        else:
            destination.write(lines)
        return 0
    asked = request.make(given, environ)
    for notice in () if asked.quiet else asked.notices:
        tell(notice)
    if asked.dry_run:
        if asked.renew == "process":
            _prepare_renewal(asked, given, environ)  # looks at the place, and writes nothing
        _print_dry_run(asked)
        return 0
    about: Tell = tell if asked.verbose else keep_quiet
    if asked.explain:
        return _explain(asked, environ, about)
    from aws_role_exec import assume  # not for a dry run
    from aws_role_exec.trail import Trail

    renewal = _prepare_renewal(asked, given, environ) if asked.renew else None
    credentials = assume.obtain(asked, environ, about, Trail())
    if asked.destination is not None:
        _write(credentials, asked, asked.destination, environ)
        if given.output is None and not asked.quiet and os.isatty(1):
            tell(_SECRETS_ON_A_TERMINAL)
        return 0
    about(f"becoming {asked.executable}")
    handed_over = renewal.hand_over(credentials) if renewal else credentials.variables(asked.region)
    child = environment.child_environment(environ, handed_over, asked.token_variables)
    signals.give_back(caller_signals)
    cores.give_back()
    become = renewal.become if renewal else execute.become
    return become(asked.executable, asked.command, child)


def _write(
    credentials: Credentials, asked: Request, destination: Destination, environ: Mapping[str, str]
) -> None:
    """Write the credentials in the format asked for."""
    from aws_role_exec.output import files, formats  # not for a command

    chosen = formats.FORMATS[asked.format]
    others = selected_beside(VARIABLES, environ, token_variables=asked.token_variables)
    text = chosen.text(credentials, asked.region, asked.profile_name, others)
    if chosen.announcement is not None:
        files.Stream(1).write(chosen.announcement(credentials))
    destination.write(text)


def _prepare_renewal(
    asked: Request, given: Options, environ: Mapping[str, str]
) -> Started | ByProcess:
    """Return what renews, ready to be told the first credentials."""
    if asked.renew == "process":
        from aws_role_exec.renewal import by_process  # as all of this, for those who renew

        return by_process.ByProcess(asked, given, environ)
    from aws_role_exec.renewal import start

    return start.start(asked, environ)


_DETAILED_VERSION = {"--version", "-v", "--verbose"}
_SECRETS_ON_A_TERMINAL = (
    "note: these are secrets and stay in the terminal's scrollback;"
    ' creds=$(aws-role-exec ...) && eval "$creds" keeps them hidden'
)


def _print_at_once(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Print the version or the help if that is all that is asked; returns whether it is.

    click would print the same, and not so soon.
    """
    if list(arguments) == ["--version"]:  # by every install check
        print_out(f"{VERSION_LINE}\n")
    elif "--version" in arguments and len(arguments) == 2 and {*arguments} <= _DETAILED_VERSION:
        from aws_role_exec import versions  # everything that is to be named

        print_out(versions.describe())
    elif list(arguments) in (["--help"], ["-h"]):
        _print_help(arguments[0], arguments, environ)
    else:
        return False
    return True


def _print_what_needs_no_role(
    given: Options, arguments: Sequence[str], environ: Mapping[str, str]
) -> int | None:
    """Print the help or the version if that is what is meant; returns the exit code, else None.

    `help` and `version` in place of a command, and nothing at all typed at a terminal: without a
    role none of them could be a run. Raises UsageError for a topic that does not exist.
    """
    word, *more = given.command or ("",)
    if word == "version" and not more:
        print_out(f"{VERSION_LINE}\n")
        return 0
    if word != "help" and (arguments or not os.isatty(1)):
        return None
    _print_help(more[0] if more else "-h", arguments, environ)
    return 0 if word == "help" else EXIT_USAGE


def _print_help(what: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Print the help: all of it (`--help`), a summary of the options (`-h`), or on a topic."""
    from aws_role_exec.request import help, options  # noqa: A004 - what it is

    printer = {"--help": help.full, "-h": help.summary}.get(what)
    width = help.columns(environ)
    text = help.topic(what, width) if printer is None else printer(width)
    help.show(text, is_colored=options.wants_color(arguments, environ))


def _explain(asked: Request, environ: Mapping[str, str], about: Tell) -> int:
    """Print what would be asked and what STS says to it; returns 0 if that is yes."""
    from aws_role_exec import assume, explain
    from aws_role_exec.output import files
    from aws_role_exec.trail import Trail

    found = Trail()
    credentials: Credentials | None = None
    refusal: AwsRoleExecError | None = None
    try:
        credentials = assume.obtain(asked, environ, about, found)
    except (IdentityError, StsError) as error:
        refusal = error
    report = explain.Report(asked, found, credentials, refusal, environ)
    if asked.format == "json":
        text = explain.to_json(report)
    else:
        text = explain.to_text(report, os.get_terminal_size(1).columns if os.isatty(1) else None)
    files.Stream(1).write(text)
    return refusal.exit_code if refusal else 0


def failure_line(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return what a failing run prints on stdout, so that a shell which evaluates it stops.

    It must be known before the arguments are, since they may be what is wrong. Empty when
    there is a command (stdout is its), or a format or an output that no shell evaluates.
    """
    from aws_role_exec.output import formats  # only when something failed
    from aws_role_exec.request import options

    seen = options.glance(arguments)
    if "command" in seen or "--explain" in seen:
        return ""
    output, name = (
        seen.get(flag) if flag in seen else environ.get(options.VARIABLES[flag]) or None
        for flag in ("--output", "--format")
    )
    if output not in (None, "-", "/dev/stdout", "/dev/fd/1"):
        return ""
    chosen = formats.FORMATS.get(name or formats.DEFAULT)
    return (chosen or formats.FORMATS[formats.DEFAULT]).failure


def _print_dry_run(asked: Request) -> None:
    from aws_role_exec.output import formats
    from aws_role_exec.request import request
    from aws_role_exec.sts import duration

    lifetime = duration.format_go(duration.from_seconds(asked.duration_seconds))
    if asked.role_arns:
        lines = [f"DRY RUN: would assume {asked.role_arns[-1]}"]
        if len(asked.role_arns) > 1:
            lines.append(f"via: {' '.join(asked.role_arns[:-1])}")
    else:
        from aws_role_exec.request import role_of_profile  # for some profiles

        session = role_of_profile.session(asked.settings)
        lines = [f"DRY RUN: would use the session of {session}"]
    if asked.is_role_of_profile:
        lines.append(f"profile: {asked.settings.profile}")
    if asked.role_arns:
        lines += [f"session-name: {asked.session_name}", f"duration: {lifetime}"]
    lines += [
        f"region: {asked.region}",
        f"command: {formats.join(asked.command)}" if asked.command else f"format: {asked.format}",
    ]
    if asked.renew:
        lines.append(f"renewal: {request.RENEWALS[asked.renew]}")
    for line in lines:
        say(line)


def _print_error(
    error: BaseException, message: str, hint: str | None, environ: Mapping[str, str]
) -> None:
    if environ.get("AWS_ROLE_EXEC_DEBUG") == "1":
        for line in _where(error):
            say(line)
    from aws_role_exec.request import options  # known to every run but that for the version

    is_colored = options.wants_color(sys.argv[1:], environ)
    if is_colored is None:
        is_colored = os.isatty(2) and os.name != "nt"
    say_error(message, hint, is_colored=is_colored)


def _where(error: BaseException) -> Iterator[str]:
    """Yield the traceback of an error and of its causes, with their types only.

    A message of another library's may quote an answer of STS, and so hold the new keys.
    """
    import traceback  # rarely wanted

    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _where(cause)
    yield "Traceback (most recent call last):"
    for frame in traceback.format_tb(error.__traceback__):
        yield from frame.splitlines()
    yield type(error).__qualname__
