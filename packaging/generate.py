"""Write the manual page, the completions and the schedulers' lists of identity variables.

`python packaging/generate.py` writes them; with `--check` it says which are not current.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from aws_role_exec import credentials, identity_variables
from aws_role_exec.output import formats
from aws_role_exec.request import completion, help  # noqa: A004 - what it is
from aws_role_exec.request.options import ENVIRONMENT_PREFIX, GROUPS, TABLE, Option

PACKAGING = Path(__file__).resolve().parent
COMPLETIONS = {
    "bash": "aws-role-exec.bash",
    "zsh": "_aws-role-exec",
    "fish": "aws-role-exec.fish",
    "powershell": "aws-role-exec.ps1",
}
LONGEST_LINE = 80


def escape(text: str) -> str:
    """Return running text as roff takes it, a sentence a line."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"(?<=[A-Za-z0-9)])\. +(?=[A-Z0-9])", ".\n", text)
    return re.sub(r"(?m)^(?=[.'])", r"\&", text)


def option(row: Option) -> str:
    flags = [row.flag] if row.short is None else [row.short, row.flag]
    names = " , ".join(f"Fl {escape(flag[1:])}" for flag in flags)
    argument = f" Ar {escape(row.metavar)}" if row.metavar else ""
    text, bracket, default = row.help.partition("  [default: ")
    if not bracket and row.default:
        default = row.default + "]"
    lines = [f".It {names}{argument}", escape(text)]
    if default:
        lines.append(f"Default: {escape(default.removesuffix(']'))}.")
    return "\n".join(lines)


def group(name: str) -> str:
    """Return a heading and the options below it."""
    rows = [option(row) for row in TABLE if row.group == name]
    if name == GROUPS[-1]:
        rows += [f".It Fl {escape(flag[1:])}\n{escape(text)}" for flag, text in help.BESIDE_TABLE]
    return "\n".join([f".Ss {name}", ".Bl -tag -width Ds", *rows, ".El"])


def topic(found: help.Topic) -> str:
    """Return what `aws-role-exec help` says on a topic: paragraphs, and lists of terms."""
    parts = []
    for part in found.parts:
        if isinstance(part, str):
            parts.append(escape(part))
        else:
            rows = [f".It {escape(term)}\n{escape(text)}" for term, text in part]
            parts.append("\n".join([".Bl -tag -width Ds", *rows, ".El"]))
    return "\n.Pp\n".join(parts)


def example(what: str, how: str) -> str:
    return f"{escape(what)}\n.Bd -literal -offset indent\n{escape(how)}\n.Ed"


def variables(names: list[str]) -> str:
    return " ,\n".join(f".Ev {name}" for name in names)


def manual() -> str:
    parts = {
        "OPTIONS": "\n".join(map(group, GROUPS)),
        "EXAMPLES": "\n.Pp\n".join(example(*one) for one in help.EXAMPLES),
        **{name.upper().replace("-", "_"): topic(found) for name, found in help.TOPICS.items()},
        "FORMATS": "\n".join(
            f".It Cm {escape(name)}\n{escape(known.summary)}."
            for name, known in formats.FORMATS.items()
        ),
        "PUT_IN": variables([*credentials.VARIABLES]),
        "TAKEN_OUT": variables(sorted(identity_variables.IDENTITY_VARIABLES)),
        "PREFIXES": variables(sorted(identity_variables.IDENTITY_PREFIXES)),
    }
    page = (PACKAGING / "man" / "aws-role-exec.1.in").read_text()
    # A macro's line ends with its punctuation apart.
    page = re.sub(r"@(PUT_IN|TAKEN_OUT|PREFIXES)@([.,])", r"@\1@ \2", page)
    page = re.sub(r"@([A-Z_]+)@", lambda match: parts[match[1]], page)
    return "".join(wrapped(page.splitlines()))


