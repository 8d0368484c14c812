"""The module files in Environment Modules and in Lmod, the real ones of Debian, on a release
archive that was unpacked as docs/modules.md says."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.sandbox import EXAMPLES, Ran, Sandbox
from outputs.test_completion import type_into
from servers.sts import Sts

from .conftest import ROOT
from .modules import SHELL_PATH, SHELLS, TOOLS, Modules
from .modules import modules as ready

GENERATE = ROOT / "packaging/modulefiles/generate.py"
VERSIONS = ("1.0.0", "1.1.0")
MISSING = "2.0.0"


@pytest.fixture(scope="session")
def site(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions as a site installs them, and a third that is not there on this host."""
    place = tmp_path_factory.mktemp("site")
    for version in (*VERSIONS, MISSING):
        root = place / "apps" / version
        subprocess.run([sys.executable, GENERATE, version, root, place], check=True)
        if version != MISSING:
            root.mkdir(parents=True)
            archive = dist / "aws-role-exec_linux_amd64.tar.gz"
            subprocess.run(["tar", "-xzf", archive, "-C", root], check=True)
    return place


@pytest.fixture(params=list(TOOLS))
def modules(
    request: pytest.FixtureRequest, module_tools: Path, site: Path, tmp_path: Path
) -> Modules:
    return ready(request.param, module_tools, site / request.param, tmp_path)


class TestEveryShell:
    @pytest.mark.parametrize("shell", SHELLS)
    def test_load_and_unload(
        self, needs: Callable[[str], str], modules: Modules, site: Path, shell: str
    ) -> None:
        """The program runs, the manual page is found; then all is as it was before."""
        needs(SHELLS[shell][0].split()[0])
        done = modules(
            "module load aws-role-exec/1.0.0\n"
            "aws-role-exec --version\n"
            "man -w aws-role-exec\n"
            "module unload aws-role-exec\n"
            'echo "$PATH"\n'
            "env",
            shell,
        )
        version, page, path, *environment = done.stdout.splitlines()
        assert version.startswith("aws-role-exec "), done.stderr
        assert page == f"{site}/apps/1.0.0/share/man/man1/aws-role-exec.1"
        assert path == SHELL_PATH
        assert done.stderr == ""
        assert not [line for line in environment if line.startswith("MANPATH=")]
        assert str(site / "apps") not in "\n".join(environment)

    @pytest.mark.parametrize("shell", SHELLS)
    def test_it_sets_nothing_else(self, modules: Modules, site: Path, shell: str) -> None:
        """Nothing of an identity, and neither XDG_DATA_DIRS nor FPATH, which would hide the
        system's own completions. What the tools keep for themselves is theirs."""
        done = modules("module load aws-role-exec/1.0.0\nenv", shell)
        names = {line.split("=")[0] for line in done.stdout.splitlines() if str(site) in line}
        ours = {name for name in names if "LM" not in name and not name.startswith("__MODULES")}
        assert ours - {"HOME", "MODULEPATH", "_"} == {"PATH", "MANPATH"}, done.stderr
        assert "\nAWS_" not in done.stdout


