"""Write what the pages take from elsewhere: the reference, and parts of the examples.

The reference is made from the tables that the program itself runs by: those of options, formats,
identity variables, hints, and the topics of `aws-role-exec help`.

A fenced block after `<!-- from: PATH -->` is the part of that file that goes from the block's
first line to its last one, whatever their indentation: to show another part, change these two.
`python docs/generate.py` writes the pages; with `--check` it says whether they are current.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pictures

from aws_role_exec import errors
from aws_role_exec.output import formats
from aws_role_exec.request import help  # noqa: A004 - what it is
from aws_role_exec.request.options import GROUPS, TABLE, Option
from aws_role_exec.sts import refusals

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted(HERE.rglob("*.md"))]
INCLUDED = re.compile(
    r"(?P<head>^<!-- from: (?P<path>\S+) -->\n```\w*\n)(?P<text>.*?)^```\n",
    re.DOTALL | re.MULTILINE,
)

INTRODUCTION = f"""\
# Errors and hints

<!-- Made by docs/generate.py from src/aws_role_exec/sts/refusals.py. -->

If a run fails, it prints one line, `aws-role-exec: <what failed>: <why>`, and, if the cause is known, a second line, `hint: <what to do>`.
`--explain` reports the same and more without running anything: see [identities](identities.md).

| exit status | when |
|---|---|
| {errors.EXIT_USAGE} | the command line or an input is invalid; nothing was done |
| {errors.EXIT_FAILURE} | no source credentials, STS refused or is unreachable, or the output cannot be written |
| {errors.EXIT_NOT_EXECUTABLE} | the command cannot be executed |
| {errors.EXIT_NOT_FOUND} | the command was not found |
| the command's own | otherwise |

Errors are text even with `--format json`.
Standard output stays empty, so a program that expects JSON gets none, and has the exit status.
To get the reason as JSON, run `--explain --format json`: its `Refusal` has the error and the hint ([schema](explain.schema.json)).

With `AWS_ROLE_EXEC_DEBUG=1`, errors include where in the program they occurred, but still no secret.

## STS refuses

The table shows an example of STS's response, and the hint.
The first matching row applies; names in `<>` come from your run.
"""
ON_THE_WAY = f"""\
## STS is unreachable

| message | hint |
|---|---|
| no response within 30s | {refusals.LONGER_HINT} |
| no response within 30s, last: Throttling | {refusals.THROTTLED_HINT} |
"""
IDENTITY = """\
## No source credentials

