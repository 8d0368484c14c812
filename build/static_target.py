# mypy: disable-error-code="import-untyped,misc,attr-defined"
"""A PyInstaller target that links a program, its modules and Python into one static file.

PyInstaller's own one-file executables unpack themselves into a temporary directory and keep a
parent process waiting. This program is replaced by the command it runs (execve), often where
nothing can be written, so both are out. Instead each module is compiled to bytecode as always
and becomes an entry of the interpreter's table of frozen modules, an array in the executable:
importing one opens no file.
"""

import __future__

import _imp
import ast
import base64
import marshal
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import botocore_data
from PyInstaller.building.datastruct import Target
from PyInstaller.depend import bindepend

#: A module that asks for its `__file__` is told a place where no file can be.
NOWHERE = "/dev/null/"

#: Codecs worth their place. PyInstaller takes all of them, to be on the safe side.
CODECS = (
    "aliases ascii charmap idna latin_1 punycode raw_unicode_escape unicode_escape utf_8 utf_8_sig"
)


def use_static_python(python: str) -> None:
    """Tell PyInstaller, which looks for a shared libpython, that there is only this archive."""
    archive = os.path.join(python, "lib", "libpython3.a")
    bindepend.get_python_library_path = lambda: archive


class StaticExecutable(Target):
    """The executable; a spec makes it from its Analysis."""

    def __init__(
        self,
        analysis: Any,
        *,
        name: str,
        program: str,
        overrides: str,
        replacements: str,
        compiled: dict[str, tuple[bytes, bool]],
        additions: list[str],
        launcher: str,
        commit: str,
        machine: str,
        python: str,
        libraries: str,
    ) -> None:
        """Build it.

        `program` is the package of ours, `compiled` is filled with the bytecode of the Analysis
        for all that are built, and `additions` are files of modules that this one needs besides.
        """
        from PyInstaller.config import CONF  # filled in by PyInstaller's start

        super().__init__()
        self.analysis = analysis
        self.program = program
        self.commit = commit
        self.overrides = Path(overrides)
        self.replacements = Path(replacements)
        self.compiled = compiled
        self.additions = [Path(file) for file in additions]
        self.launcher = launcher
        self.machine = machine
        self.python = Path(python)
        self.libraries = Path(libraries)
        self.work = Path(CONF["workpath"])
        self.executable = Path(CONF["distpath"]) / name
        self.__postinit__()

    def assemble(self) -> None:
        """Compile every module, write the table, link."""
        strays = [name for name, _, kind in self.analysis.binaries if kind == "EXTENSION"]
        if strays:
            raise SystemExit(f"cannot be linked in: extension modules {strays}")
        if not self.compiled:
            self.compiled.update(self.modules())
        modules = {**self.compiled, **dict(self.added())}
        self.write_table(modules)
        self.link()
        size = self.executable.stat().st_size
        print(f"{self.executable}: {len(modules)} modules, {size / 1e6:.1f} MB")

    def modules(self) -> Any:
        """Yield (name, (bytecode, is it a package)) of everything that is frozen."""
        data = Path()
        # The Analysis's own list lacks what PyInstaller would put into base_library.zip.
        for name, path, _ in sorted(self.analysis.graph.make_pure_toc()):
            if left_out(name):
                continue
            if path in (None, "-"):
                raise SystemExit(f"cannot be frozen: namespace package {name}")
            if name == "botocore":
                data = Path(path).parent
            package = os.path.basename(path) == "__init__.py"
            yield name, (self.bytecode(name, Path(path).read_text("utf-8"), package), package)
        entry = Path(self.analysis.scripts[-1][1])
        yield "__main__", (self.bytecode("__main__", entry.read_text("utf-8"), False), False)
        for name, source in frozen_data(data):
            package = name == "frozen_data"
            yield name, (self.bytecode(name, source, package), package)

    def added(self) -> Any:
        """Yield the same of the modules that are for this machine alone."""
        for file in self.additions:
            yield file.stem, (self.bytecode(file.stem, file.read_text("utf-8"), False), False)

    def bytecode(self, name: str, source: str, package: bool) -> bytes:
        """Compile a module: replaced if `replacements/` has one, plus what `overrides/` adds."""
        replacement = self.replacements / f"{name}.py"
        if replacement.exists():
            source = replacement.read_text("utf-8")
        if name == self.program:
            source += f"\n__commit__ = {self.commit!r}\n"
        override = self.overrides / f"{name}.py"
        if override.exists():
            source += "\n" + override.read_text("utf-8")
        top = name.partition(".")[0]
        filename = name.replace(".", "/") + ("/__init__.py" if package else ".py")
        tree = ast.parse(source)
        self.check_imports(name, tree)
        if name == "encodings.aliases":
            leave_out_aliases(tree)
        if top == "botocore" and re.search(r"\b__file__\b", source):
            tell_file(tree, NOWHERE + filename)
        flags = 0
        if top == self.program:  # others may look at their annotations
            tree = ast.fix_missing_locations(WithoutTypes().visit(tree))
            flags = __future__.annotations.compiler_flag
        # Docstrings and assertions go, as under `python -OO`.
        code = compile(tree, filename, "exec", flags, dont_inherit=True, optimize=2)
        return marshal.dumps(code)

    def check_imports(self, name: str, tree: ast.Module) -> None:
        """Refuse a module that could not be imported for want of one that the spec excludes."""
        for node in tree.body:  # what is imported under `if`, `try` or `def` can be done without
            wanted = []
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                wanted = [node.module]
            for module in wanted:
                if any(f"{module}.".startswith(f"{out}.") for out in self.analysis.excludes):
                    raise SystemExit(f"{name} cannot do without {module}, which is excluded")

    def write_table(self, modules: dict[str, tuple[bytes, bool]]) -> None:
        """Write the bytecode into one file, and the table that points into it as C.

        What is ours and what the interpreter starts with goes first in the table, which is searched
        from its top, and last in the file, next to the code of the interpreter: the rest, most of
        it botocore's, lies apart from all that a plain run reads from disk.
        """
        near = {self.program, "__main__", "encodings", *_imp._frozen_module_names()}
        blob = bytearray()
        rows = []
        for name in sorted(modules, key=lambda name: (name.partition(".")[0] in near, name)):
            code, package = modules[name]
            blob.extend(bytes(-len(blob) % 16))
            rows.append(f'    {{"{name}", code + {len(blob)}, {len(code)}, {int(package)}}},')
            blob.extend(code)
        rows.reverse()
        (self.work / "modules.bin").write_bytes(blob)
        (self.work / "modules.c").write_text(
            "#include <Python.h>\n"
            "static const unsigned char code[] = {\n"
            '#embed "modules.bin"\n'
            "};\n"
            "const struct _frozen aws_role_exec_modules[] = {\n"
            + "\n".join(rows)
            + "\n    {0, 0, 0, 0}\n};\n"
        )

    def link(self) -> None:
        """Link launcher, modules, Python and its libraries."""
        archives = sorted(str(path) for path in self.python.joinpath("lib").glob("*.a"))
        archives.sort(key=lambda path: not path.endswith("/libpython3.a"))  # before what it uses
        archives += [
            str(self.libraries / "lib" / f"lib{name}.a") for name in ("ssl", "crypto", "z")
        ]
        command = ["cc", "-O2", "-g0", "-std=gnu2x", "-Wall", "-Wextra", "-Wno-unused-parameter"]
        command += [f"-I{self.python / 'include'}", f"-I{self.work}"]
        command += [self.launcher, str(self.work / "modules.c")]
        command += [*archives, "-lm", *link_options(self.machine)]
        self.executable.parent.mkdir(parents=True, exist_ok=True)
        made = self.work / self.executable.name  # which a signature for macOS names
        environment = {**os.environ, "TARGET": self.machine}
        subprocess.run([*command, "-o", str(made)], check=True, cwd=self.work, env=environment)
        # Renamed into place, so that a running executable is replaced and never half written.
        beside = self.executable.with_name(f".{self.executable.name}.new")
        beside.write_bytes(made.read_bytes())
        beside.chmod(0o755)
        beside.rename(self.executable)


