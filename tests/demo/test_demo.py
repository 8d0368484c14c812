"""`make demo`, and what the Makefile does on a machine that is not ready for it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "docs"))

import recording  # noqa: E402 - found by the line above

ALICE = "arn:aws:iam::123456789012:user/alice"
SESSION = r"arn:aws:sts::123456789012:assumed-role/{}/aws-role-exec-\S+"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demonstration prints for a visitor whose shell is full of AWS settings."""
    directory = tmp_path_factory.mktemp("demo")
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "USER": "visitor",
        "AWS_PROFILE": "the-visitors",
        "AWS_CA_BUNDLE": "/nonexistent",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, REPOSITORY / "demo" / "demo.py", "6"],
        env=env,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert not list(directory.iterdir()), "left behind"
    return done.stdout


def printed(demo: str, command: str) -> list[str]:
    """What is printed below the step whose script has a line with these words."""
    block = rf"(?m)^  [$>] .*{re.escape(command)}.*\n(?:  > .*\n)*((?:    .*\n)+)"
    found = re.search(block, demo)
    assert found, f"no step with {command!r}"
    return [line.strip() for line in found[1].splitlines()]


class TestDemo:
    def test_shows_who_one_is(self, demo: str) -> None:
        """Before anything else."""
        assert printed(demo, "python demo/whoami.py") == [ALICE]

    @pytest.mark.parametrize(
        ("command", "role"),
        [
            ("role/reader -- python demo/whoami.py", "reader"),
            ('eval "$creds"', "reader"),
            ("--format credentials-file", "reader"),
            ("role/hub --role-arn arn:aws:iam::123456789012:role/archive --", "archive"),
        ],
        ids=["execve", "eval", "credentials file", "two hops"],
    )
    def test_shows_who_one_becomes(self, demo: str, command: str, role: str) -> None:
        """The role, each way."""
        assert re.fullmatch(SESSION.format(role), printed(demo, command)[-1])

    def test_shows_which_variables_changed(self, demo: str) -> None:
        """Exactly the contract's, with their secrets masked."""
        changed = re.findall(r"^    ([A-Z_]+) +\S+ +-> (\S+)$", demo, re.MULTILINE)
        assert [name for name, _ in changed] == [
            "AWS_ACCESS_KEY_ID",
            "AWS_CREDENTIAL_EXPIRATION",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ]
        values = dict(changed)
        assert values["AWS_SECRET_ACCESS_KEY"] == values["AWS_SESSION_TOKEN"] == "(secret)"

    def test_shows_that_the_process_is_the_same(self, demo: str) -> None:
        """One pid, twice."""
        before, after = re.findall(r"(?:before|after): pid (\d+)", demo)
        assert before == after

    def test_shows_that_the_file_is_private(self, demo: str) -> None:
        """As ls tells it."""
        assert printed(demo, "--format credentials-file")[0] == "-rw-------"

    def test_shows_a_refusal_with_its_hint(self, demo: str) -> None:
        """The command is not run."""
        error, hint, status = printed(demo, "role/archive -- python demo/whoami.py")
        assert error.startswith("aws-role-exec: assuming ")
        assert f"AccessDenied: User: {ALICE} " in error
        assert hint.startswith(f"hint: the role must exist, its trust policy must allow {ALICE}, ")
        assert status == "exit status 125"

    def test_shows_a_renewal_across_an_expiry(self, demo: str) -> None:
        """One process, the same session name; the key that it began with is good no longer."""
        first, expired, later = printed(demo, "--renew --")
        assert expired.endswith("to the first key STS says ExpiredToken")
        arns = [re.findall(SESSION.format("training"), line) for line in (first, later)]
        assert arns[0] == arns[1] != []

    def test_the_recording_is_current(self, demo: str) -> None:
        """What docs/index.md shows is what is printed, but for times, keys and names of sessions;
        `make generate` records it anew."""
        lines = demo.strip("\n").replace("lasts 6 seconds", "lasts 3 seconds").splitlines()
        wanted = recording.svg([recording.neutral(line) for line in lines])
        assert recording.words(wanted) == recording.words(recording.PICTURE.read_text())

    def test_ends_with_what_to_type_against_real_aws(self, demo: str) -> None:
        """The last line can be pasted."""
        last = demo.rstrip().splitlines()[-1].strip()
        assert last.endswith("-- aws sts get-caller-identity")
        assert "aws-role-exec --role-arn arn:aws:iam::" in last


class TestMake:
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[..., str]:
        """What `make demo` says of a machine with these programs first in its PATH."""

        def run(**programs: str) -> str:
            for name, script in programs.items():
                (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
                (tmp_path / name).chmod(0o755)
            done = subprocess.run(
                ["make", "--no-print-directory", "PYTHON=python3", f"DEMO={tmp_path}/venv", "demo"],
                env={"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)},
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode != 0
            assert not os.path.exists(tmp_path / "venv")
            return done.stderr

        return run

    def test_says_which_python_is_needed(self, make: Callable[..., str]) -> None:
        """An old Python is told apart from a broken set-up."""
        said = make(python3='case "$2" in *version_info*) exit 1;; esac')
        assert "Python 3.11 or newer is needed" in said

    def test_says_what_to_install_where_it_cannot(self, make: Callable[..., str]) -> None:
        """Debian's python3 lacks ensurepip, and not everyone is root."""
        said = make(python3='case "$2" in *ensurepip*) exit 1;; esac', id="echo 1000")
        assert "install python3-venv" in said

    def test_needs_what_the_program_needs_and_no_more(self, tmp_path: Path) -> None:
        """pip is asked for the program's own dependencies, and the visitor told."""
        asked = tmp_path / "asked"
        pip = tmp_path / "pip.py"
        pip.write_text(f"import sys; open({str(asked)!r}, 'w').write(' '.join(sys.argv[1:]))\n")
        code = (
            "import sys; from pathlib import Path; import prepare\n"
            f"prepare.pip_wheel = lambda: Path({str(tmp_path)!r})\n"
            f"prepare.main(Path({str(tmp_path / 'venv')!r}))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "demo")},
            capture_output=True,
            text=True,
            check=True,
        )
        words = [word for word in asked.read_text().split() if not word.startswith("-")]
        assert {re.split(r"[>=]", word)[0] for word in words} == {"install", "botocore", "click"}
        assert "botocore>=" in done.stdout, "it says what it is doing"
        program = tmp_path / "venv/bin/aws-role-exec"
        assert program.read_text().startswith(f"#!{tmp_path}/venv/bin/python\n")
