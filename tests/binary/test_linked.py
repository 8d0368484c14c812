"""packaging/linked.toml: the versions of what comes inside something that the build pins."""

import tomllib
from pathlib import Path

import pytest

from .conftest import ROOT
from .test_endpoints import module_of_the_build

LINKED = tomllib.loads((ROOT / "packaging" / "linked.toml").read_text())


@pytest.mark.parametrize(("name", "trace"), [("expat", "expat_{}\0"), ("mpdecimal", "\0{}\0")])
def test_the_executable_tells_the_same(executable: Path, name: str, trace: str) -> None:
    """What CPython brings along: these libraries carry their version as text."""
    assert trace.format(LINKED[name]["version"]).encode() in executable.read_bytes()


def test_the_compiler_tells_the_same() -> None:
    """musl comes with zig."""
    zig = module_of_the_build("build").Cache().wheels("zig")
    version = (zig / "ziglang/lib/libc/musl/src/internal/version.h").read_text()
    assert f'"{LINKED["musl"]["version"]}"' in version
