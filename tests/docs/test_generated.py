"""What the pages take from elsewhere is as it is there."""

import subprocess
import sys
from pathlib import Path

GENERATE = Path(__file__).resolve().parents[2] / "docs/generate.py"


def test_the_pages_are_current() -> None:
    """The table of hints, and the parts of examples: `make generate` writes them."""
    subprocess.run([sys.executable, str(GENERATE), "--check"], check=True)
