"""The Spack recipe that the release carries, run on the real archives.

Spack itself is not to be had from any index that the tests install from: a stand-in
(spack.py beside this file) runs the recipe. That real Spack takes it is not shown here;
docs/releasing.md lists it among what only a real release shows.
"""

import hashlib
import platform
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import spack
from .conftest import artifacts

RECIPE = "spack/spack_repo/aws_role_exec/packages/aws_role_exec/package.py"


@pytest.fixture
def repository(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a site unpacks, where the stand-in is what recipes import."""
    for name, module in spack.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    with tarfile.open(dist / "aws-role-exec_modulefiles.tar.gz") as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # none in Python 3.11.2
        tar.extractall(tmp_path)
    return tmp_path


@pytest.fixture
def package(repository: Path, dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, installed: fetched by its URL's name, checked, unpacked, copied."""
    cls = spack.read(repository / RECIPE)
    (version,) = spack.directives["version"]
    archive = dist / version["url"].rpartition("/")[2]
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == version["sha256"]
    stage, prefix = tmp_path / "stage", tmp_path / "prefix"
    stage.mkdir()
    prefix.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", stage], check=True)
    spec = spack.Spec(version["name"])
    package = cls(spec, spack.Prefix(prefix))
    monkeypatch.chdir(stage)
    package.install(spec, package.prefix)
    return package


def test_it_puts_everything_in_its_place(package: Any) -> None:
    """Where Spack's own functions for completions look, and where its modules point."""
    prefix = Path(package.prefix)
    for name in package.sanity_check_is_file:
        assert (prefix / name).is_file(), name
    for name in (
        "LICENSE",
        "NOTICE",
        "bin/aws-role-exec",
        "share/man/man1/aws-role-exec.1",
        "share/bash-completion/completions/aws-role-exec",
        "share/zsh/site-functions/_aws-role-exec",
        "share/fish/vendor_completions.d/aws-role-exec.fish",
    ):
        assert (prefix / name).is_file(), name
    resolved = (prefix / "bin/aws-role-exec").resolve()
    assert resolved.is_relative_to(prefix), "the program lies in the stage"


def test_its_own_tests_pass(package: Any) -> None:
    """What `spack test run` does."""
    tests = [name for name in dir(package) if name.startswith("test_")]
    assert tests == ["test_dry_run", "test_version"]
    for name in tests:
        assert getattr(package, name).__doc__
        getattr(package, name)()


def test_its_own_tests_fail_for_another_program(package: Any) -> None:
    program = Path(package.prefix) / "bin/aws-role-exec"
    program.unlink()
    program.write_text("#!/bin/sh\necho another\n")
    program.chmod(0o755)
    for name in ("test_dry_run", "test_version"):
        with pytest.raises(AssertionError):
            getattr(package, name)()


@pytest.mark.parametrize(
    ("machine", "arch"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("ppc64le", None)]
)
def test_each_machine_gets_its_archive(
    repository: Path, dist: Path, monkeypatch: pytest.MonkeyPatch, machine: str, arch: str | None
) -> None:
    """Or finds no version there at all."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    spack.read(repository / RECIPE)
    versions = spack.directives.get("version", [])
    assert len(versions) == (arch is not None)
    for version in versions:
        (archive,) = (
            one for one in artifacts(dist) if one["name"] == f"aws-role-exec_linux_{arch}.tar.gz"
        )
        assert version["sha256"] == archive["sha256"]
        assert version["url"].endswith(f"/releases/download/v{version['name']}/{archive['name']}")


def test_what_it_declares(repository: Path) -> None:
    spack.read(repository / RECIPE)
    assert spack.directives["license"] == ["Apache-2.0"]
    assert spack.directives["requires"] == ["platform=linux"]


def test_the_repository_is_of_spack_1(repository: Path) -> None:
    """Below spack_repo/, in a directory that is called as its namespace is."""
    described = yaml.safe_load((repository / RECIPE).parents[2].joinpath("repo.yaml").read_text())
    assert described == {"repo": {"namespace": "aws_role_exec", "api": "v2.0"}}
    assert (repository / RECIPE).parents[2].name == described["repo"]["namespace"]
    assert (repository / RECIPE).parents[3].name == "spack_repo"
