"""The help: options under their headings, long with `--help`, a line each with `-h`; and topics.

The manual page is made from the same topics, by packaging/generate.py.
"""

from __future__ import annotations

import os

from aws_role_exec.credentials import VARIABLES
from aws_role_exec.errors import (
    EXIT_FAILURE,
    EXIT_NOT_EXECUTABLE,
    EXIT_NOT_FOUND,
    EXIT_USAGE,
    UsageError,
)
from aws_role_exec.identity_variables import IDENTITY_PREFIXES, IDENTITY_VARIABLES
from aws_role_exec.messages import PROGRAM, print_out
from aws_role_exec.records import record
from aws_role_exec.request.options import GROUPS, TABLE, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WIDEST = 100
"""Columns: longer lines are hard to read."""
_NAMES_AT_MOST = 24  # columns of a name before its text; a longer one has a line of its own

USAGE = f"Usage: {PROGRAM} [OPTIONS] [--] [COMMAND [ARG]...]"
DESCRIPTION = (
    "Assume an AWS role and become COMMAND, which holds the role's temporary credentials."
    " Without COMMAND, print the credentials instead."
)
EXAMPLES = (
    (
        "Run one command as a role:",
        f"{PROGRAM} --role-arn arn:aws:iam::123456789012:role/reader -- aws s3 ls",
    ),
    ("The same, with the role named by a profile:", f"{PROGRAM} --profile admin -- aws s3 ls"),
    (
        "Put the role into the shell you sit at:",
        f'creds=$({PROGRAM} --profile admin) && eval "$creds"',
    ),
    (
        "In a script, stop if STS refuses:",
        f'creds=$({PROGRAM} --role-arn "$ROLE") || exit\neval "$creds"',
    ),
    (
        "Write a credentials file for a tool that needs one:",
        f'{PROGRAM} --role-arn "$ROLE" \\\n  --format credentials-file --output ./creds',
    ),
)
BESIDE_TABLE = (
    ("--version", "Print the version; with -v, also what it is built from."),
    ("-h", "Print a summary of the options."),
    ("--help", "Print all of this."),
)


@record
class Topic:
    """A subject of its own: paragraphs, and rows of a term and what it means."""

    summary: str
    parts: tuple[str | tuple[tuple[str, str], ...], ...]


TOPICS = {
    "durations": Topic(
        "How long credentials last, and how to write it",
        (
            (
                ("45m, 1h30m, 1.5h", "A Go duration, from 15m to 12h."),
                (
                    "04:00:00, 0-04, 1-12:00:00",
                    "A job's walltime: HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS.",
                ),
                ("14400", "A walltime in seconds, as PBS writes it."),
                (
                    "auto",
                    "The time that the current job has left; 1h if no scheduler answers, and 1h"
                    " if STS does not allow as much.",
                ),
            ),
            "STS gives 15m to 12h. A walltime below 15m is rounded up, with a notice; one above"
            " 12h is an error.",
            "The role's own maximum session duration, 1h unless it was raised, limits it too. A"
            " role assumed from another role's session, an instance profile included, lasts 1h"
            " at most.",
        ),
    ),
    "session-names": Topic(
        "The name by which CloudTrail shows the session",
        (
            "STS accepts 2 to 64 letters, digits and _+=,.@-; for any other name the error shows"
            " the nearest valid one.",
            f"The default is {PROGRAM}-USER-RANDOM. auto takes the name from the current job:"
            " Slurm, PBS, LSF, Grid Engine, AWS Batch, GitHub, GitLab, Jenkins or a Kubernetes"
            " pod.",
        ),
    ),
    "explain": Topic(
        "Why STS refuses, and what would be handed over",
        (
            "--explain finds the source credentials, asks STS who they belong to, and asks for"
            " the role. It prints what it found on stdout, runs nothing, and never prints a"
            " credential.",
            "It exits with 0 if STS allows it, else with 125. --format json prints the same for"
            " programs.",
        ),
    ),
    "environment": Topic(
        "Variables that are read, removed and added",
        (
            "Every option has a default in the environment, AWS_ROLE_EXEC_OPTION, as in"
            " AWS_ROLE_EXEC_ROLE_ARN. None of these reaches the command. An empty one counts as"
            " unset; an unknown one is an error.",
            "Added to the command's environment:",
            tuple((name, "") for name in VARIABLES),
            "Removed from it:",
            tuple((name, "") for name in sorted(IDENTITY_VARIABLES)),
            "and everything that begins with:",
            tuple((name, "") for name in sorted(IDENTITY_PREFIXES)),
            "--web-identity also removes the variables that it took its token from.",
        ),
    ),
    "exit-codes": Topic(
        "What the exit status means",
        (
            (
                (str(EXIT_USAGE), "The command line or an input is wrong; nothing was done."),
                (
                    str(EXIT_FAILURE),
                    "There are no source credentials, STS refused or could not be reached, or"
                    " the output could not be written.",
                ),
                (str(EXIT_NOT_EXECUTABLE), "The command cannot be executed."),
                (str(EXIT_NOT_FOUND), "The command was not found."),
                ("other", "The command's own."),
            ),
            "A signal while STS is being asked ends the process by that signal.",
        ),
    ),
}
"""By the word that `aws-role-exec help` takes."""


