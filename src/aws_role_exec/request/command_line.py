"""The command line as click reads it: every form of it, help, errors and completion.

`options.read` reads the well-formed ones without click, and in the same way.
"""

from __future__ import annotations

import difflib
import os
import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from aws_role_exec import __version__
from aws_role_exec.errors import OutputError, UsageError
from aws_role_exec.messages import PROGRAM, VERSION_LINE
from aws_role_exec.output import formats
from aws_role_exec.request import help  # noqa: A004 - what it is
from aws_role_exec.request.options import (
    COMPLETION_VARIABLE,
    TABLE,
    Option,
    Options,
    spell_out,
    wants_color,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click.shell_completion import CompletionItem

_ELSEWHERE = {
    **dict.fromkeys(("--role", "--arn", "--role-name", "--assume-role", "-r"), "--role-arn"),
    **dict.fromkeys(("--duration-seconds", "--ttl", "--role-duration", "-d"), "--duration"),
    **dict.fromkeys(("--role-session-name", "--name", "--session"), "--session-name"),
    **dict.fromkeys(("--serial-number", "--mfa", "--mfa-arn"), "--mfa-serial"),
    **dict.fromkeys(("--token-code", "--mfa-token", "--otp", "-t"), "--mfa-code"),
    **dict.fromkeys(("--web-identity-token", "--oidc", "--token"), "--web-identity"),
    "--web-identity-token-file": "--web-identity file:PATH",
    **dict.fromkeys(("--timeout", "--connect-timeout", "--cli-read-timeout"), "--sts-timeout"),
    **dict.fromkeys(("--file", "--out", "--output-file", "-o"), "--output"),
    **dict.fromkeys(("--user", "--chown"), "--owner"),
    **dict.fromkeys(("--permissions", "--chmod"), "--mode"),
    **dict.fromkeys(("--tags", "--session-tag"), "--tag"),
    **dict.fromkeys(("--transitive-tag-keys", "--transitive-tags"), "--transitive-tag"),
    "--policy-arns": "--policy-arn",
    **dict.fromkeys(("--export", "--shell", "--eval", "-f"), "--format"),
    **dict.fromkeys(("--region-name", "--aws-region"), "--region"),
    **dict.fromkeys(("--source-profile", "--aws-profile", "-p"), "--profile"),
    **dict.fromkeys(("--debug", "--log-level"), "--verbose"),
    **dict.fromkeys(("--silent", "--no-verbose"), "--quiet"),
    **dict.fromkeys(("--check", "--whoami", "--diagnose", "--why"), "--explain"),
    **dict.fromkeys(("--dryrun", "--noop", "-n"), "--dry-run"),
    **dict.fromkeys(("--no-color", "--nocolor"), "--color never"),
    **dict.fromkeys(("--install-completion", "--show-completion"), "--completion"),
    **dict.fromkeys(("--clear", "--logout", "-u"), "--unset"),
}
"""Options that the AWS CLI, STS and other programs of this kind have, and what they are here."""
_OTHER_FORMATS = {"--bash": "env", "--sh": "env", "--zsh": "env", "--ini": "credentials-file"}


def _parameter(option: Option) -> click.Option:
    """Return an option of the table as click knows it."""
    names = [option.flag, option.name] + ([option.short] if option.short else [])
    return click.Option(
        names,
        metavar=option.metavar or None,
        help=help.first_sentence(option.help),
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

        words = context.params.get("command") or ()
        if words or kind == "command":
            return completion.offer_command(words, beginning)
        return completion.offer(kind, beginning, os.environ)

    return complete


class _Command(click.Command):
    """A command line whose words after the command are the command's, for completion too."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, with the values spelled out that may be left out."""
        return super().parse_args(context, spell_out(args))

    def shell_complete(self, context: click.Context, beginning: str) -> list[CompletionItem]:
        """Return the options that a word which begins with a dash could become."""
        if context.params.get("command"):
            return _completer("command")(context, self.params[-1], beginning)
        return super().shell_complete(context, beginning)

    def get_help(self, _context: click.Context) -> str:
        """Return the long help, for `--help`."""
        return help.full(help.columns(os.environ)).removesuffix("\n")


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
        context_settings={"allow_interspersed_args": False, "help_option_names": ["--help"]},
    )
    command.params.append(
        click.Option(
            ["-h"], is_flag=True, is_eager=True, expose_value=False, callback=_print_summary
        )
    )
    return click.version_option(__version__, message=VERSION_LINE, prog_name=PROGRAM)(command)


def _print_summary(context: click.Context, _parameter: click.Parameter, is_given: bool) -> None:
    if is_given and not context.resilient_parsing:
        click.echo(help.summary(help.columns(os.environ)), color=context.color, nl=False)
        context.exit()


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
        result = make_command().main(
            list(arguments),
            prog_name=PROGRAM,
            standalone_mode=False,
            color=wants_color(arguments, os.environ),
        )
    except SystemExit:
        if completing:
            raise
        return None  # `--help | head`: who reads has read enough, which click takes for a failure
    except OSError as error:
        raise OutputError(f"writing to stdout: {error.strerror}") from None
    except click.ClickException as error:
        message = error.format_message().strip().removesuffix(".")
        hint = f"{PROGRAM} --help lists the options"
        if isinstance(error, click.NoSuchOption):
            message, near = f"no such option '{error.option_name}'", _nearest(error)
            hint = f"did you mean {near}? {hint}" if near else hint
        raise UsageError(f"command line: {message[:1].lower()}{message[1:]}", hint=hint) from None
    return result if isinstance(result, Options) else None


def _nearest(error: click.NoSuchOption) -> str:
    """Return the option that was probably meant, by meaning, else by its letters; "" if none."""
    name = error.option_name
    if name[2:] in formats.FORMATS:
        return f"--format {name[2:]}"
    if name in _OTHER_FORMATS:
        return f"--format {_OTHER_FORMATS[name]}"
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    spelled = {option.flag.replace("-", ""): option.flag for option in TABLE}
    near = difflib.get_close_matches(name.replace("-", ""), spelled, n=1)
    return spelled[near[0]] if near else ""
