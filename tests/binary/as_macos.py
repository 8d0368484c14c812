"""Runs the modules that are frozen into an executable for macOS, as that has them, on Linux.

`python -I -S as_macos.py MODULES ARGUMENTS...`, by the build's own Python: it is of the very same
version, with the same modules built in. MODULES has names and bytecode, as test_macos.py read them
out of the executable. They find `sys.platform` to be darwin, and what only Linux has is gone; so
each branch that they and the standard library take is the one for macOS. What the interpreter
and libSystem do there is not seen by this.
"""

import _socket
import marshal
import os
import posix
import select
import signal
import sys
from importlib.abc import Loader
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

#: Of Linux alone, among what these modules have on both.
LINUX = {
    os: (
        "O_TMPFILE",
        "O_PATH",
        "pidfd_open",
        "getxattr",
        "listxattr",
        "setxattr",
        "pipe2",
        "getrandom",
    ),
    posix: ("getrandom", "pipe2", "memfd_create", "eventfd"),
    select: ("epoll",),
    signal: ("SIGRTMIN", "SIGRTMAX", "sigtimedwait", "sigwaitinfo"),
    _socket: ("SOCK_CLOEXEC", "SOCK_NONBLOCK", "AF_NETLINK", "AF_PACKET"),
}


class Frozen(Loader):
    """Finds and loads what the executable has, and nothing else."""

    def __init__(self, modules: dict[str, tuple[bytes, bool]]) -> None:
        self.modules = modules

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name not in self.modules:
            return None
        return spec_from_loader(name, self, origin="frozen", is_package=self.modules[name][1])

    def exec_module(self, module: ModuleType) -> None:
        exec(marshal.loads(self.modules[module.__name__][0]), module.__dict__)


class BuiltIn(BuiltinImporter):
    """Finds what is built into the executable."""

    names: frozenset[str]

    @classmethod
    def find_spec(cls, name: str, *arguments: object) -> ModuleSpec | None:
        return super().find_spec(name) if name in cls.names else None


def main() -> None:
    modules, BuiltIn.names = marshal.loads(Path(sys.argv[1]).read_bytes())
    for module, names in LINUX.items():
        for name in names:
            module.__dict__.pop(name, None)
    sys.platform = "darwin"
    sys.frozen = True  # type: ignore[attr-defined]
    sys.meta_path[:] = [BuiltIn, FrozenImporter, Frozen(modules)]
    sys.path_hooks.clear()
    in_start = set(sys.builtin_module_names) | {"__main__"}
    for name in set(sys.modules).difference(in_start):  # once more, from the executable
        if name in modules:
            del sys.modules[name]
    sys.argv[:2] = ["aws-role-exec"]
    exec(marshal.loads(modules["__main__"][0]), {"__name__": "__main__"})


main()
