"""A stand-in for Spack: the little of its package interface that our recipe uses.

Spack is in no package index and no distribution, so what is here was written after its manual
(Packaging Guide; Package API 2.0). It takes directives, and refuses what those do not take; it
fetches, unpacks, installs and tests as far as a recipe sees of that. It does not concretize, and
a name it lacks is a NameError in the recipe, as in Spack a name that its interface lacks.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

#: What the directives of the class that is being made were given.
directives: dict[str, list[Any]] = {}


def version(name: str, *, sha256: str, url: str) -> None:
    """A version is its archive: where it is to be had, and its sum."""
    assert re.fullmatch(r"[0-9a-f]{64}", sha256), sha256
    assert url.startswith("https://")
    directives.setdefault("version", []).append({"name": name, "sha256": sha256, "url": url})


def license(identifier: str) -> None:  # noqa: A001 # Spack's name for it
    """An SPDX expression."""
    directives.setdefault("license", []).append(identifier)


def maintainers(*names: str) -> None:
    """Accounts on GitHub."""
    directives.setdefault("maintainers", []).extend(names)


def requires(*specs: str, msg: str = "") -> None:
    """What a spec must satisfy; else `msg` is the reason."""
    assert msg
    directives.setdefault("requires", []).extend(specs)


class Prefix(str):
    """A directory whose attributes are the paths below it."""

    def __getattr__(self, name: str) -> "Prefix":
        """The path below of that name."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Prefix(f"{self}/{name}")

    def join(self, name: str) -> "Prefix":  # type: ignore[override] # as in Spack
        """The path below of a name that is no identifier."""
        return Prefix(f"{self}/{name}")


def install_tree(source: str, destination: str) -> None:
    """Copy a directory's content, links as links."""
    shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True)


class Executable:
    """A program; calling it runs it, and fails if that does."""

    def __init__(self, path: str) -> None:
        """`path` is where it lies."""
        self.path = path

    def __call__(self, *arguments: str, output: object, error: object) -> str:
        """Run it; returns what it printed when both channels are wanted as text."""
        assert (output, error) == (str.split, str.split)
        done = subprocess.run([self.path, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


def which(path: str) -> Executable | None:
    """The program, if there is one that can be run."""
    found = shutil.which(path)
    return Executable(found) if found else None


class Version(str):
    """A version."""

    def up_to(self, index: int) -> "Version":
        """Its first parts."""
        parts = re.findall(r"[.-]?[A-Za-z0-9]+", self)
        return Version("".join(parts[:index]))


class Spec:
    """What is installed."""

    def __init__(self, version: str) -> None:
        """Only its version is known."""
        self.version = Version(version)


class Package:
    """The base class of packages that are installed by no build system."""

    sanity_check_is_file: tuple[str, ...] = ()

    def __init__(self, spec: Spec, prefix: Prefix) -> None:
        """To be installed there."""
        self.spec, self.prefix = spec, prefix


def modules() -> dict[str, ModuleType]:
    """What a recipe imports, for sys.modules."""
    package, generic = ModuleType("spack.package"), ModuleType("generic")
    names = ["install_tree", "license", "maintainers", "requires", "version", "which"]
    here = sys.modules[__name__]
    for name in names:
        setattr(package, name, getattr(here, name))
    generic.Package = Package  # type: ignore[attr-defined]
    builtin = "spack_repo.builtin.build_systems"
    made = {"spack.package": package, f"{builtin}.generic": generic}
    for name in ("spack", "spack_repo", "spack_repo.builtin", builtin):
        made[name] = ModuleType(name)
        made[name].__path__ = []
    return made


def read(recipe: Path) -> type[Any]:
    """Execute a recipe; returns its class, and leaves in `directives` what it declared."""
    directives.clear()
    names: dict[str, Any] = {}
    exec(compile(recipe.read_text(), recipe, "exec"), names)
    # Spack finds the class by the name of the directory, which it turns to CamelCase.
    found: type[Any] = names[recipe.parent.name.title().replace("_", "")]
    return found
