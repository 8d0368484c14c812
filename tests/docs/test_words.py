"""What people read has our words: the phrases that CONTRIBUTING.md replaces occur nowhere in it.

That is pages and examples, the manual page, and every text in the program that may be printed.
Records of decisions (docs/adr) and comments in the code are for developers.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from examples.sandbox import EXAMPLES, REPOSITORY, tracked_files

LIST = re.compile(r"(?ms)^## Words we use\n.*?\n\| say \|.*?\n\|---.*?\n(?P<rows>.*?)(?:\n\n|\Z)")
CODE = re.compile(r"(?ms)^```.*?^```$|`[^`\n]*`|\]\([^)]*\)|<!--.*?-->")
SOURCES = sorted((REPOSITORY / "src/aws_role_exec").rglob("*.py"))


def phrases() -> list[str]:
    """Return the right column of the word list."""
    rows = LIST.search((REPOSITORY / "CONTRIBUTING.md").read_text())["rows"]
    cells = [row.strip("| ").split(" | ")[1] for row in rows.splitlines()]
    return [phrase.strip() for cell in cells for phrase in cell.split(",")]


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the prose of what is not in the program."""
    markdown = [*REPOSITORY.glob("*.md"), *tracked_files(REPOSITORY / "docs", (".md",))]
    for page in markdown:
        if page.parent.name != "adr":
            yield str(page.relative_to(REPOSITORY)), CODE.sub("", LIST.sub("", page.read_text()))
    others = [
        *(path for path in EXAMPLES.rglob("*") if path.is_file()),
        REPOSITORY / "packaging/man/aws-role-exec.1",
        REPOSITORY / "src/aws_role_exec/request/help.py",
    ]
    for path in others:
        yield str(path.relative_to(REPOSITORY)), path.read_text()


def printed(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the words of each text in a module that is not a docstring."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    formatted = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    skipped = {id(value) for node in formatted for value in node.values}
    skipped |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    for node in formatted:
        parts = [value.value for value in node.values if isinstance(value, ast.Constant)]
        yield node.lineno, "...".join(parts)
    for node in nodes:
        if isinstance(node, ast.Constant) and id(node) not in skipped:
            yield node.lineno, str(node.value)


def test_no_phrase_of_the_list_is_used() -> None:
    """On one line or broken over two."""
    words = "|".join(r"[\s#]+".join(map(re.escape, phrase.split())) for phrase in phrases())
    pattern = re.compile(rf"(?i)(?<![\w-])({words})(?![\w-])")
    texts = [
        *pages(),
        *((f"{path.name}:{line}", text) for path in SOURCES for line, text in printed(path)),
    ]
    found = [f"{name}: {match[0]!r}" for name, text in texts for match in pattern.finditer(text)]
    assert found == []


def test_the_list_is_read() -> None:
    """A table that is not found would forbid nothing."""
    assert "base identity" in phrases()
    assert len(phrases()) > 20
