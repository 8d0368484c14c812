"""The command line as click reads it: every form of it, help, errors and completion.

`options.read` reads the well-formed ones without click, and in the same way.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from aws_role_exec import __version__
from aws_role_exec.errors import OutputError, UsageError
from aws_role_exec.messages import PROGRAM, VERSION_LINE
from aws_role_exec.output import formats
from aws_role_exec.request.options import COMPLETION_VARIABLE, TABLE, Option, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click.shell_completion import CompletionItem

DESCRIPTION = """\
Assume an AWS role and become COMMAND, which holds its temporary credentials.

Without COMMAND, print the credentials instead.
"""

EPILOG = """\
\b
Examples:
  aws-role-exec --role-arn arn:aws:iam::123456789012:role/reader -- aws s3 ls
  creds=$(aws-role-exec --role-arn ARN) && eval "$creds"
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
        default=False if option.kind == "flag" else option.default,
        show_default=option.default is not None,
        envvar=option.variable,
        shell_complete=_completer(option.completes) if option.completes else None,
    )


def _completer(kind: str) -> Callable[..., list[CompletionItem]]:
    """Return what tells click how a word of this kind goes on; the command's own are files."""

    def complete(
        context: click.Context, _parameter: click.Parameter, beginning: str
    ) -> list[CompletionItem]:
        from aws_role_exec.request import completion  # only when a shell asks

        in_command = bool(context.params.get("command"))
        return completion.offer("file" if in_command else kind, beginning, os.environ)

    return complete


class _Command(click.Command):
    """A command line whose words after the command are the command's, for completion too."""

    def shell_complete(self, context: click.Context, beginning: str) -> list[CompletionItem]:
        """Return the options that a word which begins with a dash could become."""
        if context.params.get("command"):
            return _completer("file")(context, self.params[-1], beginning)
        return super().shell_complete(context, beginning)


def _options(**given: Any) -> Options:
    context = click.get_current_context()

    def found_in(source: ParameterSource) -> frozenset[str]:
        return frozenset(
            option.flag for option in TABLE if context.get_parameter_source(option.name) is source
        )

    return Options(
        **given,
        from_environment=found_in(ParameterSource.ENVIRONMENT),
        from_default=found_in(ParameterSource.DEFAULT),
    )


def make_command() -> click.Command:
    """Return the command line as click knows it; invoked, it returns the Options."""
    command = _Command(
        PROGRAM,
        callback=_options,
        params=[
            *map(_parameter, TABLE),
            click.Argument(
                ["command"],
                nargs=-1,
                type=click.UNPROCESSED,
                shell_complete=_completer("command"),
            ),
        ],
        context_settings={
            "allow_interspersed_args": False,
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
        },
        help=DESCRIPTION,
        epilog=EPILOG,
    )
    return click.version_option(__version__, message=VERSION_LINE, prog_name=PROGRAM)(command)


def parse(arguments: Sequence[str]) -> Options | None:
    """Return the options; None when help or the version was asked for, and printed.

    Raises UsageError for what click does not accept, OutputError where help cannot be written.
    """
    completing = os.environ.get(COMPLETION_VARIABLE)
    if completing:
        from aws_role_exec.request import completion  # teaches click our bash

        completion.check_instruction(completing, os.environ)
    if sys.stdout is None:  # closed when Python started: a help that nobody gets is a failure
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - for the rest of our life
    try:
        result = make_command().main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except SystemExit:
        if completing:
            raise
        return None  # `--help | head`: who reads has read enough, which click takes for a failure
    except OSError as error:
        raise OutputError(f"writing to stdout: {error.strerror}") from None
    except click.ClickException as error:
        message = error.format_message().strip().removesuffix(".")
        hint = f"{PROGRAM} --help lists the options"
        if isinstance(error, click.NoSuchOption) and error.option_name[2:] in formats.FORMATS:
            # click would name the options that are spelled like it.
            message = f"no such option '{error.option_name}'"
            hint = f"write --format {error.option_name[2:]}"
        raise UsageError(f"command line: {message[:1].lower()}{message[1:]}", hint=hint) from None
    return result if isinstance(result, Options) else None
