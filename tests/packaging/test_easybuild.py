"""EasyBuild, the real one, installs the release with the easyconfig that the release carries."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outputs.test_completion import type_into

from .conftest import artifacts
from .modules import SHELL_PATH, TOOLS, Modules, modules

SYNTAX = {"tcl": ("EnvironmentModules", "Tcl"), "lmod": ("Lmod", "Lua")}
#: Makes Python, and with it EasyBuild, believe that the machine is another.
ANOTHER_MACHINE = """\
import platform
platform.machine = lambda: "{0}"
platform.uname = lambda real=platform.uname(): real._replace(machine="{0}")
"""


class EasyBuild:
    """A site's EasyBuild, with the archives of the release in its source directory."""

    def __init__(self, place: Path, dist: Path, kind: str, module_tools: Path) -> None:
        """`place` is all that it writes to; `kind` is the module tool, of TOOLS."""
        self.prefix, self.sources = place / "eb", place / "sources"
        self.sources.mkdir(parents=True)
        with tarfile.open(dist / "aws-role-exec_modulefiles.tar.gz") as tar:
            (recipe,) = (one for one in tar.getnames() if one.endswith(".eb"))
            tar.extraction_filter = getattr(tarfile, "data_filter", None)  # none in Python 3.11.2
            tar.extract(recipe, place)
        self.easyconfig = place / recipe
        self.version = self.easyconfig.stem.removeprefix("aws-role-exec-")
        for arch in ("amd64", "arm64"):  # under the names that EasyBuild gives what it downloads
            name = f"aws-role-exec-{self.version}_linux_{arch}.tar.gz"
            (self.sources / name).symlink_to(dist / f"aws-role-exec_linux_{arch}.tar.gz")
        self.module = f"aws-role-exec/{self.version}"
        self.root = self.prefix / "software" / self.module
        self.modules: Modules = modules(kind, module_tools, self.prefix / "modules/all", place)
        self.environment = {
            "HOME": str(place),
            "PATH": f"{self.modules.command.parent}:{Path(sys.executable).parent}:{SHELL_PATH}",
            "LANG": "C.UTF-8",
            "EB_PYTHON": sys.executable,
            "LMOD_CMD": str(self.modules.command),
            "MODULES_CMD": str(self.modules.command),
            "EASYBUILD_PREFIX": str(self.prefix),
            "EASYBUILD_SOURCEPATH": str(self.sources),
            "EASYBUILD_TMPDIR": str(place / "tmp"),
        }
        tool, syntax = SYNTAX[kind]
        eb = Path(sys.executable).with_name("eb")
        self.command = [str(eb), f"--modules-tool={tool}", f"--module-syntax={syntax}"]
        if os.geteuid() == 0:
            self.command.append("--allow-use-as-root-and-accept-consequences")

    def __call__(self, *options: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run `eb` on the easyconfig."""
        return subprocess.run(
            [*self.command, *options, self.easyconfig],
            env={**self.environment, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.prefix.parent,
        )


@pytest.fixture
def fresh(tmp_path: Path, dist: Path, module_tools: Path) -> Iterator[EasyBuild]:
    """One that has installed nothing yet."""
    easybuild = EasyBuild(tmp_path / "easybuild", dist, "lmod", module_tools)
    yield easybuild
    shutil.rmtree(tmp_path / "easybuild")


@pytest.fixture(scope="module", params=list(TOOLS))
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    dist: Path,
    module_tools: Path,
) -> Iterator[EasyBuild]:
    """One that has installed the release."""
    place = tmp_path_factory.mktemp("easybuild")
    easybuild = EasyBuild(place, dist, request.param, module_tools)
    done = easybuild()
    assert done.returncode == 0, done.stdout
    yield easybuild
    shutil.rmtree(place)


class TestTheModule:
    """That EasyBuild wrote."""

    def test_load_and_unload(self, site: EasyBuild, dist: Path) -> None:
        """The program runs, and is the one that was released; then all is as before."""
        done = site.modules(
            f"module load {site.module}\naws-role-exec --version\n"
            'sha256sum <"$(command -v aws-role-exec)"\n'
            'module unload aws-role-exec\necho "$PATH,${MANPATH-},${XDG_DATA_DIRS-}"'
        )
        version, digest, after = done.stdout.splitlines()
        assert version.startswith("aws-role-exec "), done.stderr
        (binary,) = (one for one in artifacts(dist) if one["path"] == "linux_amd64/aws-role-exec")
        assert digest.split()[0] == binary["sha256"]
        assert after == f"{SHELL_PATH},,"

    def test_manual(self, site: EasyBuild) -> None:
        """Its page is found, and the system's still are."""
        done = site.modules(
            f"module load {site.module}\nman -w aws-role-exec\nmanpath -q | tr : '\\n'"
        )
        page, *paths = done.stdout.splitlines()
        assert page == f"{site.root}/share/man/man1/aws-role-exec.1", done.stderr
        assert "/usr/share/man" in paths

    def test_completion_in_bash(self, needs: Callable[[str], str], site: EasyBuild) -> None:
        """At the prompt of a bash with bash-completion, as distributions set it up."""
        setup = (
            "source /usr/share/bash-completion/bash_completion;"
            f" {site.modules.setup('bash')}; module load {site.module};"
            " aws-role-exec() { printf '<''<[%s]>>' \"$*\"; }; PS1='REA''DY '"
        )
        shell = [needs("bash"), "--norc", "--noprofile", "-i"]
        assert type_into(shell, setup, "aws-role-exec --uns", site.modules.env) == "--unset"

    def test_completion_in_fish(self, needs: Callable[[str], str], site: EasyBuild) -> None:
        """In one that is started from the shell with the module; the system's is there too."""
        done = site.modules(
            f"module load {site.module}\n{needs('fish')} -c \"complete -C 'aws-role-exec --uns'\"\n"
            'echo "$XDG_DATA_DIRS"'
        )
        offered, directories = done.stdout.splitlines()
        assert offered.split("\t")[0] == "--unset", done.stderr
        assert directories == f"{site.root}/share:/usr/local/share:/usr/share"

    def test_licence(self, site: EasyBuild) -> None:
        assert "Apache License" in (site.root / "LICENSE").read_text()
        assert "Files: cpython" in (site.root / "NOTICE").read_text()


class TestTheEasyconfig:
    def test_a_changed_archive_is_refused(self, fresh: EasyBuild) -> None:
        """Nothing of it is installed."""
        (archive,) = fresh.sources.glob("*_amd64.tar.gz")
        data = bytearray(archive.read_bytes())
        data[len(data) // 2] ^= 1
        archive.unlink()  # a link to the release's
        archive.write_bytes(data)
        done = fresh()
        assert done.returncode != 0
        assert re.search(r"Checksum verification for \S+ .*failed", done.stdout, re.S), done.stdout
        assert not (fresh.root / "bin").exists()
        assert not [path for path in (fresh.prefix / "modules").rglob("*") if path.is_file()]

    @pytest.mark.parametrize(
        ("machine", "kind"), [("x86_64", 0x3E), ("aarch64", 0xB7), ("ppc64le", None)]
    )
    def test_each_machine_gets_its_archive(
        self, fresh: EasyBuild, tmp_path: Path, machine: str, kind: int | None
    ) -> None:
        """Checked and unpacked; where there is none, EasyBuild stops and names the machine."""
        believe = tmp_path / "believe"
        believe.mkdir()
        (believe / "sitecustomize.py").write_text(ANOTHER_MACHINE.format(machine))
        done = fresh("--stop=extract", PYTHONPATH=str(believe))
        if kind is None:
            assert done.returncode != 0
            assert machine in done.stdout
            assert not fresh.root.exists()
        else:
            assert done.returncode == 0, done.stdout
            (executable,) = fresh.prefix.glob("build/*/*/*/aws-role-exec")
            assert executable.read_bytes()[18] == kind  # e_machine, as elf(5) has it

    def test_it_is_fit_to_be_contributed(self, fresh: EasyBuild) -> None:
        """Style and checksums, as EasyBuild's maintainers ask for."""
        done = fresh("--check-contrib")
        assert done.returncode == 0, done.stdout
        assert "All contribution checks PASSed" in done.stdout