class WithoutTypes(ast.NodeTransformer):
    """Leaves out what only type checkers read, and each run would have to load.

    The fields of a class stay: records are made of them.
    """

    def visit_If(self, node: ast.If) -> Any:
        """Keep the other branch of `if TYPE_CHECKING`."""
        self.generic_visit(node)
        named = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if named else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        """Leave out what the compiler is told by a flag."""
        return None if node.module == "__future__" else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Take the annotations from a function."""
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> Any:
        """Take the annotation from an argument."""
        node.annotation = None
        return node


def link_options(machine: str) -> list[str]:
    """Return how to link small, the same every time, and against nothing if that is possible."""
    if "-apple-" in machine:  # there the system's own library is all that is dynamic
        return ["-s", "-Wl,-dead_strip", "-Wl,-stack_size,0x1000000"]
    return [
        "-static",
        "-s",
        "-Wl,--gc-sections",
        "-Wl,--build-id=none",
        # musl takes the size of a thread's stack from here; its default is too small for Python.
        "-Wl,-z,stack-size=8388608",
    ]


def left_out(name: str) -> bool:
    """Tell whether PyInstaller took this module for reasons that are not ours."""
    package, _, rest = name.partition(".")
    if name == "zipimport" or (package == "importlib" and rest.startswith("_bootstrap")):
        return True  # the interpreter starts with its own
    return package == "encodings" and rest != "" and rest not in CODECS.split()


def leave_out_aliases(tree: ast.Module) -> None:
    """Leave out other names of codecs that are not here: every run loads them."""
    (table,) = (node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    kept = [
        (name, codec)
        for name, codec in zip(table.keys, table.values, strict=True)
        if isinstance(codec, ast.Constant) and codec.value in CODECS.split()
    ]
    table.keys, table.values = [name for name, _ in kept], [codec for _, codec in kept]


def tell_file(tree: ast.Module, path: str) -> None:
    """Set `__file__` at the start of a module, behind its docstring and __future__ imports."""
    place = 0
    for place, node in enumerate(tree.body):  # noqa: B007
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (docstring or future):
            break
    tree.body[place:place] = ast.parse(f"__file__ = {path!r}").body
    ast.fix_missing_locations(tree)


def frozen_data(botocore: Path) -> Any:
    """Yield (name, source) of the modules that hold data: botocore's, a module for each file."""
    names = {}
    for number, (name, value) in enumerate(botocore_data.collect(botocore / "data").items()):
        names[name] = f"data{number}"
        # marshal.loads takes a fraction of the time that parsing JSON does. Format 2 has no
        # back references, which would depend on who else holds an object.
        yield f"frozen_data.data{number}", f"DATA = {marshal.dumps(value, 2)!r}"
    yield "frozen_data", f"MODULES = {names!r}"
    pem = (botocore / "cacert.pem").read_text("ascii")
    bodies = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", pem, re.S)
    der = b"".join(base64.b64decode(body) for body in bodies)
    yield "frozen_data.certificates", f"DER = {der!r}"
