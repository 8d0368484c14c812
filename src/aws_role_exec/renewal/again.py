"""One renewal: the whole road to STS again, while the credentials at hand are served.

In a process of its own, where there is fork(2): what it loads and what may go wrong in it stay
there, and the helper remains small. In a thread of its own on Windows.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from aws_role_exec.credentials import Credentials
from aws_role_exec.errors import AwsRoleExecError
from aws_role_exec.messages import keep_quiet
from aws_role_exec.renewal import pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from aws_role_exec.request.request import Request

_MOST_BYTES = 1 << 16  # of a child's answer
_GRACE_SECONDS = 10.0  # beyond the request's own deadline, after which it is given up


if sys.platform == "win32":

    class Renewal:
        """A renewal under way. `outcome` is readable when there is something to `read`."""

        def __init__(self, request: Request, environ: Mapping[str, str], _: str) -> None:
            """Start it; relative paths are the caller's still. Raises OSError."""
            import _thread
            import socket  # select takes nothing else

            self.until = time.monotonic() + request.sts_timeout_seconds + _GRACE_SECONDS
            self._found: tuple[Any, ...] | None = None
            self._hearing, telling = socket.socketpair()
            self.outcome = self._hearing.fileno()

            def walk() -> None:
                with telling:  # its end is what is readable
                    self._found = _ask_again(request, environ, is_program=False)

            try:
                _thread.start_new_thread(walk, ())
            except RuntimeError:
                self._hearing.close()
                telling.close()
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None

        def read(self) -> bool:
            """Return True: that was all, and `result` can be asked for."""
            return True

        def result(self) -> tuple[Credentials | None, str, str | None]:
            """Return the new credentials, or None with what was said and the hint."""
            self.end()
            return _result(self._found)

        def end(self) -> None:
            """Let go of it: a thread that still runs ends by its deadline, or with us."""
            self._hearing.close()

else:

    class Renewal:
        """A renewal under way. `outcome` is readable when there is something to `read`."""

        def __init__(self, request: Request, environ: Mapping[str, str], directory: str) -> None:
            """Start it, in the directory that the caller was in. Raises OSError."""
            self.outcome, write_end = os.pipe()
            self.until = time.monotonic() + request.sts_timeout_seconds + _GRACE_SECONDS
            try:
                self._child = os.fork()
            except OSError:
                os.close(self.outcome)
                os.close(write_end)
                raise
            if self._child == 0:
                try:
                    _walk(request, environ, directory, write_end)
                finally:
                    os._exit(1)
            os.close(write_end)
            self._received = b""
            self._has_said_all = False

        def read(self) -> bool:
            """Read what there is; True when that was all, and `result` can be asked for."""
            part = os.read(self.outcome, _MOST_BYTES)
            self._received += part
            self._has_said_all = not part
            return self._has_said_all or len(self._received) > _MOST_BYTES

        def result(self) -> tuple[Credentials | None, str, str | None]:
            """Return the new credentials, or None with what was said and the hint.

            Ends the child.
            """
            self.end()
            return _result(pipe.understand(self._received))

        def end(self) -> None:
            """End the child and all below it, if it still runs."""
            if not self._child:
                return
            if not self._has_said_all:  # then it is at its end by itself
                from aws_role_exec.network import ending  # for what takes too long

                ending.end(self._child)
            os.waitpid(self._child, 0)
            self._child = 0
            os.close(self.outcome)

    def _walk(request: Request, environ: Mapping[str, str], directory: str, write_end: int) -> None:
        """Ask again, tell the outcome and end this process."""
        from aws_role_exec.renewal import detached

        detached.become_ordinary(keep=write_end)
        try:
            os.chdir(directory)
        except OSError:
            pass  # removed meanwhile: what is given by a relative path is not found then
        pipe.send(write_end, _ask_again(request, environ, is_program=True))
        os._exit(0)


def _ask_again(
    request: Request, environ: Mapping[str, str], *, is_program: bool
) -> tuple[str | None, ...]:
    """Ask as the program did first, and return the outcome in words; raises nothing."""
    try:
        from aws_role_exec import assume
        from aws_role_exec.request import request as requests
        from aws_role_exec.trail import Trail

        asked = requests.again(request, environ)
        found = assume.obtain(asked, environ, keep_quiet, Trail(), is_program=is_program)
    except AwsRoleExecError as error:
        return "failure", str(error), error.hint
    except Exception as error:
        return "failure", f"unexpected: {type(error).__name__}", None
    return "credentials", *found.values()


def _result(found: tuple[Any, ...] | None) -> tuple[Credentials | None, str, str | None]:
    if found is None:
        return None, "the renewal ended without a result", None
    kind, *values = found
    if kind == "credentials":
        return Credentials(*values), "", None
    said, hint = values
    return None, said, hint
