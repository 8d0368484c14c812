"""A job that runs under `--renew`, and what can be seen of its helper."""

import contextlib
import functools
import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner import ROLE, Runner, wait_for
from servers.sts import Asked, Sts

HELPER = "aws-role-renew"
SESSION_SECONDS = 4

# The job: says who it is and what it was given, and lives until its stdin is closed.
JOB = (
    sys.executable,
    "-c",
    "import json, os, sys; print(json.dumps([os.getpid(), dict(os.environ)]), flush=True);"
    " sys.stdin.read()",
)


@dataclass
class Job:
    """A command that runs under `--renew`, as seen from outside."""

    process: subprocess.Popen[bytes]
    pid: int
    env: dict[str, str]
    helper: int

    def ask(
        self, token: str | None = None, path: str | None = None, method: str = "GET"
    ) -> tuple[int, dict[str, Any]]:
        """Ask the helper as an SDK does; returns the status and the document."""
        url = urllib.parse.urlsplit(self.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
        headers = {"Authorization": token or self.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
        with contextlib.closing(connection):
            connection.request(method, path or url.path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        return answer.status, json.loads(body) if body else {}

    def key(self) -> str:
        """The access key that a client gets now."""
        status, document = self.ask()
        assert status == 200, document
        return str(document["AccessKeyId"])

    @property
    def directory(self) -> Path:
        return Path(self.env["AWS_CONFIG_FILE"]).parent

    def end(self) -> tuple[int, str]:
        """Let the command end; returns its exit status and all that was on stderr."""
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err.decode()

    def is_gone(self) -> bool:
        """Tell whether helper and directory are gone."""
        return not is_running(self.helper) and not self.directory.exists()


def is_running(pid: int) -> bool:
    """Tell whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def helpers(parent: int) -> list[int]:
    """The helpers of a command."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{entry}/comm").read_text().strip() != HELPER:
                continue
            if parent_of(int(entry)) == parent and is_running(int(entry)):
                found.append(int(entry))
    return found


def in_session(session: int) -> list[int]:
    """The processes of a session: of one run of the program, as long as they have not left it."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(") ")[2].split()
            if int(fields[3]) == session:
                found.append(int(entry))
    return found


StartJob = Callable[..., contextlib.AbstractContextManager[Job]]


@contextlib.contextmanager
def running_job(
    run: Runner,
    who_serves: Callable[[int], Sequence[int]],
    *options: str,
    job: Sequence[str] = JOB,
    **more: Any,
) -> Iterator[Job]:
    """A job under `--renew`; `who_serves` tells the one process that does, given the command's."""
    words = ("--role-arn", ROLE, "--renew", *options, "--", *job)
    started = None
    try:
        with run.start(*words, stdin=subprocess.PIPE, **more) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                assert process.stderr is not None
                pytest.fail(process.stderr.read().decode())
            pid, env = json.loads(line)
            (helper,) = who_serves(pid)
            started = Job(process, pid, env, helper)
            yield started
    finally:
        if started is not None:
            wait_for(started.is_gone)


@pytest.fixture
def start_job(run: Runner, sts: Sts) -> StartJob:
    """`with start_job(*options, job=JOB) as job`: sessions last for SESSION_SECONDS."""
    sts.session_seconds = SESSION_SECONDS
    return functools.partial(running_job, run, helpers)


def assumed(sts: Sts) -> list[Asked]:
    """The requests for a role so far."""
    return [asked for asked in sts.asked if asked.action.startswith("AssumeRole")]


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
