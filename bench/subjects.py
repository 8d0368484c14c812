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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROLE = "arn:aws:iam::123456789012:role/bench"
IMDS_PORT = 1338
TRUST = {"AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00", "AWS_SECRET_ACCESS_KEY": "dummy+secret"}
REGION = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}

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
    """One way to become a command under a role, or a floor."""

    key: str
    title: str
    command: list[str]
    variables: dict[str, str] = field(default_factory=dict)
    asks: bool = True
    """Whether a run asks STS for a role."""
    files: list[str] = field(default_factory=list)
    """What is installed of it; empty if another subject says so."""
    configured: bool = False
    """Whether it needs its configuration in HOME."""


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


def collect(few: bool) -> tuple[list[Subject], dict[str, str]]:
    """Return the subjects, and of those that cannot be had the reason."""
    workshop = Workshop()
    absent: dict[str, str] = {}
    binary = str(ROOT / "dist" / "linux_amd64" / "aws-role-exec")
    then = ["--role-arn", ROLE, "--session-name", "bench", "--", "/bin/true"]
    keys = KEYS | REGION
    subjects = [
        Subject("true", "`/bin/true`", ["/bin/true"], asks=False),
        Subject("plain", "aws-role-exec, plain case", [binary, *then], keys, files=[binary]),
    ]
    if few:
        return subjects, absent

    subjects += [
        Subject(
            "instance",
            "aws-role-exec, instance metadata",
            [binary, *then],
            REGION | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{IMDS_PORT}"},
        ),
        Subject(
            "other",
            "aws-role-exec, any other case (botocore)",
            [binary, *then],
            keys | {"AWS_USE_FIPS_ENDPOINT": "false"},
        ),
        Subject("version", "aws-role-exec --version", [binary, "--version"], asks=False),
    ]

    def attempt(name: str, make: object) -> None:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        try:
            subjects.append(make())  # type: ignore[operator]
        except (RuntimeError, OSError, StopIteration) as error:
            absent[name] = getattr(error, "strerror", None) or str(error) or "no answer"

    def empty() -> Subject:
        program = workshop.empty_program()
        return Subject("empty", "empty program in our launcher", [program], asks=False)

    def pip() -> Subject:
        place = workshop.venv("ours", [str(ROOT)], again=True)
        command = [str(place / "bin" / "aws-role-exec"), *then]
        return Subject(
            "pip", "aws-role-exec, installed by pip", command, keys, files=site_packages(place)
        )

    def original() -> Subject:
        program = workshop.go_module("github.com/scttfrdmn/aws-role-exec", "latest")
        command = [program, "-role-arn", ROLE, "-session-name", "bench", "--", "/bin/true"]
        return Subject("reference", "the Go original", command, keys, files=[program])

    def stand_in() -> Subject:
        program = workshop.root / "bin" / "reference"
        workshop.go_build(str(HERE / "reference"), program)
        command = [str(program), ROLE, "/bin/true"]
        return Subject("reference", "Go stand-in", command, keys, files=[str(program)])

    def vault() -> Subject:
        program = workshop.go_module("github.com/99designs/aws-vault/v7", "v7.2.0")
        command = [program, "exec", "--no-session", "target", "--", "/bin/true"]
        variables = {"AWS_VAULT_BACKEND": "file", "AWS_VAULT_FILE_PASSPHRASE": "dummy"}
        return Subject(
            "vault", "aws-vault 7.2.0", command, variables, files=[program], configured=True
        )

    def unknown(module: str) -> Subject:
        workshop.go_module(module, "latest")
        raise RuntimeError("it can be built, and the harness does not know how to run it")

    cli = ["sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "bench"]

    def cli1() -> Subject:
        place = workshop.venv("awscli", ["awscli"])
        program = str(place / "bin" / "aws")
        version = output([program, "--version"]).split()[0].partition("/")[2]
        return Subject(
            "cli1",
            f"AWS CLI {version} (pip)",
            [program, *cli],
            keys | TRUST,
            files=site_packages(place),
        )

    def cli2() -> Subject:
        if not os.path.exists("/usr/bin/aws"):
            output([str(ROOT / "tests" / "provision.sh"), "awscli"])
        version = output(["/usr/bin/aws", "--version"]).split()[0].partition("/")[2]
        listed = output(["dpkg", "-L", "awscli"]).splitlines()
        files = [name for name in listed if os.path.isfile(name)]
        return Subject(
            "cli2", f"AWS CLI {version} (Debian)", ["/usr/bin/aws", *cli], keys | TRUST, files=files
        )

    def awsume() -> Subject:
        place = workshop.venv("awsume", ["awsume", "setuptools<81"])
        command = [str(place / "bin" / "awsumepy"), "target"]
        return Subject(
            "awsume", "awsume (pip)", command, TRUST, files=site_packages(place), configured=True
        )

    attempt("empty program", empty)
    attempt("aws-role-exec by pip", pip)
    attempt("the Go original", original)
    if "the Go original" in absent:
        attempt("Go stand-in", stand_in)
    attempt("aws-vault", vault)
    attempt("aws-runas", lambda: unknown("github.com/mmmorris1975/aws-runas"))
    attempt("assume-role", lambda: unknown("github.com/remind101/assume-role"))
    attempt("AWS CLI v1", cli1)
    attempt("AWS CLI v2", cli2)
    attempt("awsume", awsume)
    return subjects, absent


def configure(home: Path, subjects: list[Subject]) -> None:
    """Write the configuration of those that read one, and store a key with aws-vault."""
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "config").write_text(
        "[profile base]\nregion = us-east-1\n[profile target]\nregion = us-east-1\n"
        f"role_arn = {ROLE}\nrole_session_name = bench\nsource_profile = base\n"
    )
    (home / ".aws" / "credentials").write_text(
        f"[base]\naws_access_key_id = {KEYS['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {KEYS['AWS_SECRET_ACCESS_KEY']}\n"
    )
    for subject in subjects:
        if subject.key == "vault":
            environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", **subject.variables, **KEYS}
            output([subject.command[0], "add", "--env", "base"], env=environment)


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
