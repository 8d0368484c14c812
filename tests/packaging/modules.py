"""Environment Modules and Lmod, the real ones of Debian, in every shell."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

SHELL_PATH = "/usr/bin:/bin"
# Each conflicts with the other as a package, so they are unpacked beside each other.
TOOLS = {"tcl": "environment-modules", "lmod": "lmod"}
COMMANDS = {"tcl": "usr/lib/*/modulecmd.tcl", "lmod": "usr/share/lmod/*/libexec/lmod"}

# How each shell is given `module`, and started on a script.
FUNCTION = 'module() {{ eval "$({tool} {shell} "$@")"; }}'
ALIAS = "alias module 'eval `{tool} {shell} \\!*`'"
SHELLS = {
    "sh": ("dash", FUNCTION),
    "bash": ("bash", FUNCTION),
    "ksh": ("ksh", FUNCTION),
    "zsh": ("zsh -f", FUNCTION),
    "csh": ("csh -f", ALIAS),
    "tcsh": ("tcsh -f", ALIAS),
    "fish": ("fish --no-config", "function module; {tool} {shell} $argv | source; end"),
}


def unpack(place: Path) -> None:
    """Fetch both tools and unpack them without installing them."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip("SKIPPED: the module tools come from Debian's or Ubuntu's packages, as root")
    place.mkdir()
    for package in TOOLS.values():
        download = ["apt-get", "download", "-qq", package]
        options = {"cwd": place, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        if subprocess.run(download, **options).returncode:
            subprocess.run(["apt-get", "update", "-qq"], **options, check=True)
            subprocess.run(download, **options, check=True)
        (archive,) = place.glob(f"{package}_*.deb")
        subprocess.run(["dpkg", "-x", archive, place / package], check=True)


@dataclass(frozen=True)
class Modules:
    """One of the two tools, and a directory of module files."""

    command: Path
    """The program that `module` runs."""
    env: Mapping[str, str]

    def setup(self, shell: str) -> str:
        """The line that makes `module` work in that shell."""
        interpreter = "tclsh" if self.command.suffix == ".tcl" else "lua5.3"
        return SHELLS[shell][1].format(tool=f"{interpreter} {self.command}", shell=shell)

    def __call__(self, commands: str, shell: str = "bash") -> "subprocess.CompletedProcess[str]":
        """Run commands that use `module`, a line each."""
        script = Path(self.env["HOME"]) / f"script.{shell}"
        script.write_text(f"{self.setup(shell)}\n{commands}\n")
        return subprocess.run(
            [*SHELLS[shell][0].split(), str(script)],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )


def modules(name: str, unpacked: Path, modulepath: Path, home: Path) -> Modules:
    """Make ready a tool of TOOLS."""
    command = min((unpacked / TOOLS[name]).glob(COMMANDS[name]))
    environment = {
        "PATH": SHELL_PATH,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "MODULEPATH": str(modulepath),
        "LMOD_SYSTEM_DEFAULT_MODULES": "",
        "LMOD_PAGER": "none",
        "MODULES_PAGER": "",
    }
    return Modules(command, environment)
