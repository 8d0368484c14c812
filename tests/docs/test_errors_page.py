"""docs/errors.md is made from the tables that the program takes its hints from."""

import subprocess
import sys
from pathlib import Path

GENERATE = Path(__file__).resolve().parents[2] / "docs/generate.py"


def test_the_page_is_current() -> None:
    """`make generate` writes it."""
    subprocess.run([sys.executable, str(GENERATE), "--check"], check=True)
