"""The map of the program names its rooms."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_contributing_names_every_module():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    section = page.partition("## The straight line")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_]+)`", section))
    modules = {path.stem for path in (ROOT / "src/aws_role_exec").rglob("*.py")}
    unnamed = modules - named - {"__init__", "records"}
    assert unnamed == set(), "say in CONTRIBUTING.md which step they belong to"
