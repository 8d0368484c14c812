"""The manual page says what --help says, and is clean."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aws_role_exec.request.options import TABLE

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "packaging" / "man" / "aws-role-exec.1"


def read(words: list[str]) -> str:
    environ = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANWIDTH": "200", "MANROFFOPT": "-c"}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_what_is_generated_is_current() -> None:
    """`make generate` writes the page and the completions."""
    script = REPOSITORY / "packaging" / "generate.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mandoc_has_nothing_to_say(needs: Callable[..., str]) -> None:
    """Neither errors nor style."""
    done = subprocess.run(
        [needs("mandoc"), "-Tlint", "-Wstyle", str(PAGE)], capture_output=True, text=True
    )
    complaints = [line for line in done.stdout.splitlines() if "mandoc.db" not in line]
    assert complaints == []


def test_man_shows_it_without_warnings(needs: Callable[..., str]) -> None:
    """groff, as most Linux systems have it."""
    text = read([needs("man", "man-db"), "--warnings", "-P", "cat", "-l", str(PAGE)])
    for heading in ("SYNOPSIS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"):
        assert f"\n{heading}\n" in text
    assert "creds=$(aws-role-exec --role-arn" in text


@pytest.mark.parametrize("option", TABLE, ids=lambda option: option.flag)
def test_every_option_is_there(needs: Callable[..., str], option) -> None:
    """By its name, its argument and the first words of its help."""
    text = " ".join(read([needs("mandoc"), "-Tutf8", "-Owidth=200", str(PAGE)]).split())
    plain = "".join(c for i, c in enumerate(text) if c != "\b" and text[i + 1 : i + 2] != "\b")
    assert f"{option.flag} {option.metavar}".strip() in plain
    assert option.help.split(".")[0][:40] in plain
