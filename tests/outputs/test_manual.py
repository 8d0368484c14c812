"""The manual page says what --help says, and is clean."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aws_role_exec.request.help import EXAMPLES, TOPICS
from aws_role_exec.request.options import TABLE

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "packaging" / "man" / "aws-role-exec.1"


def read(words: list[str], columns: int = 200) -> str:
    environ = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANROFFOPT": "-c"}
    environ["MANWIDTH"] = str(columns)
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


def test_examples_are_shown_as_they_are_typed(needs: Callable[..., str]) -> None:
    """Line for line on a terminal of 80 columns, so that they can be copied."""
    text = read([needs("man", "man-db"), "-P", "cat", "-l", str(PAGE)], columns=80)
    shown = [line.strip() for line in text.splitlines()]
    typed = [line.strip() for _, how in EXAMPLES for line in how.split("\n")]
    assert [line for line in typed if line not in shown] == []
    assert max(map(len, text.splitlines())) <= 80


def test_every_topic_of_the_help_is_there(needs: Callable[..., str]) -> None:
    """Durations, renewal and the rest: the first words of each paragraph."""
    text = " ".join(read([needs("mandoc"), "-Tutf8", "-Owidth=200", str(PAGE)]).split())
    plain = "".join(c for i, c in enumerate(text) if c != "\b" and text[i + 1 : i + 2] != "\b")
    for name, topic in TOPICS.items():
        if name == "environment":  # the page has its lists in running text
            continue
        for part in topic.parts:
            rows = [part] if isinstance(part, str) else [term for term, _ in part]
            assert all(row[:30] in plain for row in rows), name


@pytest.mark.parametrize("option", TABLE, ids=lambda option: option.flag)
def test_every_option_is_there(needs: Callable[..., str], option) -> None:
    """By its name, its argument and the first words of its help."""
    text = " ".join(read([needs("mandoc"), "-Tutf8", "-Owidth=200", str(PAGE)]).split())
    plain = "".join(c for i, c in enumerate(text) if c != "\b" and text[i + 1 : i + 2] != "\b")
    assert f"{option.flag} {option.metavar}".strip() in plain
    assert option.help.split(".")[0][:40] in plain
