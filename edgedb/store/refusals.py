"""What it means when the server refuses a command, or does not answer."""

from __future__ import annotations

import redis
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, RedisError

from edgedb.errors import EdgeError, InsufficientStorage, StoreUnavailable

SILENT = (redis.ConnectionError, redis.TimeoutError, BusyLoadingError, ReadOnlyError)
OUT_OF_ORDER = {"BUSY", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN"}
"""Refusals that end by themselves or by the operator's hand: a full disk, a lost replica, …"""


class store_errors:  # noqa: N801 - reads as what it is: a block
    """Turns the server's refusals and failures into this library's errors."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RedisError):
            known = _known(error)
            if known is not None:
                raise known from error


def _known(error: RedisError) -> EdgeError | None:
    code = str(error).partition(" ")[0]
    if isinstance(error, OutOfMemoryError) or code == "OOM":
        return InsufficientStorage("the node's Redis is at its memory limit")
    if isinstance(error, SILENT):
        return StoreUnavailable("the node's Redis does not answer; try again")
    if code in OUT_OF_ORDER:
        return StoreUnavailable(f"the node's Redis is out of order ({code})")
    return None
