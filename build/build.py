"""Make the static executables: `python3 build/build.py linux_amd64 darwin_arm64`.

A straight line for each target, every step cached outside the checkout:

    zig wheel --> zlib, OpenSSL --> CPython --> PyInstaller with aws-role-exec.spec --> dist/

A Linux machine makes those for macOS too; macos/ has what they need beside that.

A step's place in the cache is named after a hash of all that goes into it (its recipe, the
pins it uses, the steps it builds on), so nothing is ever updated there: it is whole or it is
not there. Only the last step, under a minute, runs every time.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MACOS = HERE / "macos"
PINS = tomllib.loads((HERE / "pins.toml").read_text())

#: The process groups of what `run` has running, and whether a signal is ending us.
RUNNING: set[int] = set()
ENDING = threading.Event()

#: The oldest macOS that the executables run on: the first for Apple's own processors.
OLDEST_MACOS = 11
MACOS_ARM64 = {"darwin_arm64": f"arm64-apple-macos{OLDEST_MACOS}"}
MACOS_AMD64 = {"darwin_amd64": f"x86_64-apple-macos{OLDEST_MACOS}"}

#: What each kind of build machine can make. The first is for the machine itself: its Python also
#: runs PyInstaller, and is the "build Python" that cross-compiling CPython asks for.
TARGETS = {
    ("Linux", "x86_64"): {
        "linux_amd64": "x86_64-linux-musl",
        "linux_arm64": "aarch64-linux-musl",
        **MACOS_ARM64,
        **MACOS_AMD64,
    },
    ("Darwin", "arm64"): MACOS_ARM64,
    ("Darwin", "x86_64"): MACOS_AMD64,
}


def main() -> None:
    """Build the targets named on the command line (all of them if none is)."""
    possible = TARGETS.get((platform.system(), platform.machine()), {})
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", default=list(possible), help=" ".join(possible))
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--commit", default="", help="what a release is built from, for --version -v"
    )
    arguments = parser.parse_args()
    for name in arguments.targets or ["anything"]:
        if name not in possible:
            parser.error(f"{name} cannot be built on this machine, only {list(possible)}")
    if sys.platform == "linux":
        need(
            {
                "make": ["make", "--version"],
                "perl": ["perl", "-MFindBin", "-MIPC::Cmd", "-e1"],  # more than perl-base has
                "binutils": ["readelf", "--version"],
            }
        )

    cache = Cache()
    host_target = next(iter(possible.values()))
    zig = cache.wheels("zig")
    site = [cache.wheels("pyinstaller"), cache.wheels("program")]
    wanted = {name: possible[name] for name in arguments.targets}
    with ThreadPoolExecutor() as pool:  # each waits for a long while on one thing: a configure
        host = pool.submit(compiled, cache, zig, host_target)
        made = {host_target: host}
        for target in wanted.values():
            if target != host_target:
                made[target] = pool.submit(compiled, cache, zig, target, host)
    recipes = [
        {"name": name, "target": target, **made[target].result()} for name, target in wanted.items()
    ]
    freeze(
        recipes,
        arguments.dist.absolute(),
        zig=zig,
        python=Path(host.result()["python"]),
        site=site,
        commit=arguments.commit,
    )
    for name in arguments.targets:
        executable = arguments.dist / name / "aws-role-exec"
        print(f"build.py: {executable}: {executable.stat().st_size / 1e6:.1f} MB")


def compiled(
    cache: "Cache", zig: Path, target: str, host: Future[dict[str, str]] | None = None
) -> dict[str, str]:
    """Return where the `libraries` and the `python` for a target are, made if they were not.

    All but the first are made with the Python of the `host`.
    """
    libraries = cache.libraries(zig, target)
    build_python = Path(host.result()["python"]) if host else None
    python = cache.cpython(zig, target, libraries, build_python)
    return {"libraries": str(libraries), "python": str(python)}


def is_macos(target: str) -> bool:
    """Tell macOS from Linux."""
    return "-apple-" in target


def need(packages: dict[str, list[str]]) -> None:
    """Have what these commands prove: as root on Debian and Ubuntu install what is missing."""
    missing = [package for package, command in packages.items() if not works(command)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"build.py: please install: {' '.join(missing)}")
    run(["apt-get", "update"])
    run(["apt-get", "install", "--yes", "--no-install-recommends", *missing])


def works(command: list[str]) -> bool:
    """Tell whether a command is there and succeeds."""
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def run(command: list[str], *, log: Path | None = None, **options: object) -> None:
    """Run a command, its output into a log, of which the end is shown should it fail."""
    if log is None:
        subprocess.run(command, check=True, **options)  # type: ignore[call-overload]
        return
    with log.open("wb") as out:
        child = subprocess.Popen(  # type: ignore[call-overload]
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            process_group=0,
            **options,
        )
        RUNNING.add(child.pid)
        status = child.wait()
        RUNNING.discard(child.pid)
    if status and not ENDING.is_set():
        tail = log.read_text(errors="replace").splitlines()[-40:]
        print("\n".join(tail), file=sys.stderr)
    if status:
        sys.exit(f"build.py: {command} failed ({status}); above, the end of {log}")


@contextlib.contextmanager
def scratch() -> Iterator[None]:
    """Have all temporary files in one folder, which is removed in the end, and by a signal too."""
    with tempfile.TemporaryDirectory(prefix="aws-role-exec-build-") as place:

        def end(number: int, _: object) -> None:
            signal.signal(number, signal.SIG_DFL)
            ENDING.set()
            for _ in range(100):  # who is ended may have been making a file
                for group in list(RUNNING):
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(group, signal.SIGKILL)
                shutil.rmtree(place, ignore_errors=True)
                if not os.path.exists(place):
                    break
            os.kill(os.getpid(), number)

        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                signal.signal(number, end)
        os.environ["TMPDIR"] = tempfile.tempdir = place
        yield


def clean_environment(zig: Path, target: str) -> dict[str, str]:
    """All that a recipe sees: nothing of this machine but where its tools are."""
    return {
        "PATH": f"{HERE / 'toolchain'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(PINS["source_date_epoch"]),
        "PYTHONHASHSEED": "0",
        "ZIG": str(zig / "ziglang" / "zig"),
        "TARGET": target,
        # zig's own cache holds no product of ours; it is content-addressed and safe to share.
        "ZIG_GLOBAL_CACHE_DIR": str(zig.parent / "zig-cache"),
        "ZIG_LOCAL_CACHE_DIR": str(zig.parent / "zig-cache"),
        "JOBS": str(os.cpu_count() or 1),
    }


class Cache:
    """Steps by the hash of their inputs, each made in a temporary place and renamed."""

    def __init__(self) -> None:
        """Take the place from AWS_ROLE_EXEC_BUILD_CACHE, else under the user's cache."""
        default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aws-role-exec"
        self.root = Path(os.environ.get("AWS_ROLE_EXEC_BUILD_CACHE") or default).absolute()
        if " " in str(self.root):  # no configure script would survive it
            sys.exit(f"build.py: a space in {self.root}: set AWS_ROLE_EXEC_BUILD_CACHE")
        self.root.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Let one build at a time make a thing; the lock goes with the process."""
        with (self.root / f".{name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def entry(self, name: str, inputs: list[str | bytes], make: Callable[[Path], None]) -> Path:
        """Return the entry of these inputs, made by `make(place)` unless it is there."""
        digest = hashlib.sha256()
        for item in (name, *inputs):
            data = item if isinstance(item, bytes) else item.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        place = self.root / f"{name}-{digest.hexdigest()[:20]}"
        if place.exists():
            return place
        with self.lock(place.name):
            if not place.exists():
                print(f"build.py: making {place.name}", flush=True)
                for left in self.root.glob(f".{place.name}.unfinished-*"):
                    shutil.rmtree(left, ignore_errors=True)
                # A name of its own: a compiler that outlived its killed build may still write.
                unfinished = Path(
                    tempfile.mkdtemp(prefix=f".{place.name}.unfinished-", dir=self.root)
                )
                unfinished.chmod(0o755)
                make(unfinished)
                unfinished.rename(place)
        return place

    def wheels(self, name: str) -> Path:
        """Unpack the wheels of one requirements file, each of a pinned hash."""
        requirements = HERE / "requirements" / f"{name}.txt"

        def make(place: Path) -> None:
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
            pip += ["install", "--quiet", "--no-compile", "--no-deps", "--only-binary", ":all:"]
            pip += ["--require-hashes", "--target", str(place), "--requirement", str(requirements)]
            run(pip, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"})

        return self.entry(name, [requirements.read_bytes()], make)

    def libraries(self, zig: Path, target: str) -> Path:
        """Build zlib and OpenSSL for a target into one place."""

        def make(place: Path) -> None:
            self.compile("zlib", place, zig, target, {})
            self.compile("openssl", place, zig, target, {})

        inputs = [*self.inputs("zlib"), *self.inputs("openssl"), zig.name, target]
        return self.entry(f"libraries-{target}", inputs, make)

    def cpython(self, zig: Path, target: str, libraries: Path, build_python: Path | None) -> Path:
        """Build CPython for a target."""
        interpreter = str(build_python / "python" / "bin" / "python3") if build_python else ""

        def make(place: Path) -> None:
            extra = {"DEPS": str(libraries), "BUILD_PYTHON": interpreter, "MACOS": str(MACOS)}
            self.compile("cpython", place, zig, target, extra)

        built_with = build_python.name if build_python else ""
        inputs = [*self.inputs("cpython"), zig.name, target, libraries.name, built_with]
        if is_macos(target):
            inputs += [(MACOS / name).read_bytes() for name in ("config.site", "include/util.h")]
        return self.entry(f"cpython-{target}", inputs, make)

    def inputs(self, source: str) -> list[str | bytes]:
        """List what decides the outcome of a recipe beside what it builds on."""
        tools = sorted((HERE / "toolchain").iterdir())
        return [
            (HERE / "recipes" / f"{source}.sh").read_bytes(),
            *(tool.read_bytes() for tool in tools),
            repr(PINS[source][PINS["use"][source]]["sha256"]),
            repr(PINS["source_date_epoch"]),
        ]

    def compile(
        self, source: str, place: Path, zig: Path, target: str, extra: dict[str, str]
    ) -> None:
        """Run a recipe in its unpacked source, its products going to `place`."""
        tarball = self.source(source)
        with tempfile.TemporaryDirectory(prefix="aws-role-exec-build-") as scratch:
            with tarfile.open(tarball) as archive:
                # An argument would be an error to Debian 12's Python 3.11.2, which has no filters.
                archive.extraction_filter = getattr(tarfile, "tar_filter", None)
                archive.extractall(scratch)  # noqa: S202 - its sum is pinned
            (tree,) = Path(scratch).iterdir()
            environment = clean_environment(zig, target) | extra
            environment |= {"TREE": str(tree), "OUT": str(place)}
            recipe = HERE / "recipes" / f"{source}.sh"
            log = self.root / f"{source}-{target}.log"
            run(["sh", "-eu", str(recipe)], log=log, cwd=tree, env=environment)

    def source(self, name: str) -> Path:
        """Return the pinned tarball, from the cache, Debian or its author."""
        with self.lock(f"source-{name}"):
            return self.fetched(name)

    def fetched(self, name: str) -> Path:
        """Return the pinned tarball, fetched if it is not there; one caller at a time."""
        pin = PINS[name][PINS["use"][name]]
        for sha256 in pin["sha256"]:
            kept: Path = self.root / "sources" / sha256
            if kept.exists():
                return kept
        with tempfile.TemporaryDirectory(prefix="aws-role-exec-source-") as scratch:
            for fetch, where in ((from_debian, pin["debian"]), (from_upstream, pin["upstream"])):
                fetched = fetch(where, Path(scratch))
                if fetched is None:
                    continue
                sha256 = hashlib.sha256(fetched.read_bytes()).hexdigest()
                if sha256 in pin["sha256"]:
                    kept = self.root / "sources" / sha256
                    kept.parent.mkdir(exist_ok=True)
                    half = kept.with_suffix(f".{os.getpid()}")
                    shutil.copyfile(fetched, half)
                    half.rename(kept)
                    return kept
                print(f"build.py: {where}: sha256 {sha256} is not the pinned one", file=sys.stderr)
        sys.exit(f"build.py: no source of {name} {PINS['use'][name]} could be had")


def from_debian(where: list[str], scratch: Path) -> Path | None:
    """Fetch the upstream tarball of a Debian source package from this machine's own mirror.

    In a private apt state: the system's sources and lists stay as they are.
    """
    if not shutil.which("apt-get"):
        return None
    suite, package, version = where
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    listing = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"]
    known = subprocess.run(listing, capture_output=True, text=True, check=False).stdout
    mirrors = {line.split()[2] for line in known.splitlines() if line.startswith("Debian Debian ")}
    for mirror in sorted(mirrors):
        lists = scratch / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        sources = scratch / "sources.list"
        sources.write_text(f"deb-src [signed-by={keyring}] {mirror} {suite} main\n")
        options = [
            f"Dir::Etc::sourcelist={sources}",
            "Dir::Etc::sourceparts=/dev/null",
            "Dir::Etc::preferencesparts=/dev/null",
            f"Dir::State::lists={lists}",
            f"Dir::Cache={scratch}",
            "APT::Sandbox::User=root",
        ]
        apt = ["apt-get", "--quiet", *(word for option in options for word in ("-o", option))]
        for command in (
            [*apt, "update"],
            [*apt, "source", "--download-only", "--tar-only", f"{package}={version}"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scratch)
            if done.returncode:
                print(f"build.py: Debian has no {package} {version}", file=sys.stderr)
                break
        else:
            return next(iter(scratch.glob("*.orig.tar.*")), None)
    return None


def from_upstream(where: str, scratch: Path) -> Path | None:
    """Fetch a tarball from its author."""
    place = scratch / where.rsplit("/", 1)[-1]
    try:
        with urllib.request.urlopen(where, timeout=60) as answer, place.open("wb") as out:  # noqa: S310
            shutil.copyfileobj(answer, out)
    except OSError as error:
        print(f"build.py: {where}: {error}", file=sys.stderr)
        return None
    return place


def freeze(
    targets: list[dict[str, str]],
    dist: Path,
    *,
    zig: Path,
    python: Path,
    site: list[Path],
    commit: str,
) -> None:
    """Run PyInstaller with our spec on the build's own Python: one Analysis for all targets."""
    with tempfile.TemporaryDirectory(prefix="aws-role-exec-freeze-") as scratch:
        environment = clean_environment(zig, targets[0]["target"]) | {
            "PYTHONPATH": ":".join(str(place) for place in (HERE / "host", *site)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYINSTALLER_CONFIG_DIR": f"{scratch}/config",
            "TREE": scratch,
            "FREEZE_TARGETS": json.dumps(targets),
            "FREEZE_COMMIT": commit,
        }
        interpreter = str(python / "python" / "bin" / "python3")
        command = [interpreter, "-m", "PyInstaller", "--noconfirm"]
        command += ["--workpath", f"{scratch}/work", "--distpath", str(dist)]
        command.append(str(HERE / "aws-role-exec.spec"))
        run(command, log=Path(scratch) / "log", env=environment, cwd=ROOT)


if __name__ == "__main__":
    with scratch():
        main()
