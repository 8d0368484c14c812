"""What a build has in the temporary directory goes with it, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner import wait_for

from .conftest import ROOT

#: A build at work: a thread waits for a compiler, which has started another.
BUILD = """
import sys, tempfile, threading
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import build

def compile():
    place = Path(tempfile.mkdtemp())
    compiler = "sleep 600 & echo $! >half; mv half compiler; echo at work; wait"
    build.run(["sh", "-c", compiler], log=place / "log", cwd=place)

with build.scratch():
    if sys.argv[2:]:
        sys.exit(sys.argv[2])
    working = threading.Thread(target=compile)
    working.start()
    working.join()
"""


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(ROOT / "build"), *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_and_no_compiler(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path) as build:
        wait_for(lambda: list(tmp_path.rglob("compiler")))
        (noted,) = tmp_path.rglob("compiler")
        compiler = int(noted.read_text())
        build.send_signal(number)
        out, err = build.communicate()
    assert (build.returncode, out, err) == (-number, "", "")
    assert not list(tmp_path.iterdir())
    wait_for(lambda: not is_running(compiler))


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path, "it failed") as build:
        _, err = build.communicate()
    assert (build.returncode, err) == (1, "it failed\n")
    assert not list(tmp_path.iterdir())
