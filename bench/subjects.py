"""What is measured, and how it is had: built or installed outside the checkout.

A peer that cannot be had is left out, and the page says why.
"""

import importlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stub
from cases import HOME, KEYS, PLAIN, ROLE, TRUE, Case, cases, write_home

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
REFERENCE = "/reference"
"""Behind a case's key: the reference doing the same."""

TRUST = {"AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}

EMPTY = r"""
import marshal, sys
import encodings, encodings.aliases, encodings.utf_8
names = {m: sys.modules[m].__file__ for m in ("encodings", "encodings.aliases", "encodings.utf_8")}
sources = {name: open(path).read() for name, path in names.items()} | {"__main__": ""}
print("#include <Python.h>")
rows = ""
for n, (name, source) in enumerate(sources.items()):
    code = marshal.dumps(compile(source, name, "exec", optimize=2))
    print(f"static const unsigned char code{n}[] = {{{','.join(map(str, code))}}};")
    rows += f'{{"{name}", code{n}, {len(code)}, {int(name == "encodings")}}},\n'
print("const struct _frozen aws_role_exec_modules[] = {", rows, "{0, 0, 0, 0}};")
"""


@dataclass
class Subject:
    """A program that is run and measured: of a case, of a peer, or a floor."""

    key: str
    title: str
    command: list[str]
    variables: dict[str, str] = field(default_factory=dict)
    calls: int = 1
    """How many calls a run makes, to STS and to SSO's portal, without GetCallerIdentity."""
    home: str = "plain"
    """Which of the home directories it has: a case's key, or `peers`."""
    status: int = 0
    files: list[str] = field(default_factory=list)
    """What is installed of it; empty if another subject says so."""
    writes: bool = False
    """Whether it writes a file that must not be there."""
    distant: bool = True
    """Whether it is run with a long way to STS, too."""

    @property
    def is_reference(self) -> bool:
        return self.key.endswith(REFERENCE)


def output(command: list[str], **options: object) -> str:
    """Run a command; raise with the last line of what it said if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(reason(done.stderr + done.stdout))
    return str(done.stdout)


def reason(told: str) -> str:
    """Return why a command failed, and not whom it asked: a status or the end of its last line."""
    if status := re.search(r"\b4\d\d (Forbidden|Not Found|Gone)\b", told):
        return f"the module proxy answers {status[0]}"
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[-1].rpartition(": ")[2] if lines else "it failed silently"


class Workshop:
    """Makes subjects, keeping them in a cache."""

    def __init__(self) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.root = cache / "aws-role-exec-bench"
        (self.root / "bin").mkdir(parents=True, exist_ok=True)

    def go_module(self, module: str, version: str, package: str = ".") -> str:
        """Build a Go program from the module proxy, with the dependencies that it pins itself."""
        name = module.removesuffix("/v7").rpartition("/")[2]
        program = self.root / "bin" / f"{name}-{version}"
        if not program.exists():
            with tempfile.TemporaryDirectory() as empty:
                told = output(["go", "mod", "download", "-json", f"{module}@{version}"], cwd=empty)
            place = next(line.split('"')[3] for line in told.splitlines() if '"Dir":' in line)
            self.go_build(place, program, package)
        return str(program)

    def go_build(self, place: str, program: Path, package: str = ".") -> None:
        """Build as releases are built."""
        options = ["-trimpath", "-ldflags=-s -w"]
        output(
            ["go", "build", *options, "-o", str(program), package],
            cwd=place,
            env={**os.environ, "CGO_ENABLED": "0"},
        )

    def venv(self, name: str, packages: list[str], *, again: bool = False) -> Path:
        """Return a virtual environment with these packages."""
        place = self.root / name
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        if again or not (place / "complete").exists():
            output([sys.executable, "-m", "venv", str(place)])
            output([*pip, "--disable-pip-version-check", *packages])
            if again:  # the same version may be another program
                output([*pip, "--force-reinstall", "--no-deps", *packages])
            (place / "complete").touch()
        return place

    def empty_program(self) -> str:
        """Link the launcher with a program of no line."""
        sys.path.insert(0, str(ROOT / "build"))
        build: Any = importlib.import_module("build")

        cache = build.Cache()
        target = "x86_64-linux-musl"
        zig = cache.wheels("zig")
        libraries = cache.libraries(zig, target)
        python = cache.cpython(zig, target, libraries, None)
        program = self.root / "bin" / "empty"
        with tempfile.TemporaryDirectory() as work:
            interpreter = python / "python" / "bin" / "python3"
            table = Path(work) / "modules.c"
            table.write_text(output([str(interpreter), "-I", "-S", "-c", EMPTY]))
            environment = build.clean_environment(zig, target) | {"TREE": work}
            archives = sorted(map(str, (python / "lib").glob("*.a")))
            archives.sort(key=lambda path: not path.endswith("/libpython3.a"))
            archives += [str(libraries / "lib" / f"lib{n}.a") for n in ("ssl", "crypto", "z")]
            command = ["cc", "-O2", "-g0", "-std=gnu2x", f"-I{python / 'include'}"]
            command += [str(ROOT / "build" / "launcher.c"), str(table), *archives, "-lm"]
            command += ["-static", "-s", "-Wl,--gc-sections", "-Wl,--build-id=none"]
            command += ["-Wl,-z,stack-size=8388608"]
            output([*command, "-o", str(program)], cwd=work, env=environment)
        return str(program)


def site_packages(place: Path) -> list[str]:
    """List what pip has installed there, without pip."""
    (site,) = (place / "lib").glob("python*/site-packages")
    return [str(entry) for entry in site.iterdir() if not entry.name.startswith("pip")]


Form = Callable[[Case], list[str] | None]
"""The command line with which a reference does what a case does, None if it cannot."""


def original(program: str) -> Form:
    """Return how the Go original is called."""

    def form(case: Case) -> list[str] | None:
        if case.reference is None:
            return None
        if case.alone is not None:
            return [program, *case.reference]
        command = [program, "--role-arn", case.role, "--session-name", "bench", *case.reference]
        if case.twice:
            return [*command, "--", program, "--role-arn", f"{ROLE}-two", *case.then]
        return [*command, *case.then]

    return form


def stand_in(program: str) -> Form:
    """Return how the stand-in is called, which has no options."""

    def form(case: Case) -> list[str] | None:
        if case.reference != () or case.then != TRUE:
            return None
        again = [program, f"{ROLE}-two"] if case.twice else []
        return [program, case.role, *again, "/bin/true"]

    return form


def of_cases(program: str, reference: Form) -> list[Subject]:
    """Return ours and the reference for every case."""
    found = []
    for case in cases():
        then = ["--role-arn", case.role, "--session-name", "bench", *case.options, *case.then]
        common: dict[str, Any] = {
            "calls": case.calls,
            "home": case.key,
            "writes": "--output" in case.then,
            "distant": case.distant and case.calls > 0,
            "variables": case.variables,
        }
        ours = [program, *(then if case.alone is None else case.alone)]
        found.append(Subject(case.key, case.title, ours, status=case.status, **common))
        if (theirs := reference(case)) is not None:
            key, title = case.key + REFERENCE, f"reference: {case.title}"
            found.append(Subject(key, title, theirs, status=case.reference_status, **common))
    return found


@dataclass
class Wanted:
    """What is asked for on the command line."""

    program: str
    original: str | None
    few: bool
    peers: bool


def collect(wanted: Wanted) -> tuple[list[Subject], dict[str, str]]:
    """Return the subjects, and of those that cannot be had the reason."""
    workshop = Workshop()
    absent: dict[str, str] = {}
    program = wanted.program
    subjects = [Subject("true", "`/bin/true`", ["/bin/true"], calls=0)]
    if wanted.few:
        few = of_cases(program, lambda case: None)
        return subjects + [one for one in few if one.key == "plain"], absent

    if wanted.original:
        reference = original(wanted.original)
        size_of = wanted.original
    else:
        size_of = str(workshop.root / "bin" / "reference")
        workshop.go_build(str(HERE / "reference"), Path(size_of))
        reference = stand_in(size_of)
    subjects += of_cases(program, reference)
    for one in subjects:
        if one.key in ("plain", "plain" + REFERENCE):
            one.files = [one.command[0]]
    clear = PLAIN | {"AWS_ENDPOINT_URL_STS": "http://{}:{}".format(*stub.IN_THE_CLEAR)}
    then = ["--role-arn", ROLE, "--session-name", "bench", *TRUE]
    subjects.append(
        Subject("clear", "aws-role-exec without TLS", [program, *then], clear, distant=False)
    )

    def attempt(name: str, make: Callable[[], Subject]) -> None:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        try:
            subjects.append(make())
        except (RuntimeError, OSError, StopIteration) as error:
            absent[name] = getattr(error, "strerror", None) or str(error) or "no answer"

    def empty() -> Subject:
        return Subject(
            "empty", "empty program in our launcher", [workshop.empty_program()], calls=0
        )

    def pip() -> Subject:
        place = workshop.venv("ours", [str(ROOT)], again=True)
        command = [str(place / "bin" / "aws-role-exec"), *then]
        return Subject(
            "pip", "aws-role-exec, installed by pip", command, PLAIN, files=site_packages(place)
        )

    def vault() -> Subject:
        program = workshop.go_module("github.com/99designs/aws-vault/v7", "v7.2.0")
        command = [program, "exec", "--no-session", "target", "--", "/bin/true"]
        variables = {"AWS_VAULT_BACKEND": "file", "AWS_VAULT_FILE_PASSPHRASE": "dummy"}
        return Subject(
            "vault", "aws-vault 7.2.0", command, variables, home="peers", files=[program]
        )

    cli = ["sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "bench"]

    def cli1() -> Subject:
        place = workshop.venv("awscli", ["awscli"])
        program = str(place / "bin" / "aws")
        version = output([program, "--version"]).split()[0].partition("/")[2]
        title = f"AWS CLI {version} (pip)"
        return Subject("cli1", title, [program, *cli], PLAIN | TRUST, files=site_packages(place))

    def cli2() -> Subject:
        if not os.path.exists("/usr/bin/aws"):
            output([str(ROOT / "tests" / "provision.sh"), "awscli"])
        version = output(["/usr/bin/aws", "--version"]).split()[0].partition("/")[2]
        listed = output(["dpkg", "-L", "awscli"]).splitlines()
        files = [name for name in listed if os.path.isfile(name)]
        title = f"AWS CLI {version} (Debian)"
        return Subject("cli2", title, ["/usr/bin/aws", *cli], PLAIN | TRUST, files=files)

    def awsume() -> Subject:
        place = workshop.venv("awsume", ["awsume", "setuptools<81"])
        command = [str(place / "bin" / "awsumepy"), "target"]
        files = site_packages(place)
        return Subject("awsume", "awsume (pip)", command, TRUST, home="peers", files=files)

    attempt("empty program", empty)
    if wanted.peers:
        attempt("aws-role-exec by pip", pip)
        attempt("aws-vault", vault)
        attempt("AWS CLI v1", cli1)
        attempt("AWS CLI v2", cli2)
        attempt("awsume", awsume)
    return subjects, absent


def write_homes(place: Path, subjects: list[Subject]) -> None:
    """Write what the cases and the peers are configured with, and store a key with aws-vault."""
    for case in cases():
        write_home(place / case.key, case.files)
    peers = {
        ".aws/config": "[profile base]\nregion = us-east-1\n[profile target]\nregion = us-east-1\n"
        f"role_arn = {ROLE}\nrole_session_name = bench\nsource_profile = base\n",
        ".aws/credentials": f"[base]\naws_access_key_id = {KEYS['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {KEYS['AWS_SECRET_ACCESS_KEY']}\n",
    }
    home = place / "peers"
    write_home(home, peers)
    for subject in subjects:
        if subject.key == "vault":
            environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", **subject.variables, **KEYS}
            output([subject.command[0], "add", "--env", "base"], env=environment)


def put_home(text: str, home: Path) -> str:
    """Return an argument or a variable with the home directory in its place."""
    return text.replace(HOME, str(home))


def sizes(files: list[str]) -> tuple[int, int]:
    """Return how many bytes these files and directories take, on disk and as .tar.gz."""
    on_disk = 0
    for name in files:
        for path in [Path(name), *Path(name).rglob("*")]:
            if path.is_file() and not path.is_symlink():
                on_disk += path.stat().st_size

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if member.name.endswith(".pyc") else member

    with tempfile.NamedTemporaryFile() as archive:
        with tarfile.open(archive.name, "w:gz", compresslevel=6) as tar:
            for name in files:
                tar.add(name, filter=wanted)
        return on_disk, os.stat(archive.name).st_size


def compiler() -> str:
    """Return a C compiler's name."""
    found = shutil.which("cc") or shutil.which("gcc")
    if found is None:
        sys.exit("bench: a C compiler is needed: install gcc")
    return found
