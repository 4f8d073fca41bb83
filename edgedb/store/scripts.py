"""Runs the Lua scripts, one atomic step each, and names what can go wrong with the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any

import redis
from redis.commands.core import Script
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, RedisError

from edgedb.errors import InsufficientStorage, StoreUnavailable

Argument = str | bytes | int
Clock = Callable[[], int]
"""Gives the time in milliseconds; tests replace it. None: the server's own clock."""


OUT_OF_ORDER = {"BUSY", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN"}
"""Refusals that end by themselves or by the operator's hand: a full disk, a lost replica, …"""


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the server's refusals and failures into this library's errors."""
    try:
        yield
    except OutOfMemoryError as error:
        raise InsufficientStorage("the node's Redis is at its memory limit") from error
    except (
        redis.ConnectionError,
        redis.TimeoutError,
        BusyLoadingError,
        ReadOnlyError,
    ) as error:
        raise StoreUnavailable("the node's Redis does not answer; try again") from error
    except RedisError as error:
        code = str(error).partition(" ")[0]
        if code == "OOM":
            raise InsufficientStorage("the node's Redis is at its memory limit") from error
        if code in OUT_OF_ORDER:
            raise StoreUnavailable(f"the node's Redis is out of order ({code})") from error
        raise


class Scripts:
    """The scripts of ``lua/``, by name."""

    def __init__(self, client: redis.Redis, clock: Clock | None) -> None:
        # redis-py types its answers for all protocols and decodings at once; here: RESP2, bytes
        self.client: Any = client
        self._clock = clock
        self._scripts: dict[str, Script] = {}

    def now(self) -> Argument:
        """Give what scripts take as the time: '' lets them ask the server."""
        return "" if self._clock is None else self._clock()

    def script(self, name: str) -> Script:
        """Give one script, to be run alone or in a pipeline."""
        if name not in self._scripts:
            self._scripts[name] = self.client.register_script(_source(name))
        return self._scripts[name]

    def run(self, name: str, keys: Sequence[str], *arguments: Argument) -> Any:  # noqa: ANN401
        """Run one script.

        Raises:
            StoreUnavailable: no answer; whether it ran is unknown.
            InsufficientStorage: the server is full; it did nothing.

        """
        with store_errors():
            return self.script(name)(keys=list(keys), args=list(arguments))


def _source(name: str) -> str:
    folder = resources.files("edgedb.store") / "lua"
    return (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()
