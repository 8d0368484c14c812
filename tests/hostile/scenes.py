"""A run of each kind, in a place of its own, and what is held of it whatever happens to it."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner import ROLE
from servers.sts import BASE, Sts

SECRETS = (b"Issued/Secret+", b"IssuedToken//", BASE.secret.encode())
"""How each secret that could be seen begins; the servers of these tests give no other."""
STATUSES = frozenset({0, 2, 125, 126, 127})
OF_THE_COMMAND = 9
"""The exit status of a scene's command that got no credentials from its helper."""
REGION = b"eu-west-1"
CONFIG = "# the user's own\n[default]\nregion = eu-west-1\n"
OLD = "old\n"

# The command: says whose key it has. It stands beside what it writes, so that nothing else runs.
COMMAND = ("/bin/sh", "-c", 'printf %s "$AWS_ACCESS_KEY_ID" >ran')
CLIENT = (sys.executable, "-I", "-S", str(Path(__file__).with_name("client.py")))


@dataclass(frozen=True)
class Scene:
    """A kind of run. `output` is the file, relative to the working directory, that is asked for.

    `shell` tells that stdout is evaluated by a shell, which must fail when the run does.
    """

    name: str
    arguments: tuple[str, ...]
    output: str | None = None
    before: str | None = None
    kind: str = "file"
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def has_command(self) -> bool:
        return "--" in self.arguments


