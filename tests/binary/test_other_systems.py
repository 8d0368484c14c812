"""What runs on other machines than this one: the scripts, run here."""

import subprocess
import sys
from collections.abc import Callable

from .conftest import ROOT

BUILD = ROOT / "build"


def tried(*program: str) -> subprocess.CompletedProcess[str]:
    """What a runner with macOS or arm64 does with an executable before it is published."""
    script = [sys.executable, str(BUILD / "try_executable.py"), *program]
    return subprocess.run(script, capture_output=True, text=True)


def test_what_runners_try_an_executable_with_passes_for_this_one(
    program: list[str], needs: Callable[..., str]
) -> None:
    """A Mac's runner calls the same script: what it finds wrong there is not the script's fault."""
    needs("openssl")
    done = tried(*program)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok: the signal reaches the command" in done.stdout


def test_what_runners_try_an_executable_with_refuses_another(needs: Callable[..., str]) -> None:
    needs("openssl")
    done = tried("/bin/true")
    assert done.returncode == 1
    assert "not so: it tells its version" in done.stderr


def test_the_shell_scripts_have_no_faults(needs: Callable[..., str]) -> None:
    scripts = [*BUILD.glob("recipes/*.sh"), *BUILD.glob("toolchain/*"), BUILD / "macos/config.site"]
    subprocess.run([needs("shellcheck"), "--shell=sh", *map(str, scripts)], check=True)
