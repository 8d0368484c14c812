"""Waiting until descriptors are readable: by poll(2), or by what Windows has."""

from __future__ import annotations

import select
import sys

if sys.platform == "win32":

    class Readable:
        """Sockets, 512 at most: its select takes nothing else, and Python's no more."""

        def __init__(self) -> None:
            self._descriptors: set[int] = set()

        def add(self, descriptor: int) -> None:
            """Wait for this one too."""
            self._descriptors.add(descriptor)

        def remove(self, descriptor: int) -> None:
            """Wait for it no longer."""
            self._descriptors.discard(descriptor)

        def wait(self, seconds: float) -> list[int]:
            """Return those that are readable, none when so many seconds have passed before."""
            return select.select(list(self._descriptors), (), (), seconds)[0]

else:

    class Readable:
        """Descriptors of any kind and number."""

        def __init__(self) -> None:
            self._poll = select.poll()

        def add(self, descriptor: int) -> None:
            """Wait for this one too."""
            self._poll.register(descriptor, select.POLLIN)

        def remove(self, descriptor: int) -> None:
            """Wait for it no longer."""
            self._poll.unregister(descriptor)

        def wait(self, seconds: float) -> list[int]:
            """Return those that are readable, none when so many seconds have passed before."""
            return [descriptor for descriptor, _ in self._poll.poll(seconds * 1000)]
