"""Starting what renews before STS is asked, and handing it the first credentials afterwards."""

from __future__ import annotations

import os
import sys

from aws_role_exec.credentials import Credentials
from aws_role_exec.errors import AwsRoleExecError, OutputError
from aws_role_exec.handover import execute
from aws_role_exec.renewal import beside, directory, pipe

__all__ = ["Started", "start"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.request.request import Request

if sys.platform == "win32":
    from aws_role_exec.renewal.waiting_parent import Started, start
else:

    class Started:
        """A helper that waits for the first credentials, and ends if there come none."""

        def __init__(self, to_helper: int, from_helper: int) -> None:
            self._to_helper = to_helper
            self._from_helper = from_helper

        def hand_over(self, credentials: Credentials) -> dict[str, str]:
            """Give the helper the credentials; returns the variables that the command gets.

            It serves from then on. Raises OutputError where it cannot.
            """
            try:
                pipe.send(self._to_helper, credentials.values())
                answer = pipe.receive(self._from_helper)
            except OSError:
                answer = None
            if answer is None:
                raise OutputError("--renew: the helper process has ended", hint=_ENDED)
            kind, content = answer
            if kind == "failure":
                message, hint = content
                raise OutputError(message, hint=hint)
            variables: dict[str, str] = content
            return variables

        become = staticmethod(execute.become)
        """The helper sees us become the command."""

    _ENDED = "was it killed, or is the machine out of memory?"

    def start(request: Request, environ: Mapping[str, str]) -> Started:
        """Start the helper. Nothing is on disk yet.

        Raises OutputError where there is no process to be had.
        """
        places = directory.candidates(environ)
        command_process = os.getpid()
        to_helper_end, to_helper = os.pipe()
        from_helper, from_helper_end = os.pipe()

        def work() -> None:
            from aws_role_exec.renewal import helper  # in the helper's own process

            os.close(to_helper)
            os.close(from_helper)

            def receive() -> Credentials | None:
                values = pipe.receive(to_helper_end)
                return Credentials(*values) if values else None

            def reply(answer: dict[str, str] | AwsRoleExecError) -> None:
                if isinstance(answer, AwsRoleExecError):
                    pipe.send(from_helper_end, ("failure", (str(answer), answer.hint)))
                else:
                    pipe.send(from_helper_end, ("variables", answer))

            order = helper.Order(
                request, environ, command_process, places, receive, reply, from_helper_end
            )
            helper.run(order)

        try:
            beside.start(work)
        except OSError as error:
            raise OutputError(
                f"--renew: cannot start the helper process: {error.strerror}",
                hint="has the user reached the process limit? See ulimit -u",
            ) from None
        os.close(to_helper_end)
        os.close(from_helper_end)
        return Started(to_helper, from_helper)
