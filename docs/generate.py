"""Write docs/errors.md from the tables that the program takes its hints from.

`python docs/generate.py` writes it; with `--check` it says whether it is current.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from aws_role_exec import errors, refusals

PAGE = Path(__file__).with_name("errors.md")

INTRODUCTION = f"""\
# Errors and hints

<!-- Made by docs/generate.py from src/aws_role_exec/refusals.py. -->

A run that fails prints one line, `aws-role-exec: <what failed>: <why>`, and where the cause is known another, `hint: <what to do>`.
`--explain` tells the same and more without running anything: see [identities](identities.md).

| exit status | when |
|---|---|
| {errors.EXIT_USAGE} | the command line or an input is wrong; nothing was done |
| {errors.EXIT_FAILURE} | no credentials, STS refused or could not be reached, or the output could not be written |
| {errors.EXIT_NOT_EXECUTABLE}, {errors.EXIT_NOT_FOUND} | the command cannot be executed, was not found |
| the command's own | otherwise |

`AWS_ROLE_EXEC_DEBUG=1` adds where in the program it happened, and no secret either.

## STS says no

What STS answers, as an example, and the hint.
The first row that fits counts; names in `<>` are those of your run.
"""
ON_THE_WAY = f"""\
## STS is not reached

| what is told | hint |
|---|---|
| no answer within 30s | {refusals.LONGER_HINT} |
| no answer within 30s, last: Throttling | {refusals.THROTTLED_HINT} |
"""
IDENTITY = """\
## No base credentials

| when | hint |
|---|---|
"""
SITUATIONS = {
    "none": "no provider has any",
    "expired": "they have expired",
    "expired by a variable": "they have expired, and a variable says so",
    "not a time": "`AWS_CREDENTIAL_EXPIRATION` is not a time",
    "sso": "the login of IAM Identity Center has expired, or there is none",
    "login": "the login of the console has expired, or there is none",
    "no crt": "the profile logs in by `aws login`, which needs the AWS CRT library",
    "partial": "half of a key pair is missing",
    "terminal": "an MFA code is needed and there is no terminal",
    "github": "GitHub refuses to give a token",
    "github out of reach": "GitHub's token endpoint is not reached",
}


def page() -> str:
    """Return the whole page."""
    rows = ["| code | message | hint |", "|---|---|---|"]
    for refusal in refusals.REFUSALS:
        codes = ", ".join(f"`{code}`" for code in refusal.codes)
        rows.append(f"| {codes} | {refusal.example.strip()} | {placeholders(refusal.hint)} |")
    hint = placeholders(refusals.SKEW_HINT)
    rows.append(f"| any, from a clock more than 5 minutes away | | {hint} |")
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


def placeholders(text: str) -> str:
    """Return a template as people read it: `{role}` as <role>."""
    return re.sub(r"\{(\w+)\}", r"&lt;\1&gt;", text)


def lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(None if PAGE.read_text() == page() else f"{PAGE.name} is not current")
    PAGE.write_text(page())
