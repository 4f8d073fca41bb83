"""Waits until what a step has written is on disk, where ``EDGE_DURABILITY=fsync`` asks for it.

A move rests on two records: the destination's *prepared* arrival and the source's hand-over. A
machine that dies and forgets one of them after the other node has gone on would lose the session
or serve it twice (docs/operations.md, "Durability").
"""

from __future__ import annotations

import redis
from redis.exceptions import ResponseError

from edgedb.errors import ConfigurationError, StoreUnavailable
from edgedb.store import keys
from edgedb.store.scripts import Scripts, store_errors

WAITS = 6
WAIT_MS = 500  # each within EDGE_REDIS_TIMEOUT; `appendfsync everysec` needs up to 2 s in all


class Disk:
    """What a node's server has on disk; with ``is_awaited`` False nothing is waited for."""

    def __init__(self, scripts: Scripts, *, is_awaited: bool) -> None:
        self._scripts = scripts
        self._is_awaited = is_awaited

    def has_all(self) -> None:
        """Return when everything written so far is on disk.

        Raises:
            StoreUnavailable: it is not after three seconds; the step may be repeated.
            ConfigurationError: the server keeps no append-only file, or is older than WAITAOF.

        """
        if not self._is_awaited:
            return
        with store_errors(), self._scripts.client.client() as connection:
            for _ in range(WAITS):
                self._scripts.script("sync")(keys=[keys.STATUS], client=connection)
                if _fsynced(connection):
                    return
        raise StoreUnavailable("the node's disk does not keep up; try again")


def _fsynced(connection: redis.Redis) -> bool:
    try:
        local, _ = connection.waitaof(1, 0, WAIT_MS)
    except ResponseError as error:
        raise ConfigurationError(
            f"EDGE_DURABILITY=fsync needs Redis 7.2 or Valkey with appendonly yes: {error}"
        ) from error
    return bool(local)
