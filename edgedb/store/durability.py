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
from edgedb.store.admission import Admitted, is_refused
from edgedb.store.scripts import Scripts, Step, shown
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
            self._scripts.asked(self._wait_at_all)

    def _wait_at_all(self) -> None:
        try:
            self._scripts.client.execute_command("WAITAOF", 1, 0, 1)
        except ResponseError as error:
            if is_refused(error):
                raise
            raise ConfigurationError(_missing(error)) from error

    def run_each(self, name: str, calls: Sequence[Step]) -> list[Any]:
        """Run a script that may be repeated so many times; answers when all of it is on disk.

        As :meth:`~edgedb.store.scripts.Scripts.run_each`, and

        Raises:
            OutcomeUnknown: it is not after three seconds, or the server cannot say; the steps
                may be repeated.

        """
        if not self._is_awaited:
            return self._scripts.run_each(name, calls, OutcomeUnknown) if calls else []
        is_taken = False
        for _ in attempts(WAITS):
            try:
                answer, is_on_disk = self._attempt(name, calls)
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

    def _attempt(self, name: str, calls: Sequence[Step]) -> tuple[list[Any], bool]:
        """Run them and wait, in one go: if the connection is lost, all of it is sent again.

        WAITAOF alone would wait for what the new connection has written, which is nothing; and the
        server may have lost the step when it lost the connection.
        """
        step, sync = self._scripts.script(name), self._scripts.script("sync")

        def add(pipe: Any, admitted: Admitted) -> None:  # noqa: ANN401
            for call in calls:
                # with their text: a server that has restarted meanwhile knows no script
                pipe.execute_command("EVAL", step.text, *shown(*call, admitted))
            written = shown([keys.STATUS], [], admitted)
            pipe.execute_command("EVAL", sync.text, *written)
            pipe.execute_command("WAITAOF", 1, 0, WAIT_MS)

        *answers, synced, waited = self._scripts.pipelined(add, OutcomeUnknown)
        answers = [self._scripts.told(answer, OutcomeUnknown) for answer in answers]
        # where nothing could be written, WAITAOF waits for nothing
        for refused in (synced, waited):
            if isinstance(refused, ResponseError):
                raise OutcomeUnknown(f"{refused}; whether what was done will last is not known")
        return answers, bool(waited[0])


def _missing(error: ResponseError) -> str:
    return f"EDGE_DURABILITY=fsync needs Redis 7.2 or Valkey with appendonly yes: {error}"
