"""Runs aws-role-exec as a user does: a process of its own, an environment made from nothing."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/my-role"
PROBE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("probe.py")))
WHOAMI = (sys.executable, "-I", str(Path(__file__).with_name("whoami.py")))
Argument = str | bytes | os.PathLike[str]
Environment = Mapping[str, str | bytes | None]


@dataclass(frozen=True)
class Result:
    """A finished run."""

    pid: int
    code: int
    """Exit status; negative is the signal that ended it."""
    stdout: bytes = field(repr=False)  # may hold credentials: never in a test's output
    stderr: bytes
    seconds: float

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode(errors="backslashreplace")

    def ok(self) -> "Result":
        """Assert that it went well."""
        assert self.code == 0, self
        return self

    def failure(self, code: int) -> "Failure":
        """Assert the contract's shape of an error: one line, perhaps one hint, `code`."""
        assert self.code == code, self
        lines = self.err.splitlines()
        assert 1 <= len(lines) <= 2, self
        line, hint = lines[0], None
        assert line.startswith("aws-role-exec: "), self
        assert line.count(": ") >= 2, f"<what failed>: <why> expected in {line!r}"
        if len(lines) == 2:
            assert lines[1].startswith("hint: "), self
            hint = lines[1].removeprefix("hint: ")
        assert self.err.endswith("\n"), self
        return Failure(line, hint)


@dataclass(frozen=True)
class Failure:
    """What a failed run told its user."""

    line: str
    hint: str | None

    @property
    def text(self) -> str:
        return f"{self.line}\n{self.hint or ''}".lower()


@dataclass(frozen=True)
class Became:
    """The process that aws-role-exec became, as the probe saw it."""

    result: Result
    pid: int
    ppid: int
    argv: list[bytes]
    environ: list[bytes] = field(repr=False)
    cwd: str
    umask: int

    @property
    def env(self) -> dict[str, str]:
        pairs = (word.decode(errors="surrogateescape").split("=", 1) for word in self.environ)
        return dict(pairs)


@dataclass
class Runner:
    """`run(*arguments)` starts the program and waits; `env` is merged over `self.env`.

    An environment value of None takes the variable out. `prefix` is a command to start the
    program through (`setpriv`, `sh -c 'trap ...; exec "$@"'`), in the same process.
    Whatever is run, no secret and no traceback may reach stderr.
    """

    program: list[str]
    env: dict[str, str | bytes]
    cwd: Path
    home: Path
    tmp: Path
    secrets: Callable[[], Sequence[str]]

    def environment(self, env: Environment | None = None) -> dict[str, str | bytes]:
        merged: dict[str, str | bytes | None] = {**self.env, **(env or {})}
        return {name: value for name, value in merged.items() if value is not None}

    @contextlib.contextmanager
    def start(
        self,
        *arguments: Argument,
        env: Environment | None = None,
        prefix: Sequence[str] = (),
        **popen: Any,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """The running program; killed, with its group, if it still lives at the end."""
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(
            [*prefix, *self.program, *arguments],
            env=self.environment(env),
            cwd=popen.pop("cwd", self.cwd),
            start_new_session=popen.pop("start_new_session", True),
            **popen,
        )
        try:
            with process:
                try:
                    yield process
                finally:
                    if process.poll() is None:
                        process.kill()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def __call__(
        self,
        *arguments: Argument,
        input: bytes | None = None,
        timeout: float = 90,
        debug: bool = False,
        **start: Any,
    ) -> Result:
        if input is not None:
            start["stdin"] = subprocess.PIPE
        begin = time.monotonic()
        with self.start(*arguments, **start) as process:
            out, err = process.communicate(input, timeout=timeout)
            seconds = time.monotonic() - begin
        result = Result(process.pid, process.returncode, out or b"", err or b"", seconds)
        self.check(result, debug)
        return result

    def check(self, result: Result, debug: bool = False) -> None:
        for secret in self.secrets():
            assert secret.encode() not in result.stderr, "a secret reached stderr"
        if not debug:
            assert b"Traceback" not in result.stderr, result

    def assume(self, *arguments: Argument, **more: Any) -> Result:
        """Run with `--role-arn ROLE` in front."""
        return self("--role-arn", ROLE, *arguments, **more)

    def become(
        self, *options: Argument, argv: Sequence[Argument] = (), dashes: bool = True, **more: Any
    ) -> Became:
        """Become the probe, with `argv`, under the role; return what it saw."""
        separator = ["--"] if dashes else []
        result = self.assume(*options, *separator, *PROBE, *argv, **more).ok()
        return became(result, result.stdout)


def became(result: Result, probe_output: bytes) -> Became:
    seen = json.loads(probe_output)
    return Became(
        result,
        seen["pid"],
        seen["ppid"],
        [word.encode("latin-1") for word in seen["argv"]],
        [word.encode("latin-1") for word in seen["environ"]],
        seen["cwd"],
        seen["umask"],
    )


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until `condition()` is true; fail the test after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