SCENES = (
    Scene("a command", ("--", *COMMAND)),
    Scene("a command under --renew", ("--renew", "--", *CLIENT)),
    Scene("env on stdout", (), kind="shell"),
    Scene("json on stdout", ("--format", "json"), kind="stdout"),
    Scene("fish on stdout", ("--format", "fish"), kind="shell"),
    Scene("a new file", ("--output", "creds"), "creds"),
    Scene("a file in the place of one", ("--format", "json", "--output", "creds"), "creds", OLD),
    Scene(
        "a credentials file",
        ("--format", "credentials-file", "--profile-name", "job", "--output", "creds"),
        "creds",
    ),
    Scene(
        "a file with a mode of its own",
        ("--format", "dotenv", "--mode", "0640", "--output", "creds"),
        "creds",
    ),
    Scene("a FIFO", ("--format", "json", "--output", "fifo"), "fifo", kind="fifo"),
    Scene(
        "a GitHub step", ("--format", "github"), "github-env", "A=1\n", kind="appended",
        environ={"GITHUB_ENV": "github-env", "GITHUB_ACTIONS": "true"},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A finished run, and what was found to be wrong with it."""

    code: int
    stdout: bytes = field(repr=False)
    stderr: bytes
    issued: int
    """How many sessions STS gave meanwhile, to this run or to another one at the same time."""
    was_hit: bool
    wrong: tuple[str, ...]

    @property
    def outcome(self) -> str:
        if self.code < 0:
            return f"ended by SIG{signal.Signals(-self.code).name[3:]}"
        return {0: "done", OF_THE_COMMAND: "done, without credentials"}.get(
            self.code, f"exit {self.code}"
        )


class Stage:
    """Where scenes are played: a place for each run, and one STS for all."""

    def __init__(self, program: Sequence[str], sts: Sts, root: Path, strace: str) -> None:
        self.program, self.sts, self.root, self.strace = [*program], sts, root, strace

    @contextlib.contextmanager
    def place(self, scene: Scene) -> Iterator[Path]:
        place = Path(tempfile.mkdtemp(prefix="place-", dir=self.root))
        try:
            for name in ("home/.aws", "tmp", "cwd"):
                (place / name).mkdir(parents=True)
            (place / "home/.aws/config").write_text(CONFIG)
            (place / "cwd/others").write_text("the caller's\n")
            if scene.before is not None and scene.output is not None:
                (place / "cwd" / scene.output).write_text(scene.before)
            if scene.kind == "fifo":
                os.mkfifo(place / "cwd/fifo", 0o600)
            yield place
        finally:
            shutil.rmtree(place)

    def environ(self, place: Path, scene: Scene) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(place / "home"),
            "TMPDIR": str(place / "tmp"),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": BASE.access_key,
            "AWS_SECRET_ACCESS_KEY": BASE.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": self.sts.url,
            **scene.environ,
        }

    def words(self, scene: Scene) -> list[str]:
        return [*self.program, "--role-arn", ROLE, "--sts-timeout", "20s", *scene.arguments]

    def trace(self, scene: Scene) -> list[str]:
        """Return the lines of strace of a run in which nothing fails, until the command's start."""
        with self.place(scene) as place:
            log = place / "log"
            run = self._play(scene, place, [self.strace, "-f", "-qq", "-o", str(log)])
            assert not run.wrong, run
            assert run.code == 0, run
            return log.read_text(errors="replace").splitlines()

    def hit(self, scene: Scene, injection: str) -> Run:
        """Return the run of a scene with this injection (strace(1), `-e inject=`)."""
        call = injection.partition(":")[0]
        with self.place(scene) as place:
            log = place / "log"
            words = [self.strace, "-f", "-qq", "-o", str(log)]
            # Faster, but then strace sends no signal.
            words += ["--seccomp-bpf"] if ":error=" in injection else []
            words += ["-e", f"trace={call},execve", "-e", f"inject={injection}"]
            return self._play(scene, place, words, Injection(injection, log))

    def _play(
        self,
        scene: Scene,
        place: Path,
        prefix: Sequence[str],
        injection: "Injection | None" = None,
    ) -> Run:
        before = tree(place, scene)
        issued = len(self.sts.issued)
        reader = None
        if scene.kind == "fifo":
            reader = os.open(place / "cwd/fifo", os.O_RDONLY | os.O_NONBLOCK)
        try:
            process = subprocess.Popen(
                [*prefix, *self.words(scene)],
                env=self.environ(place, scene),
                cwd=place / "cwd",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            wrong = []
            try:
                out, err = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
                wrong.append("hangs")
            came = os.read(reader, 1 << 20) if reader is not None else b""
        finally:
            if reader is not None:
                os.close(reader)
        assert injection is None or injection.log.exists(), err
        was_hit = injection is not None and injection.has_hit_the_program()
        if was_hit or injection is None:
            written = Written(out, err, came, process.returncode)
            forgiven = injection.forgiven(scene) if injection else frozenset()
            wrong += judge(scene, place, before, written, forgiven)
        count = len(self.sts.issued) - issued
        return Run(process.returncode, out, err, count, was_hit, tuple(wrong))


@dataclass(frozen=True)
class Injection:
    """What strace is told to do at one call (`-e inject=`), and its log of what it did."""

    words: str
    log: Path

    def has_hit_the_program(self) -> bool:
        """Tell whether it happened, and to the program or its helper.

        The command, which is the same process, goes on being counted; its faults are its own.
        """
        execs: Counter[str] = Counter()
        was_hit = False
        for line in self.log.read_text(errors="replace").splitlines():
            process = line.split()[0]
            if "(INJECTED)" in line or "--- SIG" in line:
                if execs[process] > 1:
                    return False
                was_hit = True
            elif "execve(" in line:
                execs[process] += 1
        return was_hit

    def forgiven(self, scene: Scene) -> frozenset[str]:
        """Return what cannot be held of a run that this happens to.

        A file that is not there, or that we may not read, has no region for us. A directory that
        the kernel does not let a helper remove is left to the next run; and as calls are counted
        for each process, a fault of the helper's write may also take the line that tells it.
        """
        call, _, how = self.words.partition(":error=")
        found = {"signal"} if ":signal=" in self.words else set()
        if call in ("stat", "open") and how.split(":")[0] in ("ENOENT", "EACCES", "ELOOP"):
            found.add("region")
        if "--renew" in scene.arguments:
            found |= {"left"} if call in ("unlinkat", "rmdir", "getdents64") else set()
            found |= {"line"} if call == "write" else set()
        return frozenset(found)


@dataclass(frozen=True)
class Written:
    """What a run gave: its outputs, what came through the FIFO, and its status."""

    stdout: bytes = field(repr=False)
    stderr: bytes
    came: bytes = field(repr=False)
    code: int


def tree(place: Path, scene: Scene) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of every file but the output asked for and what the command left."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if name in ("log", "cwd/ran", f"cwd/{scene.output}"):
            continue
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[name] = (status.st_mode, content)
    return found


def judge(
    scene: Scene,
    place: Path,
    before: dict[str, tuple[int, bytes]],
    written: Written,
    forgiven: frozenset[str],
) -> Iterator[str]:
    """Yield what is wrong with a run that may have failed."""
    code, err = written.code, written.stderr
    after = tree(place, scene)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            if "left" in forgiven and name.startswith("tmp/aws-role-exec-"):
                continue
            what = "left" if name not in before else "lost" if name not in after else "changed"
            yield f"{name} was {what}"
    if code >= 0:
        yield from _judge_status(scene, code, err, forgiven)
    elif "signal" not in forgiven:
        yield f"ended by signal {-code}"
    elif err:
        yield f"said at a signal: {err!r}"
    yield from _judge_secrets(scene, place, written)
    yield from _judge_result(scene, place, written, b"" if "region" in forgiven else REGION)


def _judge_status(scene: Scene, code: int, err: bytes, forgiven: frozenset[str]) -> Iterator[str]:
    if code not in STATUSES and not (code == OF_THE_COMMAND and "--renew" in scene.arguments):
        yield f"exit status {code}"
    lines = err.decode(errors="replace").splitlines()
    if b"Traceback" in err or b"this is a bug" in err:
        yield f"stderr: {lines[-1]}"
    elif code in STATUSES - {0}:
        if not lines and "line" in forgiven:
            return
        if not lines or not lines[0].startswith("aws-role-exec: "):
            yield f"no error line: {lines}"
        elif len(lines) > 2 or (len(lines) == 2 and not lines[1].startswith("hint: ")):
            yield f"more than an error and a hint: {lines}"
    elif code == 0 and lines and "--renew" not in scene.arguments:
        yield f"said for nothing: {lines}"


def _judge_secrets(scene: Scene, place: Path, written: Written) -> Iterator[str]:
    if any(secret in written.stderr for secret in SECRETS):
        yield "a secret on stderr"
    if scene.kind in ("file", "fifo") and any(secret in written.stdout for secret in SECRETS):
        yield "a secret on stdout"
    for path in place.rglob("*"):
        if path == place / "cwd" / (scene.output or "ran") or path.name == "log":
            continue
        if path.is_file() and any(secret in path.read_bytes() for secret in SECRETS):
            yield f"a secret in {path.relative_to(place)}"


def _judge_result(scene: Scene, place: Path, written: Written, region: bytes) -> Iterator[str]:
    """The result is there, whole, exactly when the status says so."""
    done = written.code == 0
    if scene.has_command:
        ran = place / "cwd/ran"
        if ran.exists() != done:
            yield f"exit status {written.code}, and the command {'ran' * ran.exists() or 'did not'}"
        elif done and not ran.read_text().startswith("ASIA"):
            yield f"the command had the key {ran.read_text()!r}"
        return
    if scene.kind == "fifo":
        # A signal may come after the bytes, which nobody can take back.
        if done != _is_whole(written.came, region) and (written.code > 0 or done):
            yield f"exit status {written.code}, and {len(written.came)} bytes came"
        return
    if scene.kind in ("stdout", "shell"):
        failed = (b"false\n", b"; false\n", b"") if scene.kind == "stdout" else (b"false\n",)
        if done and not _is_whole(written.stdout, region):
            yield "exit status 0 without the whole text"
        if written.code > 0 and written.stdout not in failed:
            yield f"a shell would go on after exit status {written.code}: {len(written.stdout)} B"
        return
    output = place / "cwd" / (scene.output or "")
    content = output.read_bytes() if output.exists() else None
    old = None if scene.before is None else scene.before.encode()
    if scene.kind == "appended":
        if content is None or not content.startswith(old or b""):
            yield "what was in the file is lost"
        elif written.code < 0 and _is_whole(content, region):
            return  # the signal waited until it was written
        elif done != _is_whole(content, region) or (not done and content != old):
            yield f"exit status {written.code}, and {len(content)} bytes in the file"
        return
    if content is not None and _is_whole(content, region):
        mode = 0o640 if "0640" in scene.arguments else 0o600
        if output.stat().st_mode & 0o7777 != mode:
            yield f"mode {output.stat().st_mode:o}"
        if written.code > 0:
            yield f"exit status {written.code}, and the file is there"
    elif content != old:
        yield f"a part of a file: {len(content or b'')} bytes"
    elif done:
        yield "exit status 0 without the file"


def _is_whole(content: bytes, region: bytes) -> bool:
    """Tell whether these are credentials to their last line."""
    names = (b"IssuedToken//", b"Issued/Secret+", b"ASIA")
    is_json = content.lstrip().startswith(b"{")
    end = content.rstrip().endswith(b"}") if is_json else content.endswith(b"\n")
    return all(name in content for name in names) and end and region in content
