"""A helper program, run for what it prints: bounded in time and size, ended with its children."""

from __future__ import annotations

# Not `signal`, as in `handover.signals`: its enumerations take longer than most helpers.
import _signal as signal  # type: ignore[import-not-found]
import os
import sys
import time

from aws_role_exec.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from aws_role_exec.network.deadline import Deadline

IS_WINDOWS = sys.platform == "win32"
MOST_BYTES = 1 << 20
"""That a helper may print; keys have one or two thousand."""
_ERROR_BYTES = 1 << 14  # the last that are kept of its stderr
_LOOK_SECONDS = 0.05  # after which it is seen at the latest that it has ended


@record
class Outcome:
    """What became of a helper. `status` is negative where a signal ended it; `error` is stderr."""

    status: int
    output: bytes
    error: bytes

    def __repr__(self) -> str:
        """Show how it ended, and nothing that it printed."""
        return f"Outcome({self.status})"


def run(
    words: Sequence[str], environ: Mapping[str, str], deadline: Deadline, *, has_stdin: bool = True
) -> Outcome:
    """Run a program and return what it printed.

    It has no descriptor above 2 of ours, and the caller's standard input, as a person may have to
    be asked for something, unless `has_stdin` is false. Raises OSError when it cannot be started,
    ValueError when it prints more than `MOST_BYTES`, TimeoutError when the deadline passes.
    """
    return _run(words, environ, deadline, has_stdin)


if sys.platform == "win32":

    def _run(
        words: Sequence[str], environ: Mapping[str, str], deadline: Deadline, has_stdin: bool
    ) -> Outcome:
        import subprocess  # not for most sources

        child = subprocess.Popen(
            words,
            stdin=None if has_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
        )
        try:
            output, error = child.communicate(timeout=max(0.0, deadline.remaining()))
        except BaseException as problem:
            ending = ["taskkill", "/T", "/F", "/PID", str(child.pid)]
            subprocess.run(ending, capture_output=True, check=False)
            if isinstance(problem, subprocess.TimeoutExpired):
                raise TimeoutError from None
            raise
        if len(output) > MOST_BYTES:
            raise ValueError("too much output")
        return Outcome(child.returncode, output, error[-_ERROR_BYTES:])

else:

    def _run(
        words: Sequence[str], environ: Mapping[str, str], deadline: Deadline, has_stdin: bool
    ) -> Outcome:
        pid, output, error = _start(words, environ, has_stdin)
        child = _Child(pid)
        try:
            printed, said = _read(child, output, error, deadline)
            return Outcome(child.wait(deadline), printed, said)
        finally:
            os.close(output)
            os.close(error)
            if child.status is None:
                _end(pid)

    def _start(
        words: Sequence[str], environ: Mapping[str, str], has_stdin: bool
    ) -> tuple[int, int, int]:
        """Return the process and the descriptors on which its output and stderr arrive."""
        ignored_by_python = (signal.SIGPIPE, signal.SIGXFSZ)
        output, output_end = os.pipe()
        error, error_end = os.pipe()
        actions: list[tuple[Any, ...]] = [
            (os.POSIX_SPAWN_DUP2, output_end, 1),
            (os.POSIX_SPAWN_DUP2, error_end, 2),
        ]
        if not has_stdin:
            actions.append((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0))
        actions += [(os.POSIX_SPAWN_CLOSE, number) for number in _inherited()]
        try:
            child = os.posix_spawnp(
                words[0], list(words), environ, file_actions=actions, setsigdef=ignored_by_python
            )
        except BaseException:
            os.close(output)
            os.close(error)
            raise
        finally:
            os.close(output_end)
            os.close(error_end)
        return child, output, error

    def _inherited() -> list[int]:
        """Return the descriptors above 2 that a new process would have."""
        found = []
        for name in os.listdir("/dev/fd"):
            try:
                if int(name) > 2 and os.get_inheritable(int(name)):
                    found.append(int(name))
            except (OSError, ValueError):
                continue
        return found

    class _Child:
        """A process of ours; `status` is known once it has ended."""

        def __init__(self, pid: int) -> None:
            self._pid = pid
            self.status: int | None = None

        def has_ended(self) -> bool:
            """Tell whether it has, without waiting."""
            if self.status is None:
                try:
                    process, status = os.waitpid(self._pid, os.WNOHANG)
                except ChildProcessError:  # where SIGCHLD is ignored nobody is told, as in Popen
                    self.status = 0
                else:
                    self.status = os.waitstatus_to_exitcode(status) if process else None
            return self.status is not None

        def wait(self, deadline: Deadline) -> int:
            """Return how it ended, once it has. Raises TimeoutError."""
            delay = 0.0005
            while not self.has_ended():
                time.sleep(min(delay, _left(deadline)))
                delay = min(delay * 2, _LOOK_SECONDS)
            return self.status or 0

    def _read(child: _Child, output: int, error: int, deadline: Deadline) -> tuple[bytes, bytes]:
        """Return all output, and the end of what was said on stderr.

        A helper may leave a process behind that holds the pipes (`ssh` with ControlPersist, an
        agent): when the helper has ended, what it printed is there.
        """
        import select  # built in

        printed = {output: b"", error: b""}
        poll = select.poll()
        for descriptor in printed:
            poll.register(descriptor, select.POLLIN)
        open_ones = set(printed)
        patience = _LOOK_SECONDS
        while open_ones:
            readable = poll.poll(min(patience, _left(deadline)) * 1000)
            for descriptor, _ in readable:
                part = os.read(descriptor, 1 << 16)
                printed[descriptor] += part
                if not part:
                    poll.unregister(descriptor)
                    open_ones.remove(descriptor)
            printed[error] = printed[error][-_ERROR_BYTES:]
            if len(printed[output]) > MOST_BYTES:
                raise ValueError("too much output")
            if not readable:
                if not patience:
                    break
                patience = 0 if child.has_ended() else _LOOK_SECONDS
        return printed[output], printed[error]

    def _left(deadline: Deadline) -> float:
        seconds = deadline.remaining()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def _end(child: int) -> None:
        from aws_role_exec.network import ending  # only when something failed

        ending.end(child)
        try:
            os.waitpid(child, 0)
        except ChildProcessError:
            pass
