"""The clients of a helper: connections on loopback, bounded in number, size and time."""

from __future__ import annotations

import _socket
import time

from aws_role_exec.renewal import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from aws_role_exec.renewal.readable import Readable

ADDRESS = "127.0.0.1"
_BACKLOG = 4096  # the kernel takes what net.core.somaxconn allows
_CONNECTIONS_AT_MOST = 500  # Windows waits for 512 descriptors, and some are others
_ACCEPTED_AT_ONCE = 64  # before those that are there are heard
_PAUSE_SECONDS = 0.05
_REQUEST_SECONDS = 10.0  # for a client to send its request in
_WAITING_SECONDS = 60.0  # for a client without credentials; SDKs wait for 1 s to 5 s themselves


class Clients:
    """A listening socket and its connections, which the one wait of all waits for.

    `answer` returns what a client with the right token gets, None when it has to wait.
    """

    def __init__(self, token: str, readable: Readable, answer: Callable[[], bytes | None]) -> None:
        """Listen on a port of the system's choice. Raises OSError where there is no loopback."""
        self._token = token
        self._readable = readable
        self._answer = answer
        self._connections: dict[int, _Connection] = {}  # in the order of their arrival
        self._listener: Any = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self._listener.bind((ADDRESS, 0))
        self._listener.listen(_BACKLOG)
        self._listener.setblocking(False)
        readable.add(self.descriptor)

    @property
    def descriptor(self) -> int:
        """The listening socket's."""
        return int(self._listener.fileno())

    @property
    def port(self) -> int:
        """The port on loopback."""
        return int(self._listener.getsockname()[1])

    def hear(self, descriptor: int) -> None:
        """Do what a readable descriptor asks for; one that is none of ours asks for nothing."""
        if descriptor == self.descriptor:
            self._accept()
        elif descriptor in self._connections:
            self._receive(self._connections[descriptor])

    def answer_waiting(self) -> None:
        """Answer those that wait, if there is an answer now."""
        for connection in [one for one in self._connections.values() if one.is_waiting]:
            self._try_to_answer(connection)

    def drop_the_late(self) -> None:
        """Close connections whose time is over."""
        now = time.monotonic()
        for connection in [one for one in self._connections.values() if now >= one.until]:
            if connection.is_waiting:
                connection.send(
                    protocol.failure(500, "RenewalFailed", "the renewal takes too long")
                )
            self._close(connection)

    def seconds_left(self) -> float | None:
        """Return in how many seconds the first connection's time is over; None without any."""
        ends = [one.until for one in self._connections.values()]
        return min(ends) - time.monotonic() if ends else None

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                number, _ = self._listener._accept()
            except BlockingIOError:
                return
            except OSError:  # out of descriptors, or the client is gone already
                if not self._drop_the_oldest():
                    time.sleep(_PAUSE_SECONDS)  # else the wait would end at once again
                    return
                continue
            if len(self._connections) >= _CONNECTIONS_AT_MOST and not self._drop_the_oldest():
                _socket.close(number)  # all of them wait for a renewal
                continue
            connection = self._connections[number] = _Connection(number)
            self._readable.add(number)
            self._receive(connection)  # mostly it is there already

    def _receive(self, connection: _Connection) -> None:
        if not connection.receive():
            self._close(connection)
        elif not connection.is_waiting and protocol.is_whole(connection.received):
            refusal = protocol.refusal(connection.received, self._token)
            if refusal is None:
                self._try_to_answer(connection)
            else:
                connection.send(refusal)
                self._close(connection)

    def _try_to_answer(self, connection: _Connection) -> None:
        answer = self._answer()
        if answer is None:
            connection.wait()
        else:
            connection.send(answer)
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._readable.remove(connection.number)
        del self._connections[connection.number]
        connection.close()

    def _drop_the_oldest(self) -> bool:
        """Close the connection that has been without a request for longest; False if none is."""
        for connection in self._connections.values():
            if not connection.is_waiting:
                self._close(connection)
                return True
        return False


class _Connection:
    """One client's connection. It is to be done by `until`, on the monotonic clock."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.received = b""
        self.until = time.monotonic() + _REQUEST_SECONDS
        self.is_waiting = False
        # On Windows a socket is no file, and read(2) and write(2) do not know it.
        self._socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, number)
        self._socket.setblocking(False)

    def receive(self) -> bool:
        """Read what there is; False when the client has gone."""
        try:
            part = self._socket.recv(protocol.MOST_BYTES + 1)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not self.is_waiting:
            self.received += part
        return bool(part)

    def wait(self) -> None:
        """Let the client wait for a renewal; the time for that begins once."""
        if not self.is_waiting:
            self.is_waiting = True
            self.received = b""
            self.until = time.monotonic() + _WAITING_SECONDS

    def send(self, answer: bytes) -> None:
        """Send an answer, which a new connection's buffer holds whole."""
        try:
            self._socket.send(answer)
        except OSError:
            pass  # the client has gone

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
