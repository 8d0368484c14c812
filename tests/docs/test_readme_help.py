"""README.md shows the program's real --help. Run as a script, this writes it anew."""

import os
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
START, END = "<!-- help -->\n", "<!-- /help -->\n"


def real_help(program: list[str]) -> str:
    environ = {"PATH": os.environ["PATH"], "COLUMNS": "100", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [*program, "--help"], env=environ, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def test_the_readme_shows_the_real_help(program: list[str]) -> None:
    """Word for word, 100 columns wide."""
    shown = README.read_text().split(START)[1].split(END)[0]
    assert shown == block(real_help(program)), f"run: python {Path(__file__).name}"


if __name__ == "__main__":
    before, rest = README.read_text().split(START)
    after = rest.split(END)[1]
    text = real_help([str(Path(sys.executable).with_name("aws-role-exec"))])
    README.write_text(before + START + block(text) + END + after)
