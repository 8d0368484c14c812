"""Serving the credentials on loopback, and renewing them, until the command has ended.

One wait for all: for clients, for the renewal under way and for the command's end.
"""

from __future__ import annotations

import os

from aws_role_exec.renewal import command, detached, directory, watch
from aws_role_exec.renewal.clients import Clients
from aws_role_exec.renewal.readable import Readable
from aws_role_exec.renewal.renewing import Renewing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.request.request import Request

_TOKEN_BYTES = 32
_NAP_SECONDS = 0.5  # beyond which the helper sleeps small
_LONGEST_SLEEP_SECONDS = 60.0  # after which the clocks are looked at: a suspend stops poll's own


class Service:
    """A port on loopback with credentials, and the private directory that tells of it."""

    def __init__(
        self,
        request: Request,
        environ: Mapping[str, str],
        credentials: Credentials,
        places: list[str],
        say: Callable[[str], bool],
    ) -> None:
        """Make both, in the first of the places. Raises OutputError or OSError.

        `say` prints a line for the job's user, and tells whether that could be done.
        """
        self._readable = Readable()
        self._renewing = Renewing(request, environ, self._readable, say)
        self._renewing.take(credentials)
        token = os.urandom(_TOKEN_BYTES).hex()
        self.clients = Clients(token, self._readable, self._renewing.answer)
        self.private = directory.make(places)
        try:
            access = command.Access(self.clients.port, token, request.region)
            sections = command.read_sections(request.settings.configuration.paths[0])
            self.variables = command.variables(access, self.private, sections, environ)
        except BaseException:
            self.private.remove()
            raise

    def run(self, process: int, end: int | None) -> None:
        """Serve until the process has ended: `end` is readable then, None where nothing tells."""
        clients, renewing = self.clients, self._renewing
        if end is not None:
            self._readable.add(end)
        longest = watch.LOOK_EVERY_SECONDS if end is None else _LONGEST_SLEEP_SECONDS
        while True:
            renewing.start_if_due()
            waits = (longest, renewing.seconds_left(), clients.seconds_left())
            seconds = max(0.0, min(wait for wait in waits if wait is not None))
            if seconds > _NAP_SECONDS:
                detached.let_go_of_memory()
            readable = self._readable.wait(seconds)
            if end in readable or (end is None and not watch.is_running(process)):
                return
            for descriptor in readable:
                if renewing.hear(descriptor):
                    clients.answer_waiting()
                else:
                    clients.hear(descriptor)
            clients.drop_the_late()

    def close(self) -> None:
        """End a renewal that is under way, and remove the directory."""
        self._renewing.end()
        self.private.remove()