class TestModuleCommands:
    def test_swap(self, modules: Modules, site: Path) -> None:
        done = modules(
            "module load aws-role-exec/1.0.0; module swap aws-role-exec aws-role-exec/1.1.0;"
            ' command -v aws-role-exec; echo "$PATH"; aws-role-exec --version'
        )
        command, path, version = done.stdout.splitlines()
        assert command == f"{site}/apps/1.1.0/bin/aws-role-exec", done.stderr
        assert path == f"{site}/apps/1.1.0/bin:{SHELL_PATH}"
        assert version.startswith("aws-role-exec ")

    def test_loading_it_twice_is_loading_it_once(self, modules: Modules, site: Path) -> None:
        done = modules(
            "module load aws-role-exec/1.0.0; module load aws-role-exec/1.0.0; echo $PATH;"
            ' echo "$MANPATH"; module unload aws-role-exec; echo "$PATH"'
        )
        path, manpath, after = done.stdout.splitlines()
        assert path == f"{site}/apps/1.0.0/bin:{SHELL_PATH}", done.stderr
        assert manpath.rstrip(":") == f"{site}/apps/1.0.0/share/man"
        assert after == SHELL_PATH

    def test_purge(self, modules: Modules) -> None:
        done = modules(
            'module load aws-role-exec/1.0.0; module purge; echo "$PATH"; echo "<$MANPATH>"'
        )
        assert done.stdout.splitlines() == [SHELL_PATH, "<>"], done.stderr

    def test_is_loaded(self, modules: Modules) -> None:
        """By its exit status, as scripts ask."""
        done = modules(
            "module is-loaded aws-role-exec || echo no; module load aws-role-exec/1.0.0;"
            " module is-loaded aws-role-exec && echo yes; module list"
        )
        assert done.stdout.split()[:2] == ["no", "yes"], done.stderr
        assert "aws-role-exec/1.0.0" in done.stderr

    def test_without_a_version_it_is_the_newest(self, modules: Modules) -> None:
        """Even if that one is not on this host: a site takes its module file away then."""
        done = modules("module load aws-role-exec; aws-role-exec --version || echo none")
        assert f"/apps/{MISSING} is not on this host" in " ".join(done.stderr.split())
        assert done.stdout == "none\n"

    def test_whatis_and_help(self, modules: Modules) -> None:
        """Both tools tell it on stderr or stdout, as they like."""
        told = modules("module whatis aws-role-exec/1.0.0; module help aws-role-exec/1.0.0")
        text = told.stdout + told.stderr
        assert "Assume an AWS IAM role" in text
        assert "Version: 1.0.0" in text
        assert "--role-arn ARN" in text

    @pytest.mark.parametrize("ask", ["avail", "spider aws-role-exec", "keyword credentials"])
    def test_it_can_be_found(self, modules: Modules, ask: str) -> None:
        """`spider` is Lmod's word; Environment Modules has `avail` for it."""
        if modules.command.suffix == ".tcl":
            ask = ask.replace("spider", "avail")
        told = modules(f"module {ask}")
        assert "aws-role-exec/1.1.0" in " ".join((told.stdout + told.stderr).split())

    def test_the_systems_manual_pages_stay(self, modules: Modules, site: Path) -> None:
        """`man ls` goes on to work."""
        done = modules(
            "before=$(manpath -q); module load aws-role-exec/1.0.0; after=$(manpath -q);"
            ' echo "$before"; echo "$after"'
        )
        before, after = (line.split(":") for line in done.stdout.splitlines())
        assert "/usr/share/man" in before
        assert {*filter(None, after)} == {*before, f"{site}/apps/1.0.0/share/man"}, done.stderr

    def test_a_version_that_is_not_on_this_host(self, modules: Modules) -> None:
        """Says where it should be, fails, and changes nothing."""
        done = modules(f'module load aws-role-exec/{MISSING} || echo failed; echo "$PATH"')
        assert f"/apps/{MISSING} is not on this host" in " ".join(done.stderr.split())
        assert done.stdout.splitlines() == ["failed", SHELL_PATH]


LOAD = "module load aws-role-exec/1.0.0"
UNLOAD = "module unload aws-role-exec"
SWAP = "module swap aws-role-exec aws-role-exec/1.1.0"


