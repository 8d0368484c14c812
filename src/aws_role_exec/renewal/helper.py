"""The helper: a process beside the command that serves its credentials, and ends with it.

One process, one thread, one wait. Of POSIX: on Windows the parent serves, see `waiting_parent`.
"""

from __future__ import annotations

import gc
import os
import select

from aws_role_exec.errors import AwsRoleExecError, OutputError
from aws_role_exec.messages import say_error
from aws_role_exec.records import record
from aws_role_exec.renewal import detached, watch
from aws_role_exec.renewal.serving import Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_role_exec.credentials import Credentials
    from aws_role_exec.request.request import Request


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
    detached.ignore_signals()  # from here on there is something to tidy up
    service: Service | None = None
    try:
        service = Service(order.request, order.environ, credentials, order.places, _say)
        kept = [service.clients.descriptor, service.private.descriptor]
        _detach(order, [*kept, *([] if end is None else [end])])
    except AwsRoleExecError as error:
        _give_up(order, service, error)
        return
    except OSError as error:
        _give_up(order, service, OutputError(f"--renew: {error.strerror}"))
        return
    try:
        try:
            order.reply(service.variables)  # from here on there is a command
        except OSError:
            return  # the program has ended, and has said why
        service.run(order.command_process, end)
    except Exception as error:
        _say(f"renewal stopped: unexpected error: {type(error).__name__}")
    finally:
        service.close()


def _detach(order: Order, kept: list[int]) -> None:
    """Hold nothing of the caller's any more."""
    detached.let_go([*kept, order.reply_end])
    detached.take_a_name(order.command_process)
    os.chdir("/")
    gc.enable()  # the executable goes without, since its life is short; this one's is not


def _give_up(order: Order, service: Service | None, error: AwsRoleExecError) -> None:
    if service is not None:
        service.close()
    try:
        order.reply(error)
    except OSError:
        pass  # the program has ended, and has said why


def _say(line: str) -> bool:
    """Say it on the job's stderr, unless that would have to be waited for."""
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    if poll.poll(0) != [(2, select.POLLOUT)]:
        return False
    say_error(line, None, is_colored=False)
    return True
