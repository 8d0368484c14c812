"""The helper: serves the credentials beside the command, renews them, and ends with it.

One process, one thread, one wait: poll(2) on the listening socket, the connections, the renewal
under way and the command's end.
"""

from __future__ import annotations

import gc
import os
import select

from aws_role_exec.errors import AwsRoleExecError, OutputError
from aws_role_exec.messages import say_error
from aws_role_exec.records import record
from aws_role_exec.renewal import command, detached, directory, watch
from aws_role_exec.renewal.clients import Clients
from aws_role_exec.renewal.renewing import Renewing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.renewal.directory import Private
    from aws_role_exec.request.request import Request

_TOKEN_BYTES = 32
_NAP_SECONDS = 0.5  # beyond which the helper sleeps small
_LONGEST_SLEEP_SECONDS = 60.0  # after which the clocks are looked at: a suspend stops poll's own


@record
class Order:
    """What a helper is started for: the request to renew, and the process that is the command.

    `places` are where its directory may be. `receive` waits for the first credentials, and
    returns None when there will be no command; `reply` tells the command's variables, or what
    is in the way, through the descriptor `reply_end`.
    """

    request: Request
    environ: Mapping[str, str]
    command_process: int
    places: list[str]
    receive: Callable[[], Credentials | None]
    reply: Callable[[dict[str, str] | AwsRoleExecError], None]
    reply_end: int

    def __repr__(self) -> str:
        """Show which command it is for, and no secret."""
        return f"Order({self.command_process})"


def run(order: Order) -> None:
    """Live as the helper: wait for the first credentials, be ready, serve until the end."""
    end = watch.open_end(order.command_process)
    credentials = order.receive()
    if credentials is None:
        return
    poll = select.poll()
    renewing = Renewing(order.request, order.environ, poll, _say)
    renewing.take(credentials)
    private: Private | None = None
    try:
        token = os.urandom(_TOKEN_BYTES).hex()
        clients = Clients(token, poll, renewing.answer)
        private = directory.make(order.places)
        sections = command.read_sections(order.request.settings.configuration.paths[0])
        access = command.Access(clients.port, token, order.request.region)
        variables = command.variables(access, private, sections, order.environ)
        _detach(order, [clients.descriptor, private.descriptor, *([] if end is None else [end])])
    except AwsRoleExecError as error:
        _give_up(order, private, error)
        return
    except OSError as error:
        _give_up(order, private, OutputError(f"--renew: {error.strerror}"))
        return
    try:
        order.reply(variables)  # from here on there is a command
        _serve(order.command_process, end, poll, clients, renewing)
    except Exception as error:
        _say(f"renewal has ended: unexpected: {type(error).__name__}")
    finally:
        renewing.end()
        private.remove()


def _detach(order: Order, kept: list[int]) -> None:
    """Hold nothing of the caller's any more; its signals are the command's."""
    detached.ignore_signals()
    detached.let_go([*kept, order.reply_end])
    detached.take_a_name(order.command_process)
    os.chdir("/")
    gc.enable()  # the executable goes without, since its life is short; this one's is not


def _give_up(order: Order, private: Private | None, error: AwsRoleExecError) -> None:
    if private is not None:
        private.remove()
    order.reply(error)


def _serve(
    process: int, end: int | None, poll: select.poll, clients: Clients, renewing: Renewing
) -> None:
    """Serve until the process has ended: `end` is readable then, None where nothing tells."""
    if end is not None:
        poll.register(end, select.POLLIN)
    longest = watch.LOOK_EVERY_SECONDS if end is None else _LONGEST_SLEEP_SECONDS
    while True:
        renewing.start_if_due()
        waits = (longest, renewing.seconds_left(), clients.seconds_left())
        seconds = max(0.0, min(wait for wait in waits if wait is not None))
        if seconds > _NAP_SECONDS:
            detached.let_go_of_memory()
        readable = [descriptor for descriptor, _ in poll.poll(seconds * 1000)]
        if end in readable or (end is None and not watch.is_running(process)):
            return
        for descriptor in readable:
            if renewing.hear(descriptor):
                clients.answer_waiting()
            else:
                clients.hear(descriptor)
        clients.drop_the_late()


def _say(line: str) -> bool:
    """Say it on the job's stderr, unless that would have to be waited for."""
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    if poll.poll(0) != [(2, select.POLLOUT)]:
        return False
    say_error(line, None, is_colored=False)
    return True
