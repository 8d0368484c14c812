"""What can be told on Linux about the builds for macOS and Windows."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT

BUILD = ROOT / "build"
sys.path.insert(0, str(BUILD))
from build import Cache  # type: ignore[import-not-found] # noqa: E402


@pytest.mark.parametrize("machine", ["aarch64-macos", "x86_64-macos"])
def test_the_launcher_compiles_for_macos(machine: str, tmp_path: Path) -> None:
    cache = Cache()
    zig = cache.wheels("zig") / "ziglang" / "zig"
    headers = max(cache.root.glob("cpython-*/include"), key=lambda path: path.stat().st_mtime)
    command = [str(zig), "cc", "-target", machine, "-Wall", "-Werror", f"-I{headers}"]
    command += ["-c", str(BUILD / "launcher.c"), "-o", "launcher.o"]
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(tmp_path), "ZIG_LOCAL_CACHE_DIR": str(tmp_path)}
    subprocess.run(command, check=True, cwd=tmp_path, env=caches)
    kind = subprocess.run(["file", "launcher.o"], check=True, cwd=tmp_path, capture_output=True)
    assert b"Mach-O 64-bit" in kind.stdout


def test_the_script_for_macos_says_what_it_would_run() -> None:
    script = [str(BUILD / "macos.sh"), "--dry-run"]
    done = subprocess.run(script, check=True, capture_output=True, text=True)
    assert "build/build.py darwin_" in done.stdout


def test_the_shell_scripts_have_no_faults(needs: Callable[..., str]) -> None:
    scripts = [*BUILD.glob("recipes/*.sh"), *BUILD.glob("toolchain/*"), BUILD / "macos.sh"]
    subprocess.run([needs("shellcheck"), "--shell=sh", *map(str, scripts)], check=True)
