"""Renewing on Windows, which has no exec: who waits for the command's end serves it meanwhile."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.request.request import Request

if sys.platform == "win32":
    import _thread
    import os
    import socket
    import subprocess

    from aws_role_exec.errors import OutputError
    from aws_role_exec.handover import windows
    from aws_role_exec.messages import say_error
    from aws_role_exec.renewal import directory
    from aws_role_exec.renewal.serving import Service

    class Started:
        """Us, ready to serve the first credentials."""

        def __init__(self, request: Request, environ: Mapping[str, str]) -> None:
            self._request = request
            self._environ = environ

        def hand_over(self, credentials: Credentials) -> dict[str, str]:
            """Open the port and return the variables that the command gets.

            Raises OutputError where that cannot be done.
            """
            places = directory.candidates(self._environ)
            try:
                self._service = Service(self._request, self._environ, credentials, places, _say)
            except OSError as error:
                raise OutputError(f"--renew: {error.strerror}") from None
            return self._service.variables

        def become(
            self, path: str, arguments: tuple[str, ...], environ: Mapping[str, str]
        ) -> NoReturn:
            """Run the command, serve until its end, and leave with its exit code.

            Raises CommandNotExecutableError (exit 126) when it cannot be started.
            """
            try:
                code = windows.run(path, arguments, environ, self._serve)
            finally:
                self._service.close()
            os._exit(code)

        def _serve(self, process: subprocess.Popen[bytes]) -> int:
            """Serve until the process has ended, and return its exit code."""
            end, ending = socket.socketpair()  # select takes no process

            def wait() -> None:
                process.wait()
                ending.close()

            try:
                _thread.start_new_thread(wait, ())
                self._service.run(process.pid, end.fileno())
            except Exception as error:
                _say(f"renewal stopped: unexpected error: {type(error).__name__}")
            return process.wait()

    def start(request: Request, environ: Mapping[str, str]) -> Started:
        """Return what will serve. There is nothing to start before there are credentials."""
        return Started(request, environ)

    _speaking = _thread.allocate_lock()

    def _say(line: str) -> bool:
        """Say it on stderr, in a thread: a console whose text is being marked lets us wait."""
        if not _speaking.acquire(blocking=False):
            return False

        def speak() -> None:
            try:
                say_error(line, None, is_colored=False)
            finally:
                _speaking.release()

        _thread.start_new_thread(speak, ())
        return True
