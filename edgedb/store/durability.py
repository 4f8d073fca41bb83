"""Waits until what a step has written is on disk, where ``EDGE_DURABILITY=fsync`` asks for it.

A move rests on two records: the destination's *prepared* arrival and the source's hand-over. A
machine that dies and forgets one of them after the other node has gone on would lose the session
or serve it twice (docs/operations.md, "Durability").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from edgedb.errors import ConfigurationError, EdgeError, OutcomeUnknown
from edgedb.store import keys
from edgedb.store.codec import Argument
from edgedb.store.scripts import Scripts
from edgedb.waiting import attempts

WAITS = 6
WAIT_MS = 500  # each within EDGE_REDIS_TIMEOUT; `appendfsync everysec` needs up to 2 s in all


class Disk:
    """What a node's server has on disk; with ``is_awaited`` False nothing is waited for."""

    def __init__(self, scripts: Scripts, *, is_awaited: bool) -> None:
        self._scripts = scripts
        self._is_awaited = is_awaited

    def require(self) -> None:
        """Make sure that :meth:`run` can wait, before anything rests on it.

        Raises:
            ConfigurationError: the server keeps no append-only file, or is older than WAITAOF.

        """
        if self._is_awaited:
            with self._scripts.asking():
                try:
                    self._scripts.client.execute_command("WAITAOF", 1, 0, 1)
                except ResponseError as error:
                    raise ConfigurationError(_missing(error)) from error

    def run(self, name: str, names: Sequence[str], *arguments: Argument) -> Any:  # noqa: ANN401
        """Run a script that may be repeated; gives its answer when what it wrote is on disk.

        Raises:
            OutcomeUnknown: it is not after three seconds, or the server cannot say; the step
                may be repeated.

        """
        if not self._is_awaited:
            return self._scripts.run(name, names, *arguments)
        is_taken = False
        for _ in attempts(WAITS):
            try:
                answer, is_on_disk = self._attempt(name, names, arguments)
            except EdgeError as error:
                if is_taken:
                    raise OutcomeUnknown(str(error)) from error
                raise
            if is_on_disk:
                return answer
            is_taken = True
        raise OutcomeUnknown(
            "the node's disk does not keep up; whether what was done will last is not known"
        )

    def _attempt(
        self, name: str, names: Sequence[str], arguments: Sequence[Argument]
    ) -> tuple[Any, bool]:
        """Run it and wait, in one go: if the connection is lost, all of it is sent again.

        WAITAOF alone would wait for what the new connection has written, which is nothing; and the
        server may have lost the step when it lost the connection.
        """
        step, sync = self._scripts.script(name), self._scripts.script("sync")
        with self._scripts.pipeline(OutcomeUnknown) as pipe:
            # with their text: a server that has restarted meanwhile knows no script
            pipe.execute_command("EVAL", step.text, len(names), *names, *arguments)
            pipe.execute_command("EVAL", sync.text, 1, keys.STATUS)
            pipe.execute_command("WAITAOF", 1, 0, WAIT_MS)
            answer, synced, waited = pipe.execute(raise_on_error=False)
            if isinstance(answer, Exception):
                raise answer
        # where nothing could be written, WAITAOF waits for nothing
        for refused in (synced, waited):
            if isinstance(refused, ResponseError):
                raise OutcomeUnknown(f"{refused}; whether what was done will last is not known")
        return answer, bool(waited[0])


def _missing(error: ResponseError) -> str:
    return f"EDGE_DURABILITY=fsync needs Redis 7.2 or Valkey with appendonly yes: {error}"
