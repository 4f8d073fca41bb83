"""Messages to other nodes, kept until they are delivered: a stream with one consumer group.

The group sees to it that two processes do not deliver the same entry at the same time; what a
dead process had claimed is claimed again after a while. Delivery is at least once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from redis.exceptions import ResponseError

from edgedb.errors import EdgeError
from edgedb.model import Message, Propagation, message_from_json
from edgedb.store import keys
from edgedb.store.scripts import Scripts, store_errors

BATCH = 100
BATCHES = 100  # a function that propagates to itself must not keep one tick for ever

T = TypeVar("T")

log = logging.getLogger(__name__)


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
    """Claims and removes entries; scripts add them.

    Of each batch the updates come first: without them sessions cannot be found.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._client = scripts.client

    def claim_new(self, consumer: str) -> Iterator[Entry]:
        """Give what was there and nobody had tried; each entry is this consumer's now."""
        for _ in range(BATCHES):
            batch = self._retried(partial(self._read_new, consumer))
            yield from _updates_first(batch)
            if len(batch) < BATCH:
                return

    def claim_old(self, consumer: str, idle_ms: int) -> Iterator[Entry]:
        """Give what was claimed longer ago and not delivered."""
        after = "0-0"
        for _ in range(BATCHES):
            after, batch = self._retried(partial(self._read_old, consumer, idle_ms, after))
            yield from _updates_first(batch)
            if after == "0-0":
                return

    def remove(self, entry: Entry) -> None:
        """Forget a delivered entry."""
        self._drop(entry.id)

    def _drop(self, entry_id: str | bytes) -> None:
        with store_errors(), self._client.pipeline() as pipe:
            pipe.xack(keys.OUTBOX, keys.OUTBOX_GROUP, entry_id)
            pipe.xdel(keys.OUTBOX, entry_id)
            pipe.execute()

    def _read_new(self, consumer: str) -> list[Entry]:
        found = self._client.xreadgroup(
            keys.OUTBOX_GROUP, consumer, {keys.OUTBOX: ">"}, count=BATCH
        )
        return [entry for _, raws in found or [] for entry in self._readable(raws)]

    def _read_old(self, consumer: str, idle_ms: int, after: str) -> tuple[str, list[Entry]]:
        following, entries, *_ = self._client.xautoclaim(
            keys.OUTBOX, keys.OUTBOX_GROUP, consumer, idle_ms, after, count=BATCH
        )
        return following.decode(), self._readable(raw for raw in entries if raw[1])

    def _readable(self, raws: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[Entry]:
        """Read entries; what cannot be read never will be, and must not keep the others."""
        entries = []
        for entry_id, fields in raws:
            try:
                message = message_from_json(json.loads(fields[b"message"]))
            except (ValueError, KeyError, EdgeError):
                log.exception("an entry of the outbox cannot be read and is dropped")
                self._drop(entry_id)
            else:
                entries.append(Entry(entry_id.decode(), message))
        return entries

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


def _updates_first(batch: list[Entry]) -> list[Entry]:
    return sorted(batch, key=lambda entry: isinstance(entry.message, Propagation))
