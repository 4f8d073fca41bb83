"""Redis' own way to copy a key to another server: what a move can be compared with."""

from __future__ import annotations

import time

from benchmarks.sessions import Contents, fill_key
from benchmarks.trees import Tree

_TIMEOUT_MS = 60_000


class Migration:
    """One key that goes back and forth between the servers of two locations."""

    def __init__(self, tree: Tree, source: str, destination: str, key: str, what: Contents) -> None:
        self._key = key
        self._source, self._destination = tree.redis(source), tree.redis(destination)
        fill_key(self._source, key, what)

    def run(self) -> float:
        """Copy the key to the other server, where it is not; the next run goes back.

        Gives milliseconds.
        """
        self._destination.delete(self._key)
        at = self._destination.connection_pool.connection_kwargs
        began = time.monotonic()
        self._source.migrate(
            at["host"], at["port"], self._key, 0, _TIMEOUT_MS, copy=True, replace=True
        )
        elapsed = (time.monotonic() - began) * 1000
        self._source, self._destination = self._destination, self._source
        return elapsed

    def clean_up(self) -> None:
        """Remove the key."""
        self._source.delete(self._key)
        self._destination.delete(self._key)
