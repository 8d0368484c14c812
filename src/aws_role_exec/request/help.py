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
    "Assume an AWS role and run COMMAND with the role's temporary credentials, in this same"
    " process. Without COMMAND, print the credentials."
)
EXAMPLES = (
    (
        "Run one command as a role:",
        f"{PROGRAM} --role-arn arn:aws:iam::123456789012:role/reader \\\n  -- aws s3 ls",
    ),
    ("Do the same with the role of a profile:", f"{PROGRAM} --profile admin -- aws s3 ls"),
    (
        "Use the role in your interactive shell:",
        f'creds=$({PROGRAM} --profile admin) && eval "$creds"',
    ),
    (
        "Use it in a script, and stop if STS refuses:",
        f'creds=$({PROGRAM} --role-arn "$ROLE") || exit\neval "$creds"',
    ),
    (
        "Keep the credentials fresh while a long job runs:",
        f'{PROGRAM} --role-arn "$ROLE" --renew -- ./train.sh',
    ),
    (
        "Write a credentials file for a tool that needs one:",
        f'{PROGRAM} --role-arn "$ROLE" \\\n  --format credentials-file --output ./creds',
    ),
)
BESIDE_TABLE = (
    ("--version", "Print the version; with -v, also the commit, platform and libraries."),
    ("-h", "Print a summary of the options."),
    ("--help", "Print the full help."),
)


@record
class Topic:
    """A subject of its own: paragraphs, and rows of a term and what it means."""

    summary: str
    parts: tuple[str | tuple[tuple[str, str], ...], ...]


TOPICS = {
    "durations": Topic(
        "How to write a session duration, and its limits",
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
                    "The current job's remaining time. 1h if no scheduler answers, or if STS does"
                    " not allow as much.",
                ),
            ),
            "A session lasts 15m to 12h. A walltime below 15m is rounded up, with a notice. A"
            " walltime above 12h is an error unless you add --renew.",
            "The role's maximum session duration also applies: 1h unless someone raised it in IAM."
            " A role assumed with another role's credentials, an instance profile included, lasts"
            " at most 1h.",
            "--renew changes these rules: see `aws-role-exec help renewal`.",
        ),
    ),
    "renewal": Topic(
        "Credentials for commands that outlive a session",
        (
            (
                (
                    "--renew",
                    "A helper process serves credentials on 127.0.0.1 until the command exits, and"
                    " renews them before they expire. AWS SDKs find it through the same variables"
                    " as in a container. On Windows, aws-role-exec itself does this.",
                ),
                (
                    "--renew=process",
                    "No helper; not on Windows. AWS SDKs run a credential_process from a"
                    " profile in --renew-dir"
                    " DIR. Use it where 127.0.0.1 does not lead to the same machine. Keys in the"
                    " source environment are saved in DIR, in a file of mode 0600.",
                ),
            ),
            "The job may run longer than any session. By default each session lasts 1h. With"
            " --duration, a walltime is the length of the job, and UNLIMITED is allowed; each"
            " session still lasts 1h, or as long as the job if that is shorter. A Go duration such"
            " as 4h sets the length of each session.",
            "If a renewal fails, it is retried; the current credentials remain in use until they"
            " expire, and stderr gets at most one line a minute. The command never falls back to"
            " the identity of the machine.",
            "Source credentials must work more than once: an MFA code or a token from"
            " --web-identity env:NAME is an error.",
        ),
    ),
    "session-names": Topic(
        "Session names, as shown in CloudTrail",
        (
            "STS accepts 2 to 64 letters, digits and _+=,.@- characters. For any other name, the"
            " error suggests the nearest valid one.",
            f"The default is {PROGRAM}-USER-RANDOM. With auto, the name comes from the current job:"
            " Slurm, PBS, LSF, Grid Engine, AWS Batch, GitHub, GitLab, Jenkins or a Kubernetes"
            " pod.",
        ),
    ),
    "explain": Topic(
        "Why STS refuses a request, and what the command would get",
        (
            "--explain finds the source credentials, calls STS to see whose they are, and requests"
            " the role. It prints a report on stdout; it runs nothing and prints no credential.",
            "The exit status is 0 if STS grants the session, else 125. Add --format json for a"
            " report that programs can read.",
        ),
    ),
    "environment": Topic(
        "Environment variables that are read, removed and set",
        (
            "Every option can be set by a variable, AWS_ROLE_EXEC_OPTION: for example"
            " AWS_ROLE_EXEC_ROLE_ARN. The command does not inherit these. An empty variable counts"
            " as unset; an unknown one is an error.",
            "Set for the command:",
            tuple((name, "") for name in VARIABLES),
            "Removed from its environment:",
            tuple((name, "") for name in sorted(IDENTITY_VARIABLES)),
            "Also removed, all that begin with:",
            tuple((name, "") for name in sorted(IDENTITY_PREFIXES)),
            "With --web-identity, the variables that held the token are removed too.",
        ),
    ),
    "exit-codes": Topic(
        "What each exit status means",
        (
            (
                (str(EXIT_USAGE), "The command line or an input is invalid; nothing was done."),
                (
                    str(EXIT_FAILURE),
                    "No source credentials, STS refused or is unreachable, or the output cannot"
                    " be written.",
                ),
                (str(EXIT_NOT_EXECUTABLE), "The command was found but cannot be executed."),
                (str(EXIT_NOT_FOUND), "The command was not found."),
                ("other", "The exit status of the command."),
            ),
            "A signal that arrives before the command starts ends the process as usual.",
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
    parts.append(f"{_heading(f'Topics, for example `{PROGRAM} help {topics[0][0]}`')}")
    parts[-1] += f"\n{_rows(topics, width)}"
    return "\n\n".join(parts) + "\n"


def summary(columns: int) -> str:
    """Return the help with a line for each option."""
    width = min(columns, WIDEST)
    parts = [USAGE, _paragraph(DESCRIPTION, width, 2)]
    parts += [_group(name, width, is_short=True) for name in GROUPS]
    more = f"For more: {PROGRAM} --help. Topics, with {PROGRAM} help TOPIC: {', '.join(TOPICS)}."
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
