"""A place to run examples and documentation in: real shells, a real aws-role-exec, an STS on
loopback, and stand-ins for every program of the user's, which note what identity they were given.
"""

import base64
import configparser
import contextlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from servers.sts import BASE, Sts

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"

# A job that is longer than its session: it works until it has had keys of SESSIONS sessions.
WORKS_ON = REPOSITORY / "tests/works_on.py"
SESSIONS = 3
SHORT_SESSION_SECONDS = 8

# A stand-in notes its name, arguments, pid, environment and credentials file, then does the
# little that a script around it relies on.
_RECORD = """
import json, os, sys
name, *argv = sys.argv[1:]
file = os.environ.get("AWS_SHARED_CREDENTIALS_FILE")
try:
    text = open(file).read() if file else None
except OSError as error:
    text = f"# {error}"
stdin = sys.stdin.read() if name == "ood-aws-batch-adapter" else ""
served, uri = None, os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
if uri:  # under --renew: asked as an SDK asks
    import urllib.request
    token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    request = urllib.request.Request(uri, headers={"Authorization": token})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        served = json.load(answer)
elif os.environ.get("AWS_PROFILE") == "aws-role-exec":  # --renew=process
    import re, subprocess
    config = open(os.environ["AWS_CONFIG_FILE"]).read()
    process = re.search("^credential_process = (.*)$", config, re.M).group(1)
    served = json.loads(subprocess.run(process.split(), stdout=-1, check=True).stdout)
call = {"served": served, "name": name, "argv": argv, "pid": os.getpid(),
        "environ": dict(os.environ),
        "file": text, "cwd": os.getcwd(), "stdin": stdin}
with open(os.environ["SANDBOX_CALLS"], "a") as calls:
    calls.write(json.dumps(call) + "\\n")
if name in ("srun", "mpirun"):  # a launcher starts its command on every rank
    import subprocess
    sys.exit(max(subprocess.run(argv).returncode for rank in range(2)))
if name == "curl":  # a release archive, under the name curl would give it
    import base64
    url = next(word for word in argv if word.startswith("https://"))
    path = argv[argv.index("-o") + 1] if "-o" in argv else url.rsplit("/", 1)[1]
    open(path, "wb").write(base64.b64decode(os.environ["SANDBOX_ARCHIVE"]))
if name == "git" and argv[:1] == ["clone"]:
    os.mkdir(argv[1].rsplit("/", 1)[1])
if name == "sbatch" and "--parsable" in argv:
    print("4711;cluster")
if name == "aws" and argv[:1] == ["s3"] and argv[1:2] == ["cp"] and "s3:" not in argv[-1]:
    open(argv[-1], "w").close()
if name == "analyze.py":
    open(argv[argv.index("--output") + 1], "w").close()
"""

COMMANDS = [
    "ansible-playbook",
    "aws",
    "brew",
    "bsub",
    "curl",
    "data-migrator",
    "docker",
    "eb",
    "git",
    "jupyter",
    "make",
    "module",
    "mpirun",
    "nextflow",
    "ood-aws-batch-adapter",
    "pip",
    "pipx",
    "pulumi",
    "pytest",
    "qconf",
    "qmgr",
    "sbatch",
    "scoop",
    "spack",
    "srun",
    "sudo",
    "terraform",
    "uv",
]
SCRIPTS = [
    "analysis.py",
    "analyze.py",
    "annotate_chunk.py",
    "etl.py",
    "interactive_analysis.py",
    "process.py",
    "run_inference.py",
    "submit_batch_inference.py",
    "summarize_output.py",
    "train.py",
]
LOCAL_COMMANDS = ("data-migrator", "simulation", "run-tests.sh", "deploy.sh", "scripts/deploy.sh")


