"""Daemons of a scheduler's, in a directory of their own, each ended by its process id."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self


class Daemons:
    """What runs a scheduler for as long as the `with` block lasts; nothing of it is left then."""

    def __init__(self, name: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/tmp"))
        self.root.chmod(0o755)
        self.running: list[subprocess.Popen[bytes]] = []
        self.files = 0

    def start(self) -> None:
        """Start all daemons, and wait until jobs can be submitted."""
        raise NotImplementedError

    def end_jobs(self) -> None:
        """End whatever jobs there are."""
        raise NotImplementedError

    def env(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """What every process of the scheduler's is to have in its environment, on top of `env`."""
        raise NotImplementedError

    mark: str
    """The variable in it that no other process has."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException as error:
            for log in sorted(self.root.glob("*.log")):  # what the daemons said, before it is gone
                said = log.read_text(errors="backslashreplace")
                error.add_note(f"{log.name}: {said[-4000:]}")
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self.end_jobs()
        for daemon in reversed(self.running):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    def daemon(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        """Start one that stays in the foreground."""
        log = self.root / f"{len(self.running)}-{Path(command[0]).name}.log"
        with log.open("wb") as file:
            daemon = subprocess.Popen(
                command,
                env={**self.env(), **(env or {})},
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self.running.append(daemon)

    def processes(self) -> list[int]:
        """Every process that was started for this scheduler, by its environment."""
        return [*processes_with(f"{self.mark}={self.env()[self.mark]}")]


def processes_with(*variables: str) -> dict[int, str]:
    """Every process that was started with one of these NAME=VALUE, and what it is called."""
    marks = {variable.encode() for variable in variables}
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marks & set((entry / "environ").read_bytes().split(b"\0")):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
    return found


def free_ports(count: int) -> Sequence[int]:
    """Ports of loopback's that nobody has at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