class TestCompletion:
    @pytest.mark.parametrize(
        ("commands", "becomes"),
        [
            ([], "--uns"),
            ([LOAD], "--unset"),
            ([LOAD, SWAP], "--unset"),
            ([LOAD, LOAD], "--unset"),
            ([LOAD, UNLOAD], "--uns"),
            ([LOAD, UNLOAD, LOAD], "--unset"),
        ],
        ids=["before", "load", "swap", "twice", "unload", "again"],
    )
    @pytest.mark.parametrize("shell", ["bash", "zsh"])
    def test_at_the_prompt(
        self, needs: Callable[[str], str], modules: Modules, shell: str, commands: list[str],
        becomes: str,
    ) -> None:  # fmt: skip
        """Tab completes an option while the module is loaded, on a terminal."""
        argv = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[shell]
        prepare = "autoload -Uz compinit; compinit -u -D; " if shell == "zsh" else ""
        # The name runs a function that shows its arguments; completion asks the program itself.
        # Quotes keep the echo of this line from looking like what it prints.
        setup = (
            f"{prepare}{modules.setup(shell)}; {'; '.join([*commands, ':'])};"
            " aws-role-exec() { printf '<''<[%s]>>' \"$*\"; }; PS1='REA''DY '"
        )
        typed = "aws-role-exec --uns"
        assert type_into([needs(shell), *argv], setup, typed, modules.env) == becomes

    def test_zsh_finds_it_if_it_looks_later(
        self, needs: Callable[[str], str], modules: Modules
    ) -> None:
        """`module load` in a .zshrc, before compinit."""
        setup = (
            f"{modules.setup('zsh')}; {LOAD}; autoload -Uz compinit; compinit -u -D;"
            " aws-role-exec() { printf '<''<[%s]>>' \"$*\"; }; PS1='REA''DY '"
        )
        typed = "aws-role-exec --uns"
        assert type_into([needs("zsh"), "-f", "-i"], setup, typed, modules.env) == "--unset"

    @pytest.mark.parametrize("shell", ["bash", "zsh"])
    def test_the_shell_is_as_it_was_after_unload(
        self, needs: Callable[[str], str], modules: Modules, shell: str
    ) -> None:
        """No function, no completion, no directory to look for functions in."""
        needs(shell)
        look = {
            "bash": "declare -F; complete -p",
            "zsh": 'print -l ${(ok)functions}; echo "$fpath"; echo "${(kv)_comps}"',
        }[shell]
        before = "autoload -Uz compinit; compinit -u -D" if shell == "zsh" else ":"
        done = modules(
            f"{before}\nnow() {{ {look}; }}\na=$(now)\n{LOAD}\nb=$(now)\n{UNLOAD}\nc=$(now)\n"
            '[ "$a" = "$b" ] && echo nothing was loaded\n[ "$a" = "$c" ] || echo "$a" - "$c"',
            shell,
        )
        assert (done.stdout, done.stderr) == ("", "")

    def test_fish(self, needs: Callable[[str], str], modules: Modules) -> None:
        """While it is loaded, and no longer."""
        needs("fish")
        ask = "complete -C 'aws-role-exec --uns' | string match --entire -- --unset; echo -"
        left = "functions --query _aws_role_exec_completion; and echo left; complete aws-role-exec"
        done = modules("\n".join([ask, LOAD, ask, SWAP, ask, UNLOAD, ask, left]), "fish")
        said = [line.split("\t")[0] for line in done.stdout.splitlines()]
        assert said == ["-", "--unset", "-", "--unset", "-", "-"], done.stderr

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_a_script_that_stops_at_errors_goes_on(
        self, needs: Callable[[str], str], modules: Modules, shell: str
    ) -> None:
        """Under `set -eu`, where nothing completes anything."""
        needs(shell)
        strict = "" if shell == "fish" else "set -eu\n"
        done = modules(f"{strict}{LOAD}\n{UNLOAD}\necho on", shell)
        assert (done.stdout, done.stderr) == ("on\n", "")