| when | hint |
|---|---|
"""
SITUATIONS = {
    "none": "no source has credentials",
    "expired": "they have expired",
    "expired by a variable": "they have expired according to `AWS_CREDENTIAL_EXPIRATION`",
    "not a time": "`AWS_CREDENTIAL_EXPIRATION` is not a valid time",
    "sso": "the IAM Identity Center login has expired or does not exist",
    "login": "the console login has expired or does not exist",
    "no crt": "the profile uses `aws login`, which requires the AWS CRT library",
    "partial": "half of a key pair is missing",
    "terminal": "an MFA code is required and there is no terminal",
    "github": "GitHub refuses to issue a token",
    "github out of reach": "GitHub's token endpoint is unreachable",
}


def errors_page() -> str:
    """Return docs/errors.md."""
    rows = ["| code | message | hint |", "|---|---|---|"]
    for refusal in refusals.REFUSALS:
        codes = ", ".join(f"`{code}`" for code in refusal.codes)
        rows.append(f"| {codes} | {refusal.example.strip()} | {placeholders(refusal.hint)} |")
    hint = placeholders(refusals.SKEW_HINT)
    rows.append(f"| any, if the clock is off by more than 5 minutes | | {hint} |")
    faults = [
        f"| {placeholders(fault.why)} | {placeholders(fault.hint or '')} |"
        for fault in refusals.FAULTS.values()
    ]
    if SITUATIONS.keys() != refusals.IDENTITY_HINTS.keys():
        sys.exit("a hint without its situation")
    identity = [
        f"| {when} | {placeholders(refusals.IDENTITY_HINTS[name])} |"
        for name, when in SITUATIONS.items()
    ]
    return (
        f"{INTRODUCTION}\n{lines(rows)}\n{ON_THE_WAY}{lines(faults)}\n{IDENTITY}{lines(identity)}"
    )


def options_page() -> str:
    """Return docs/options.md."""
    parts = [made("Options", "src/aws_role_exec/request/options.py")]
    parts.append(f"    {help.USAGE.removeprefix('Usage: ')}\n\n{sentences(help.DESCRIPTION)}\n")
    for group in GROUPS:
        parts.append(f"## {group}\n")
        parts += [option(row) for row in TABLE if row.group == group]
    beside = [f"| `{flag}` | {cell(text)} |" for flag, text in help.BESIDE_TABLE]
    parts.append(f"## Help\n\n{table('option', 'what it does')}{lines(beside)}")
    for name in ("durations", "renewal", "session-names", "explain"):
        parts.append(f"## {help.TOPICS[name].summary}\n\n{topic(name)}")
    return "\n".join(parts)


def option(row: Option) -> str:
    """Return an option: a heading to link to, what it does, its default and its variable."""
    text, _, default = row.help.partition("  [default: ")
    default = default.removesuffix("]") or row.default or ""
    facts = [f"`{help.names(row)}`", f"`{row.variable}`"]
    if row.kind == "list":
        facts.append("may be repeated")
    if default:
        facts.append(f"default: {placeholders(escaped(default))}")
    return f"### {row.flag}\n\n{' · '.join(facts)}\n\n{sentences(escaped(text))}\n"


def environment_page() -> str:
    """Return docs/environment.md."""
    rows = [f"| `{row.variable}` | [`{row.flag}`](options.md#{row.flag}) |" for row in TABLE]
    return "\n".join(
        [
            made("Environment", "src/aws_role_exec/identity_variables.py"),
            topic("environment"),
            "Everything else is inherited byte for byte.\n"
            "Of a name that occurs twice the command gets the first, as getenv(3) finds it; an entry without a name or without `=` is no variable.\n",
            f"## Defaults of options\n\n{table('variable', 'option')}{lines(rows)}",
        ]
    )


def formats_page() -> str:
    """Return docs/formats.md."""
    rows = [
        f"| `{name}` | {cell(one.summary)} | {f'`{cell(one.failure.strip())}`' if one.failure else 'nothing'} "
        f"| {'yes' if one.remove else 'no'} |"
        for name, one in formats.FORMATS.items()
    ]
    head = table("format", "for", "on failure it prints", "`--unset`")
    return "\n".join(
        [
            made("Formats", "src/aws_role_exec/output/formats.py"),
            "`--format` selects how credentials are printed without a command; [outputs](outputs.md) shows each format in use.\n",
            f"{head}{lines(rows)}",
            "The line printed on failure makes the shell that evaluates it fail too; the exit status is 125 in any case.\n",
        ]
    )


def exit_statuses_page() -> str:
    """Return docs/exit-statuses.md."""
    return "\n".join(
        [
            made("Exit status", "src/aws_role_exec/request/help.py"),
            topic("exit-codes"),
            "To get the reason in a program, run `--explain --format json` ([schema](explain.schema.json)); [errors and hints](errors.md) lists the messages.\n",
        ]
    )


def made(title: str, source: str) -> str:
    return f"# {title}\n\n<!-- Made by docs/generate.py from {source}. -->\n"


def topic(name: str) -> str:
    """Return what `aws-role-exec help` says on a topic: paragraphs, and lists of terms."""
    parts = []
    for part in help.TOPICS[name].parts:
        if isinstance(part, str):
            parts.append(f"{sentences(escaped(part))}\n")
        elif any(text for _, text in part):
            rows = [f"| `{cell(term)}` | {cell(escaped(text))} |" for term, text in part]
            parts.append(f"{table('', '')}{lines(rows)}")
        else:
            parts.append(lines([f"* `{term}`" for term, _ in part]))
    return "\n".join(parts)


def table(*heads: str) -> str:
    return lines([f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"])


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def escaped(text: str) -> str:
    """Return the help's text as Markdown, with what is typed as code."""
    text = text.replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(
        r"(?<![\w`-])(--?[a-z][\w-]*(?:=[a-z]+)?|AWS_[A-Z_]+|file://PATH)(?![\w`])", r"`\1`", text
    )


def sentences(text: str) -> str:
    """Return running text with a sentence a line."""
    return re.sub(r"(?<=[a-zA-Z0-9)`])\. +(?=[A-Z`])", ".\n", text)


def placeholders(text: str) -> str:
    """Return a template as people read it: `{role}` as <role>."""
    return re.sub(r"\{(\w+)\}", r"&lt;\1&gt;", text)


def lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def included(page: str) -> str:
    """Return the text of a page with the parts of files that it shows as they are now.

    Raises SystemExit if a file has no such part.
    """

    def part(block: re.Match[str]) -> str:
        lines = (REPOSITORY / block["path"]).read_text().splitlines()
        shown = [line.strip() for line in block["text"].splitlines()]
        first = [at for at, line in enumerate(lines) if line.strip() == shown[0]]
        last = [at for at, line in enumerate(lines) if line.strip() == shown[-1]]
        spans = [(start, end) for start in first for end in last if end >= start]
        if not spans:
            sys.exit(f"{block['path']} has no part that begins and ends as this one:\n{block[0]}")
        # Where a line comes more than once, the part is the one that has changed least in length.
        start, end = min(spans, key=lambda span: abs(span[1] - span[0] + 1 - len(shown)))
        text = textwrap.dedent("\n".join(lines[start : end + 1]))
        return f"{block['head']}{text}\n```\n"

    return INCLUDED.sub(part, page)


MADE: dict[str, Callable[[], str]] = {
    "errors.md": errors_page,
    "options.md": options_page,
    "environment.md": environment_page,
    "formats.md": formats_page,
    "exit-statuses.md": exit_statuses_page,
    "pictures/chain.svg": pictures.chain,
    "pictures/renewal.svg": pictures.renewal,
    "pictures/prolog.svg": pictures.prolog,
}
"""The pages and pictures that are wholly made, by their names."""


def main() -> None:
    texts = {HERE / name: page() for name, page in MADE.items()}
    texts |= {page: included(page.read_text()) for page in PAGES if page not in texts}
    stale = [page for page, text in texts.items() if not page.exists() or page.read_text() != text]
    if "--check" in sys.argv[1:] and stale:
        sys.exit(f"not current: {' '.join(page.name for page in stale)}: make generate")
    for page in stale:
        page.write_text(texts[page])


if __name__ == "__main__":
    main()
