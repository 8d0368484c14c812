"""The module files in Environment Modules and in Lmod, the real ones of Debian."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
GENERATE = REPOSITORY / "packaging/modulefiles/generate.py"
VERSIONS = ("1.0.0", "1.1.0")
SHELL_PATH = "/usr/bin:/bin"
# Each conflicts with the other as a package, so they are unpacked beside each other.
TOOLS = {"tcl": "environment-modules", "lmod": "lmod"}


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both tools, unpacked and not installed."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip("SKIPPED: the module tools come from Debian's or Ubuntu's packages, as root")
    place = tmp_path_factory.mktemp("tools")
    for package in TOOLS.values():
        download = ["apt-get", "download", "-qq", package]
        options = {"cwd": place, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        if subprocess.run(download, **options).returncode:
            subprocess.run(["apt-get", "update", "-qq"], **options, check=True)
            subprocess.run(download, **options, check=True)
        (archive,) = place.glob(f"{package}_*.deb")
        subprocess.run(["dpkg", "-x", archive, place / package], check=True)
    return place


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions as a site would install them, and one that is not there on this host."""
    place = tmp_path_factory.mktemp("site")
    for version in (*VERSIONS, "2.0.0"):
        root = place / "apps" / version
        subprocess.run([sys.executable, GENERATE, version, root, place], check=True)
        if version == "2.0.0":
            continue
        (root / "bin").mkdir(parents=True)
        program = root / "bin/aws-role-exec"
        program.write_text(f"#!/bin/sh\necho aws-role-exec {version}\n")
        program.chmod(0o755)
        (root / "share/man/man1").mkdir(parents=True)
        page = (REPOSITORY / "packaging/man/aws-role-exec.1").read_text()
        (root / "share/man/man1/aws-role-exec.1").write_text(page)
    return place


Module = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=list(TOOLS))
def shell(request: pytest.FixtureRequest, unpacked: Path, installed: Path) -> Module:
    """Run bash commands that use `module`."""
    if request.param == "tcl":
        (command,) = (unpacked / "environment-modules").glob("usr/lib/*/modulecmd.tcl")
        tool = f"tclsh {command}"
    else:
        command = sorted((unpacked / "lmod").glob("usr/share/lmod/*/libexec/lmod"))[0]
        tool = f"lua5.3 {command}"

    def run(commands: str) -> "subprocess.CompletedProcess[str]":
        script = f'module() {{ eval "$({tool} bash "$@")"; }}\n{commands}'
        return subprocess.run(
            ["bash", "-c", script],
            env={
                "PATH": SHELL_PATH,
                "HOME": str(installed),
                "LANG": "C.UTF-8",
                "MODULEPATH": str(installed / request.param),
                "LMOD_SYSTEM_DEFAULT_MODULES": "",
                "LMOD_PAGER": "none",
                "MODULES_PAGER": "",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_load_and_unload(shell: Module) -> None:
    done = shell(
        "module load aws-role-exec/1.0.0; aws-role-exec; module unload aws-role-exec;"
        ' echo "$PATH"; command -v aws-role-exec || echo gone'
    )
    assert done.stdout.splitlines() == ["aws-role-exec 1.0.0", SHELL_PATH, "gone"], done.stderr


def test_swap(shell: Module) -> None:
    done = shell(
        "module load aws-role-exec/1.0.0; module swap aws-role-exec aws-role-exec/1.1.0;"
        " aws-role-exec"
    )
    assert done.stdout == "aws-role-exec 1.1.0\n", done.stderr


def test_whatis_help_and_avail(shell: Module) -> None:
    """Lmod and Environment Modules tell on stderr."""
    told = shell("module whatis aws-role-exec/1.0.0; module help aws-role-exec/1.0.0")
    text = told.stdout + told.stderr
    assert "Assume an AWS IAM role" in text
    assert "Version: 1.0.0" in text
    assert "--role-arn ARN" in text
    listed = shell("module avail")
    assert "aws-role-exec/1.1.0" in listed.stdout + listed.stderr


def test_man_finds_its_page_and_still_the_systems(shell: Module) -> None:
    done = shell("module load aws-role-exec/1.0.0; man -w aws-role-exec; echo $MANPATH")
    assert "/apps/1.0.0/share/man/man1/aws-role-exec.1" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1].endswith(":")  # the system's own


def test_a_version_that_is_not_on_this_host(shell: Module) -> None:
    """Says where it should be, and changes nothing."""
    done = shell('module load aws-role-exec/2.0.0; echo "$PATH"')
    assert "/apps/2.0.0 is not on this host" in " ".join(done.stderr.split())
    assert done.stdout == SHELL_PATH + "\n"


def test_it_hands_over_nothing_of_an_identity(shell: Module) -> None:
    done = shell("module load aws-role-exec/1.0.0; env")
    assert "AWS_" not in done.stdout


@pytest.mark.parametrize(
    ("version", "root"), [('1"', "/opt"), ("1.0", "opt"), ("1.0", "/opt/$x"), ("../1", "/opt")]
)
def test_strange_values_are_refused(tmp_path: Path, version: str, root: str) -> None:
    """Nothing that a module file would read as its own language."""
    words = [sys.executable, GENERATE, version, root, tmp_path]
    done = subprocess.run(words, capture_output=True)
    assert done.returncode == 1
    assert not any(tmp_path.iterdir())