class TestJob:
    """examples/slurm/module.sh, in a shell that has `module` as a cluster's has it."""

    def run(self, sandbox: Sandbox, modules: Modules, modulepath: Path) -> Ran:
        startup = sandbox.home / "startup.sh"
        startup.write_text(modules.setup("bash") + "\n")
        (sandbox.bin / "aws-role-exec").unlink()  # the module's alone is left
        return sandbox.run(
            *("bash", EXAMPLES / "slurm/module.sh"),
            env={"BASH_ENV": str(startup), "MODULEPATH": str(modulepath), "SLURM_JOB_ID": "4711"},
        )

    @pytest.fixture
    def sandbox(self, tmp_path: Path, program: list[str], sts: Sts) -> Sandbox:
        return Sandbox(tmp_path / "sandbox", program, sts)

    def test_it_runs_under_its_role(
        self, sandbox: Sandbox, modules: Modules, tmp_path: Path
    ) -> None:
        """The executable of the release, found by the module, becomes the job's program."""
        (tmp_path / "modulepath/aws-role-exec").mkdir(parents=True)
        for file in Path(modules.env["MODULEPATH"]).glob("aws-role-exec/1.0.0*"):
            shutil.copy(file, tmp_path / "modulepath/aws-role-exec")
        ran = self.run(sandbox, modules, tmp_path / "modulepath").ok()
        (call,) = ran.calls
        assert (call.words, call.role) == ("train.py", "hpc-ml-training/slurm-4711")
        assert call.pid == ran.pid, "a process was left in front of the program"

    def test_without_the_program_it_stops(self, sandbox: Sandbox, modules: Modules) -> None:
        """The newest version is not on this host: nothing runs under the node's identity."""
        ran = self.run(sandbox, modules, Path(modules.env["MODULEPATH"]))
        assert ran.code == 1, ran.output
        assert ran.calls == []


def test_installed_by_hand_as_the_page_says(
    needs: Callable[..., str], dist: Path, modules: Modules, tmp_path: Path
) -> None:
    """docs/modules.md, typed with this version; /opt is such a node's, for this test alone."""
    page = (ROOT / "docs/modules.md").read_text().split("## By hand")[1].split("```")[1]
    version = json.loads((dist / "metadata.json").read_text())["version"]
    curl = tmp_path / "bin/curl"
    curl.parent.mkdir()
    curl.write_text(f'#!/bin/sh\ncp "{dist}/${{2##*/}}" .\n')
    curl.chmod(0o755)
    subprocess.run(
        ["sh", "-euc", page.removeprefix("sh\n").replace("1.0.0", version)],
        env={**modules.env, "PATH": f"{curl.parent}:{SHELL_PATH}"},
        cwd=tmp_path,
        check=True,
    )
    script = tmp_path / "script"
    script.write_text(
        f"{modules.setup('bash')}\nmodule load aws-role-exec\ncommand -v aws-role-exec\n"
        "aws-role-exec --version\nman -w aws-role-exec\n"
    )
    bind = 'mount --bind "$0" /opt && exec bash "$1"'
    done = subprocess.run(
        [
            needs("unshare", "util-linux"),
            "--mount",
            "sh",
            "-c",
            bind,
            tmp_path / "root/opt",
            script,
        ],
        env={
            **modules.env,
            "MODULEPATH": f"/opt/modulefiles/{Path(modules.env['MODULEPATH']).name}",
        },
        capture_output=True,
        text=True,
    )
    root = f"/opt/aws-role-exec/{version}"
    command, told, page = done.stdout.splitlines()
    assert command == f"{root}/bin/aws-role-exec", done.stderr
    assert told.startswith("aws-role-exec ")
    assert page == f"{root}/share/man/man1/aws-role-exec.1"
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
def test_purge_in_a_script_that_inherits_the_module(
    needs: Callable[[str], str], modules: Modules, shell: str
) -> None:
    """As in jobs that were submitted with the module loaded: PATH comes along, functions do not."""
    needs(shell)
    strict = "" if shell == "fish" else "set -eu\n"
    strict += "complete -W words ls\n" if shell == "bash" else ""  # or bash would not mind
    inner = Path(modules.env["HOME"]) / "inner"
    inner.write_text(f'{strict}{modules.setup(shell)}\nmodule purge\necho "$PATH"\n')
    done = modules(f"{LOAD}\n{SHELLS[shell][0]} {inner}")
    assert (done.stdout, done.stderr) == (f"{SHELL_PATH}\n", "")


@pytest.mark.parametrize(
    ("version", "root"), [('1"', "/opt"), ("1.0", "opt"), ("1.0", "/opt/$x"), ("../1", "/opt")]
)
def test_strange_values_are_refused(tmp_path: Path, version: str, root: str) -> None:
    """Nothing that a module file would read as its own language."""
    words = [sys.executable, GENERATE, version, root, tmp_path]
    done = subprocess.run(words, capture_output=True)
    assert done.returncode == 1
    assert not any(tmp_path.iterdir())
