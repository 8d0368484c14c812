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

    from aws_role_exec.network.deadline import Deadline

IS_WINDOWS = sys.platform == "win32"
MOST_BYTES = 1 << 20
"""That a helper may print; keys have one or two thousand."""
_ERROR_BYTES = 1 << 14  # the last that are kept of its stderr


@record
class Outcome:
    """What became of a helper. `status` is negative where a signal ended it; `error` is stderr."""

    status: int
    output: bytes
    error: bytes

    def __repr__(self) -> str:
        """Show how it ended, and nothing that it printed."""
        return f"Outcome({self.status})"


if sys.platform == "win32":

    def run(words: Sequence[str], environ: Mapping[str, str], deadline: Deadline) -> Outcome:
        """Run a program and return what it printed.

        Raises OSError when it cannot be started, ValueError when it prints more than
        `MOST_BYTES`, TimeoutError when the deadline passes.
        """
        import subprocess  # not for most sources

        child = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(environ)
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

    def run(words: Sequence[str], environ: Mapping[str, str], deadline: Deadline) -> Outcome:
        """Run a program and return what it printed.

        It has the caller's standard input, as a person may have to be asked for something, and
        no descriptor above 2. Raises OSError when it cannot be started, ValueError when it
        prints more than `MOST_BYTES`, TimeoutError when the deadline passes.
        """
        child, output, error = _start(words, environ)
        status: int | None = None
        try:
            printed, said = _read(output, error, deadline)
            status = _wait(child, deadline)
            return Outcome(status, printed, said)
        finally:
            os.close(output)
            os.close(error)
            if status is None:
                _end(child)

    def _start(words: Sequence[str], environ: Mapping[str, str]) -> tuple[int, int, int]:
        """Return the process and the descriptors on which its output and stderr arrive."""
        ignored_by_python = (signal.SIGPIPE, signal.SIGXFSZ)
        output, output_end = os.pipe()
        error, error_end = os.pipe()
        actions: list[tuple[int, ...]] = [
            (os.POSIX_SPAWN_DUP2, output_end, 1),
            (os.POSIX_SPAWN_DUP2, error_end, 2),
        ]
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

    def _read(output: int, error: int, deadline: Deadline) -> tuple[bytes, bytes]:
        """Return all output, and the end of what was said on stderr."""
        import select  # built in

        printed = {output: b"", error: b""}
        poll = select.poll()
        for descriptor in printed:
            poll.register(descriptor, select.POLLIN)
        open_ones = set(printed)
        while open_ones:
            for descriptor, _ in poll.poll(_left(deadline) * 1000):
                part = os.read(descriptor, 1 << 16)
                printed[descriptor] += part
                if not part:
                    poll.unregister(descriptor)
                    open_ones.remove(descriptor)
            printed[error] = printed[error][-_ERROR_BYTES:]
            if len(printed[output]) > MOST_BYTES:
                raise ValueError("too much output")
        return printed[output], printed[error]

    def _wait(child: int, deadline: Deadline) -> int:
        """Return how the process ended, once it has."""
        delay = 0.0005
        while True:
            try:
                process, status = os.waitpid(child, os.WNOHANG)
            except ChildProcessError:  # where SIGCHLD is ignored nobody is told, as in Popen
                return 0
            if process:
                return os.waitstatus_to_exitcode(status)
            time.sleep(min(delay, _left(deadline)))
            delay = min(delay * 2, 0.05)

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
