"""A client of a node's server that does no more than it must."""

from __future__ import annotations

import os
from typing import Any

import hiredis
import redis
from redis.exceptions import RedisError

from edgedb.store.admission import Met
from edgedb.store.patience import PatientConnection
from edgedb.store.refusals import Asking, is_answer


class LeanRedis(redis.Redis):
    """A client that sends its commands, and does no more than that; pipelines are redis-py's own.

    What redis-py measures of each command, and how it looks at each argument, takes half of the
    time of a command with thirty; to take a connection from its pool, as much again.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.connection_pool.connection_class = PatientConnection
        self.connection_pool.connection_kwargs["met"] = Met()
        self._free = list[Any]()  # connections; the last one is in the processor's caches
        self._process = os.getpid()

    def execute_command(
        self,
        *args: Any,  # noqa: ANN401
        asking: Asking | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Send one command, again if the connection is lost; gives its answer.

        ``asking`` is told how often it was sent in vain.
        """
        client: Any = self  # redis-py's commands are not typed
        packed = [hiredis.pack_command((*args[0].split(), *args[1:]))]
        unanswered = asking.unanswered or 0 if asking else 0

        def send() -> Any:  # noqa: ANN401
            nonlocal unanswered
            connection.send_packed_command(packed)
            unanswered += 1
            try:
                answer = client.parse_response(connection, args[0], **options)
            except RedisError as error:
                unanswered -= is_answer(error)
                raise
            unanswered -= 1
            return answer

        if asking:
            asking.unanswered = unanswered
        connection = self._connection()
        try:
            return connection.retry.call_with_retry(send, lambda _: connection.disconnect())
        finally:
            self._free.append(connection)
            if asking:
                asking.unanswered = unanswered

    def _connection(self) -> Any:  # noqa: ANN401
        """Take a connection that is free, or another."""
        if os.getpid() != self._process:  # forked: the connections are the parent's
            self._free, self._process = [], os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return self.connection_pool.get_connection()