def columns(environ: Mapping[str, str]) -> int:
    """Return the width of the terminal, as COLUMNS or stdout tell it; 80 where neither does."""
    given = environ.get("COLUMNS", "")
    if given.isascii() and given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def show(text: str, *, is_colored: bool | None) -> None:
    """Print a help on stdout, with bold headings if that is a terminal or they are asked for.

    Raises OutputError where it cannot be written.
    """
    if is_colored is None:
        is_colored = os.isatty(1) and os.name != "nt"
    if not is_colored:
        text = text.replace(_BOLD, "").replace(_PLAIN, "")
    print_out(text)


def full(columns: int) -> str:
    """Return all of the help, for a terminal of this width."""
    width = min(columns, WIDEST)
    parts = [USAGE, _paragraph(DESCRIPTION, width, 2)]
    parts += [_group(name, width, is_short=False) for name in GROUPS]
    examples = [
        "\n".join([_paragraph(what, width, 2), *(f"    {line}" for line in how.split("\n"))])
        for what, how in EXAMPLES
    ]
    parts += [_heading("Examples"), *examples]
    topics = [(name, f"{topic.summary}.") for name, topic in TOPICS.items()]
    parts.append(f"{_heading(f'Topics, as in `{PROGRAM} help {topics[0][0]}`')}")
    parts[-1] += f"\n{_rows(topics, width)}"
    return "\n\n".join(parts) + "\n"


def summary(columns: int) -> str:
    """Return the help with a line for each option."""
    width = min(columns, WIDEST)
    parts = [USAGE, _paragraph(DESCRIPTION, width, 2)]
    parts += [_group(name, width, is_short=True) for name in GROUPS]
    more = f"{PROGRAM} --help says more; {PROGRAM} help TOPIC: {', '.join(TOPICS)}."
    return "\n\n".join([*parts, _paragraph(more, width, 0)]) + "\n"


def topic(name: str, columns: int) -> str:
    """Return the help on one topic. Raises UsageError if there is none of this name."""
    found = TOPICS.get(name)
    if found is None:
        raise UsageError(
            f"help: '{name[:80]}' is not a topic", hint=f"the topics are {', '.join(TOPICS)}"
        )
    width = min(columns, WIDEST)
    parts = [_heading(found.summary)]
    for part in found.parts:
        parts.append(_paragraph(part, width, 2) if isinstance(part, str) else _rows(part, width))
    return "\n\n".join(parts) + "\n"


def names(option: Option) -> str:
    """Return an option as it is written, as in `-v, --verbose`."""
    flags = f"{option.short}, {option.flag}" if option.short else option.flag
    return f"{flags} {option.metavar}" if option.metavar else flags


def first_sentence(text: str) -> str:
    """Return the first sentence of an option's help."""
    return text.partition("  [default: ")[0].partition(". ")[0].removesuffix(".") + "."


def _group(name: str, width: int, *, is_short: bool) -> str:
    rows = []
    for option in TABLE:
        if option.group == name:
            text = first_sentence(option.help) if is_short else option.help
            if option.default and not is_short:
                text += f"  [default: {option.default}]"
            rows.append((names(option), text))
    if name == GROUPS[-1]:
        rows += BESIDE_TABLE
    return f"{_heading(name)}\n{_rows(rows, width)}"


def _heading(text: str) -> str:
    return f"{_BOLD}{text}:{_PLAIN}"


_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"  # ECMA-48's select graphic rendition


def _rows(rows: Iterable[tuple[str, str]], width: int) -> str:
    """Return terms and their texts in two columns."""
    rows = list(rows)
    column = 2 + max((len(term) for term, _ in rows if len(term) <= _NAMES_AT_MOST), default=0) + 2
    lines = []
    for term, text in rows:
        begin = f"  {term}"
        folded = _fold(text, width - column)
        if len(begin) + 2 > column and folded:
            lines.append(begin)
            begin = ""
        first, *others = folded or [""]
        lines.append(f"{begin:<{column}}{first}".rstrip())
        lines += [" " * column + line for line in others]
    return "\n".join(lines)


def _paragraph(text: str, width: int, indent: int) -> str:
    return "\n".join(" " * indent + line for line in _fold(text, width - indent))


def _fold(text: str, width: int) -> list[str]:
    """Return the lines of a text, broken at blanks alone: options and paths stay whole."""
    lines = [""]
    for word in text.replace("[default: ", "[default:\xa0").split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and len(longer.rstrip()) > max(width, 20):
            lines.append(word)
        else:
            lines[-1] = longer
    return [line.rstrip().replace("\xa0", " ") for line in lines if line]
