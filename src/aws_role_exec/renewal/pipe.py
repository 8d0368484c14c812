"""Messages between the program, its helper and the helper's renewals: one through each pipe."""

from __future__ import annotations

import marshal
import os

from aws_role_exec.messages import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def send(descriptor: int, values: tuple[Any, ...]) -> None:
    """Write the values and close the descriptor. Raises OSError."""
    write_all(descriptor, marshal.dumps(values))
    os.close(descriptor)


def receive(descriptor: int) -> tuple[Any, ...] | None:
    """Wait for the values and close the descriptor; None when the writer ended without any.

    Raises OSError.
    """
    received = b""
    while part := os.read(descriptor, 1 << 16):
        received += part
    os.close(descriptor)
    return understand(received)


def understand(received: bytes) -> tuple[Any, ...] | None:
    """Return the values that all of a pipe's bytes are, None where they are not whole."""
    try:
        values: tuple[Any, ...] = marshal.loads(received)  # noqa: S302 - our own process's
    except (EOFError, ValueError, TypeError):
        return None
    return values