def wrapped(lines: list[str]) -> Iterator[str]:
    """Yield the page's lines, running text wrapped; examples stay as a user types them."""
    is_literal = False
    for line in lines:
        is_literal = line.startswith(".Bd -literal") or (is_literal and line != ".Ed")
        yield line + "\n" if is_literal else wrap(line)


def wrap(line: str) -> str:
    """Return a line of running text as lines of at most 80, and others as they are."""
    if not line.startswith("."):
        # Names of variables and settings are not to be hyphenated.
        line = re.sub(r"(?<![\w%])(?=[A-Za-z]+_\w)", r"\\%", line)
    if line.startswith(".") or len(line) <= LONGEST_LINE:
        return line + "\n"
    lines = textwrap.wrap(
        line, LONGEST_LINE, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
    return "\n".join(lines) + "\n"


def completions(shell: str) -> str:
    return completion.script(shell).strip() + "\n"


# Scripts of schedulers take a submitted identity out of a job's environment. Our own options stay
# in it, for jobs that ask for a role themselves.
BLOCK = re.compile(
    r"^(?P<indent> *)# identity variables: made by packaging/generate[.]py\n.*?^ *# end\n",
    re.DOTALL | re.MULTILINE,
)
EXACT = sorted(identity_variables.IDENTITY_VARIABLES)
PREFIXES = sorted(set(identity_variables.IDENTITY_PREFIXES) - {ENVIRONMENT_PREFIX})


def shell_patterns(indent: str) -> list[str]:
    """Return a pattern of case for all but the variable that the script sets anew."""
    names = [name for name in EXACT if name != "AWS_SHARED_CREDENTIALS_FILE"]
    words = [*names, *(prefix + "*" for prefix in PREFIXES)]
    return [f"{indent}{word} |\\" for word in words[:-1]] + [f"{indent}{words[-1]})"]


def regular_expression(indent: str) -> list[str]:
    words = [*EXACT, *(prefix + ".*" for prefix in PREFIXES)]
    return [f"{indent}names='({words[0]}'"] + [
        f"{indent}names+='|{word}{')' * (word == words[-1])}'" for word in words[1:]
    ]


def python_constants(indent: str) -> list[str]:
    """Return them as Black would write them; the hook's job asks for nothing itself."""
    prefixes = sorted(identity_variables.IDENTITY_PREFIXES)
    return [
        "IDENTITY = {",
        *(f'    "{name}",' for name in EXACT),
        "}",
        "PREFIXES = (",
        *(f'    "{prefix}",' for prefix in prefixes),
        ")",
    ]


SCRIPTS: dict[str, Callable[[str], list[str]]] = {
    "slurm/taskprolog.sh": shell_patterns,
    "sge/prolog.sh": regular_expression,
    "pbs/aws_role_launch.py": python_constants,
}


def script(name: str) -> str:
    """Return a scheduler's script with its list of identity variables as it should be."""

    def block(match: re.Match[str]) -> str:
        indent = match["indent"]
        head = f"{indent}# identity variables: made by packaging/generate.py\n"
        lines = "".join(f"{line}\n" for line in SCRIPTS[name](indent))
        return f"{head}{lines}{indent}# end\n"

    text, count = BLOCK.subn(block, (PACKAGING / name).read_text())
    assert count == 1, f"{name} has {count} lists"
    return text


def everything() -> dict[Path, str]:
    return {
        **{PACKAGING / name: script(name) for name in SCRIPTS},
        PACKAGING / "man" / "aws-role-exec.1": manual(),
        **{PACKAGING / "completions" / name: completions(sh) for sh, name in COMPLETIONS.items()},
    }


def main() -> int:
    stale = [
        path for path, text in everything().items() if not path.exists() or path.read_text() != text
    ]
    for path in stale:
        if "--check" in sys.argv[1:]:
            print(f"not current: {path.relative_to(PACKAGING.parent)}; run: make generate")
        else:
            path.write_text(everything()[path])
            print(f"wrote {path.relative_to(PACKAGING.parent)}")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
