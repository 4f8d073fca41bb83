"""Messages to other nodes, kept until they are delivered: a stream with one consumer group.

The group sees to it that two processes do not deliver the same entry at the same time; what a
dead process had claimed is claimed again after a while, by age and not by name: all are one
consumer. Delivery is at least once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from redis.exceptions import ResponseError

from edgedb.errors import EdgeError, OutcomeUnknown
from edgedb.store import keys
from edgedb.store.limits import CLOCK_STEP_MS
from edgedb.store.scripts import Scripts
from edgedb.wire.model import MESSAGE, Message, Propagation, read

BATCH = 100
BATCHES = 100  # a function that propagates to itself must not keep one tick for ever

T = TypeVar("T")

_CLAIMER = (keys.OUTBOX, keys.OUTBOX_GROUP, keys.OUTBOX_GROUP)
"""The stream, its group and that group's one consumer."""

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

    def claim_new(self) -> Iterator[Entry]:
        """Give what was there and nobody had tried; each entry is claimed now."""
        for _ in range(BATCHES):
            batch = self._retried(self._read_new)
            yield from _updates_first(batch)
            if len(batch) < BATCH:
                return

    def claim_old(self, idle_ms: int) -> Iterator[Entry]:
        """Give what was claimed longer ago and not delivered.

        And what was put there before the clock was set back, whoever has claimed it: until the
        clock is there again, nothing counts as claimed longer ago.
        """
        yield from self.claim([entry.id for entry in self._ahead()])
        after = "0-0"
        for _ in range(BATCHES):
            after, batch = self._retried(partial(self._read_old, idle_ms, after))
            yield from _updates_first(batch)
            if after == "0-0":
                return

    def waiting(self, age_ms: int) -> Iterator[Entry]:
        """Give what was put there longer ago, claimed or not; what cannot be read is left out.

        And what was put there before the clock was set back.
        """
        yield from self._between("-", f"{self._scripts.server_ms() - age_ms}")
        yield from self._ahead()

    def _ahead(self) -> Iterator[Entry]:
        return self._between(f"{self._scripts.server_ms() + CLOCK_STEP_MS}", "+")

    def _between(self, first: str, last: str) -> Iterator[Entry]:
        while True:
            read = partial(self._client.xrange, keys.OUTBOX, first, last, count=BATCH)
            found = self._scripts.asked(read)
            yield from (e for e in map(_entry, found) if e is not None)
            if len(found) < BATCH:
                return
            first = f"({found[-1][0].decode()}"

    def claim(self, ids: Sequence[str]) -> Iterator[Entry]:
        """Give those of some entries that are there; each is claimed now.

        Whoever else has claimed them, and even if the group has forgotten them.
        """
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            yield from self._readable(self._retried(partial(self._claim, batch)))

    def _claim(self, ids: Sequence[str]) -> list[Any]:
        found = self._client.xclaim(*_CLAIMER, 0, ids, force=True)
        return [raw for raw in found if raw[1]]

    def remove(self, entry: Entry) -> None:
        """Forget a delivered entry."""
        self._drop(entry.id)

    def _drop(self, entry_id: str | bytes) -> None:
        with self._scripts.pipeline(OutcomeUnknown, is_atomic=True) as pipe:
            pipe.xack(keys.OUTBOX, keys.OUTBOX_GROUP, entry_id)
            pipe.xdel(keys.OUTBOX, entry_id)
            pipe.execute()

    def _read_new(self) -> list[Entry]:
        found = self._client.xreadgroup(
            keys.OUTBOX_GROUP, keys.OUTBOX_GROUP, {keys.OUTBOX: ">"}, count=BATCH
        )
        return [entry for _, raws in found or [] for entry in self._readable(raws)]

    def _read_old(self, idle_ms: int, after: str) -> tuple[str, list[Entry]]:
        following, entries, *_ = self._client.xautoclaim(*_CLAIMER, idle_ms, after, count=BATCH)
        return following.decode(), self._readable(raw for raw in entries if raw[1])

    def _readable(self, raws: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[Entry]:
        """Read entries; what cannot be read never will be, and must not keep the others."""
        entries = []
        for entry_id, fields in raws:
            entry = _entry((entry_id, fields))
            if entry is None:
                log.error("an entry of the outbox cannot be read and is dropped: %.200r", fields)
                self._drop(entry_id)
            else:
                entries.append(entry)
        return entries

    def _retried(self, read: Callable[[], T]) -> T:
        """Create the group when it turns out to be missing."""

        def attempt() -> T:
            try:
                return read()
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
            self._scripts.run("open_outbox", [keys.OUTBOX], keys.OUTBOX_GROUP)
            return read()

        return self._scripts.asked(attempt)


def _entry(raw: tuple[bytes, dict[bytes, bytes]]) -> Entry | None:
    try:
        return Entry(raw[0].decode(), read(MESSAGE, raw[1][b"message"]))
    except (KeyError, EdgeError):
        return None


def _updates_first(batch: list[Entry]) -> list[Entry]:
    return sorted(batch, key=lambda entry: isinstance(entry.message, Propagation))