@dataclass(frozen=True)
class Call:
    """One start of a stand-in."""

    name: str
    argv: list[str]
    pid: int
    environ: dict[str, str]
    file: str | None
    cwd: str
    stdin: str
    served: dict[str, str] | None
    """What a helper answered, under `--renew`."""
    arn: str | None
    """Whose identity an SDK would find in what it was given."""

    @property
    def words(self) -> str:
        return " ".join([self.name, *self.argv])

    @property
    def role(self) -> str | None:
        """`name/session` of the assumed role, if it is one."""
        if self.arn is None or ":assumed-role/" not in self.arn:
            return None
        return self.arn.split(":assumed-role/", 1)[1]


@dataclass(frozen=True)
class Ran:
    pid: int
    code: int
    output: str
    """Standard output and error, as a terminal shows them."""
    calls: list[Call]

    def ok(self) -> "Ran":
        assert self.code == 0, f"exit status {self.code}:\n{self.output}"
        return self


class Sandbox:
    """`run()` starts something in it; `env` is what it starts with."""

    def __init__(self, root: Path, program: Sequence[str], sts: Sts) -> None:
        self.sts = sts
        sts.mfa_codes["arn:aws:iam::123456789012:mfa/alice"] = {"123456"}
        self.bin, self.work, self.home, self.tmp = (
            root / name for name in ("bin", "work", "home", "tmp")
        )
        for place in (self.bin, self.work, self.home, self.tmp):
            place.mkdir(parents=True)
        (self.work / "examples").symlink_to(EXAMPLES)
        (self.work / "packaging").symlink_to(REPOSITORY / "packaging")
        self._record = root / "record.py"
        self._record.write_text(_RECORD)
        self._calls = root / "calls"
        self._calls.touch()
        for name in COMMANDS:
            self._stand_in(self.bin / name, name)
        for name in LOCAL_COMMANDS:
            self._stand_in(self.work / name, Path(name).name)
        for name in SCRIPTS:
            recorder = [sys.executable, "-I", "-S", str(self._record), name]
            (self.work / name).write_text(
                f"import os, sys\nos.execv(sys.executable, {recorder!r} + sys.argv[1:])\n"
            )
        self._script(self.bin / "python3", f'exec {shlex.quote(sys.executable)} "$@"')
        (self.bin / "aws-role-exec").symlink_to(program[0])
        (self.home / ".aws").mkdir()
        (self.home / ".aws/config").write_text(
            "[profile mine]\nregion = eu-west-1\n"
            "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/admin\n"
            "source_profile = work\n"
        )
        (self.home / ".aws/credentials").write_text(
            f"[work]\naws_access_key_id = {BASE.access_key}\n"
            f"aws_secret_access_key = {BASE.secret}\n"
        )
        self.env = {
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "LANG": "C.UTF-8",
            "USER": "alice",
            "SHELL": "/bin/sh",
            "AWS_ACCESS_KEY_ID": BASE.access_key,
            "AWS_SECRET_ACCESS_KEY": BASE.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": sts.url,
            "SANDBOX_CALLS": str(self._calls),
            "SANDBOX_ARCHIVE": _archive(),
        }

    def _script(self, path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def _stand_in(self, path: Path, name: str) -> None:
        start = shlex.join([sys.executable, "-I", "-S", str(self._record), name])
        self._script(path, f'exec {start} "$@"')

    def script(self, name: str, text: str) -> None:
        """A program of the test's own, as shell text, in place of a stand-in."""
        self._script(self.bin / name, text)

    def stand_in(self, name: str) -> None:
        """One more program of the user's."""
        self._stand_in(self.bin / name, name)

    def real(self, name: str) -> None:
        """The program itself, which is installed beside this Python, in its stand-in's place."""
        path = Path(sys.executable).with_name(name)
        if not path.exists():
            pytest.skip(f"SKIPPED: {name} is not installed (see tests/examples)")
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).symlink_to(path)

    @contextlib.contextmanager
    def start(
        self,
        *command: str | Path,
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
    ) -> Iterator[subprocess.Popen[str]]:
        """`command` as it runs, in a session of its own; killed at the end if it still lives."""
        merged = {**self.env, **(env or {})}
        process = subprocess.Popen(
            [str(word) for word in command],
            env={name: value for name, value in merged.items() if value is not None},
            cwd=cwd or self.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                for left in self.processes():
                    left.kill()

    def run(
        self,
        *command: str | Path,
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
    ) -> Ran:
        """Run `command` to its end; a variable that is None in `env` is left out."""
        before = len(self.calls())
        with self.start(*command, env=env, cwd=cwd) as process:
            output, _ = process.communicate(stdin, timeout=500)
        return Ran(process.pid, process.returncode, output, self.calls()[before:])

    def calls(self) -> list[Call]:
        """Every start of a stand-in so far."""
        return [self._call(line) for line in self._calls.read_text().splitlines()]

    def processes(self) -> list[psutil.Process]:
        """All that was started in the sandbox and still runs, in whatever session."""
        return [
            process
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get("SANDBOX_CALLS") == str(self._calls)
        ]

    def files_with_secrets(self) -> list[Path]:
        """What was written in the work and home directories and holds a key that STS gave."""
        secrets = [word.encode() for key in self.sts.issued for word in (key.secret, key.token)]
        return [
            path
            for place in (self.work, self.home)
            for path in place.rglob("*")
            if path.is_file() and any(secret in path.read_bytes() for secret in secrets)
        ]

    def _call(self, line: str) -> Call:
        fields = json.loads(line)
        answer = fields["served"] or {}
        served = (
            {
                "AWS_ACCESS_KEY_ID": answer.get("AccessKeyId"),
                "AWS_SECRET_ACCESS_KEY": answer.get("SecretAccessKey"),
                "AWS_SESSION_TOKEN": answer.get("Token") or answer.get("SessionToken"),
            }
            if answer
            else {}
        )
        return Call(**fields, arn=self.identity({**fields["environ"], **served}, fields["file"]))

    def identity(self, environ: Mapping[str, str], file: str | None = None) -> str | None:
        """What an SDK finds first: keys in the environment, else the file's default section."""
        key = environ.get("AWS_ACCESS_KEY_ID")
        secret = environ.get("AWS_SECRET_ACCESS_KEY")
        token = environ.get("AWS_SESSION_TOKEN")
        if not key and file:
            parser = configparser.RawConfigParser()
            parser.read_string(file)
            if parser.has_section("default"):
                section = parser["default"]
                key = section.get("aws_access_key_id")
                secret = section.get("aws_secret_access_key")
                token = section.get("aws_session_token")
        known = self.sts.keys.get(key) if key else None
        if known is None or (known.secret, known.token) != (secret, token):
            return None
        return known.arn

    def sessions_of(self, role: str) -> set[str | None]:
        """The access keys under which STS was asked who the role is."""
        return {
            asked.access_key
            for asked in self.sts.asked
            if asked.action == "GetCallerIdentity"
            and f":assumed-role/{role}/" in self.sts.keys[asked.access_key or ""].arn
        }

    def assumed(self) -> list[Mapping[str, str]]:
        """The parameters of every AssumeRole so far."""
        return [asked.params for asked in self.sts.asked if asked.action.startswith("AssumeRole")]


def _archive() -> str:
    """A release archive, as far as a script that unpacks it can tell."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("aws-role-exec")
        member.mode = 0o755
        archive.addfile(member)
    return base64.b64encode(buffer.getvalue()).decode()


def tracked_files(under: Path, suffixes: Iterable[str] = ("",)) -> list[Path]:
    """Every file below `under`, caches left out."""
    return sorted(
        path
        for path in under.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        and path.name.endswith(tuple(suffixes))
    )


def tool(name: str) -> str:
    """A checker that pip installed beside this Python."""
    path = Path(sys.executable).with_name(name)
    assert os.access(path, os.X_OK), f"{name} is not installed: see requirements/test.txt"
    return str(path)
