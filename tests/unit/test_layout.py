"""The house: which room may know which, who may call botocore and click, and the map of it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/aws_role_exec"
MODULES = sorted(SOURCE.rglob("*.py"))

# From the top down: a room imports from its own floor and those below, never from above.
FLOORS = (
    ("__main__",),
    ("cli", "explain", "sessions", "versions"),
    ("renewal",),
    ("assume",),
    ("request",),
    ("schedulers",),
    ("identity",),
    ("configuration",),
    ("sts",),
    ("network",),
    ("handover", "output"),
    (
        "credentials",
        "errors",
        "identity_variables",
        "inputs",
        "messages",
        "records",
        "redaction",
        "trail",
        "__init__",
    ),
)
# The last source of identity, what only its parser or its endpoint rules know, and the transport
# for proxies: nobody else may ask botocore. What is made for Python programs is botocore's own.
BOTOCORE = {
    "identity/botocore_chain.py",
    "configuration/by_botocore.py",
    "network/proxied.py",
    "sessions.py",
}
CLICK = {"request/command_line.py", "request/completion.py", "request/help.py"}


def room(module: str) -> str:
    """The room of a dotted name below the package."""
    return module.split(".", maxsplit=1)[0] or "__init__"


def floor(name: str) -> int:
    found = [number for number, rooms in enumerate(FLOORS) if name in rooms]
    assert found, f"{name}: on which floor is it? Say so in FLOORS"
    return found[0]


def imports(path: Path) -> Iterator[str]:
    """The names of the modules that a file imports when it runs, at its top or in a function."""
    for node in _running(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module
            if module == "aws_role_exec":
                yield from (f"{module}.{alias.name}" for alias in node.names)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not for_types:
            yield node
            yield from _running(node)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
class TestModule:
    def test_knows_only_its_own_floor_and_those_below(self, path: Path) -> None:
        own = floor(room(str(path.relative_to(SOURCE).with_suffix("")).replace("/", ".")))
        # The package itself is the entrance of Python programs, by a function of its own.
        named = {"__version__", "__commit__"} | ({"sessions"} if path.stem == "__init__" else set())
        for name in imports(path):
            package, _, rest = name.partition(".")
            if package == "aws_role_exec" and rest and rest not in named:
                assert floor(room(rest)) >= own, f"{path.name} imports {name} from above"

    def test_asks_botocore_and_click_only_where_that_is_its_business(self, path: Path) -> None:
        place = str(path.relative_to(SOURCE))
        packages = {name.split(".")[0] for name in imports(path)}
        assert "botocore" not in packages or place in BOTOCORE
        assert "click" not in packages or place in CLICK

    def test_has_its_place_on_contributings_map(self, path: Path) -> None:
        page = (ROOT / "CONTRIBUTING.md").read_text()
        section = page.partition("## The road")[2].partition("\n## ")[0]
        named = set(re.findall(r"`([a-z_]+)`", section))
        if path.parent.name == "schedulers":
            assert "schedulers/" in section
        elif path.stem != "__init__":
            assert path.stem in named, "say in CONTRIBUTING.md what it is for"


def test_the_map_names_no_module_that_is_gone() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    section = page.partition("## The road")[2].partition("\n## ")[0]
    rows = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    stems = {path.stem for path in MODULES}
    assert {name for name in re.findall(r"`([a-z_]+)`", rows) if name not in stems} == set()
