"""Messages to other nodes, kept until they are delivered: a stream with one consumer group.

The group sees to it that two processes do not deliver the same entry at the same time; what a
dead process had claimed is claimed again after a while. Delivery is at least once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from redis.exceptions import ResponseError

from edgedb.model import Message, message_from_json
from edgedb.store import keys
from edgedb.store.scripts import Scripts, store_errors

BATCH = 100
BATCHES = 100  # a function that propagates to itself must not keep one tick for ever

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A message in the outbox; ``id`` begins with the time it was put there (ms since 1970)."""

    id: str
    message: Message

    @property
    def created_ms(self) -> int:
        """When it was put there."""
        return int(self.id.partition("-")[0])


class OutboxStore:
    """Claims and removes entries; scripts add them."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._client = scripts.client

    def claim_new(self, consumer: str) -> Iterator[Entry]:
        """Give what was there and nobody had tried; each entry is this consumer's now."""
        for _ in range(BATCHES):
            batch = self._retried(partial(self._read_new, consumer))
            yield from batch
            if len(batch) < BATCH:
                return

    def claim_old(self, consumer: str, idle_ms: int) -> Iterator[Entry]:
        """Give what was claimed longer ago and not delivered."""
        after = "0-0"
        for _ in range(BATCHES):
            after, batch = self._retried(partial(self._read_old, consumer, idle_ms, after))
            yield from batch
            if after == "0-0":
                return

    def remove(self, entry: Entry) -> None:
        """Forget a delivered entry."""
        with store_errors(), self._client.pipeline() as pipe:
            pipe.xack(keys.OUTBOX, keys.OUTBOX_GROUP, entry.id)
            pipe.xdel(keys.OUTBOX, entry.id)
            pipe.execute()

    def _read_new(self, consumer: str) -> list[Entry]:
        found = self._client.xreadgroup(
            keys.OUTBOX_GROUP, consumer, {keys.OUTBOX: ">"}, count=BATCH
        )
        return [_entry(raw) for _, entries in found or [] for raw in entries]

    def _read_old(self, consumer: str, idle_ms: int, after: str) -> tuple[str, list[Entry]]:
        following, entries, *_ = self._client.xautoclaim(
            keys.OUTBOX, keys.OUTBOX_GROUP, consumer, idle_ms, after, count=BATCH
        )
        return following.decode(), [_entry(raw) for raw in entries if raw[1]]

    def _retried(self, read: Callable[[], T]) -> T:
        """Create the group when it turns out to be missing."""
        with store_errors():
            try:
                return read()
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
            self._scripts.run("open_outbox", [keys.OUTBOX], keys.OUTBOX_GROUP)
            return read()


def _entry(raw: tuple[bytes, dict[bytes, bytes]]) -> Entry:
    entry_id, fields = raw
    return Entry(entry_id.decode(), message_from_json(json.loads(fields[b"message"])))
