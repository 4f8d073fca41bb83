"""The waiting room: how many requests of a process may wait at a time, whatever they wait for.

A request that waits holds a thread. If all threads could wait, the requests of one busy session
would stop those of every other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from edgedb.errors import Unavailable


class Place:
    """One request's place in the room, which it takes when it first has to wait."""

    def __init__(self, free: threading.Semaphore) -> None:
        self._free = free
        self._is_taken = False

    def take(self) -> None:
        """Have a place from now on: whoever has waited for one thing may wait for the next.

        Raises:
            Unavailable: none is free; nothing has happened.

        """
        if not self._is_taken and not self._free.acquire(blocking=False):
            raise Unavailable("too many requests are waiting here; try again")
        self._is_taken = True

    def leave(self) -> None:
        """Give the place back, if there is one: the request waits for nothing any more."""
        if self._is_taken:
            self._is_taken = False
            self._free.release()


class WaitingRoom:
    """Half of a process's threads: the others serve what needs no waiting."""

    def __init__(self, threads: int) -> None:
        self._free = threading.Semaphore(max(1, threads // 2))

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Give one request its place, not taken yet; it is free again after the block."""
        place = Place(self._free)
        try:
            yield place
        finally:
            place.leave()
