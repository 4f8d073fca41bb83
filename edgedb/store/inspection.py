"""Looks for what no step of the protocol leaves behind; nothing here writes.

What is looked at may change at any time. So a session and what is said of it are read at one
moment, and the step that mends it (``mending.py``) finds out again what there is to mend.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis.exceptions import WatchError

from edgedb.errors import EdgeError, StoreUnavailable
from edgedb.store import keys
from edgedb.store.codec import Argument, known_token, list_number, text
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts
from edgedb.waiting import attempts
from edgedb.wire.model import SessionToken

BATCH = 100  # keys, or sessions, looked at between two answers
SUM_BATCH = 1000
WEIGHINGS = 8  # how often the sizes are added up anew because one has changed meanwhile

_DATA = re.compile("|".join(keys.PARTS[1:]) + r"|list:(\d+)")


@dataclass(frozen=True)
class State:
    """What a node knows of a session at one moment.

    ``token`` is None if nothing, or no first commit yet. ``told`` is the update that a resident has
    refused last: epoch and location. ``lock_function`` may be of a lock that is over. ``parts`` are
    those of its keys that had been seen and are there, ``entries`` what indexes say of it,
    ``lists`` what its lists hash does.
    """

    session: str
    token: SessionToken | None
    version: int
    told: tuple[int, str]
    size: int
    lock_function: str
    lock_since_ms: int
    is_locked: bool
    is_here: bool
    is_arriving: bool
    entries: Mapping[str, bytes | None]
    parts: Sequence[str]
    lists: Sequence[bytes]

    def misplaced(self) -> list[str]:
        """Name the indexes that say something else of it than what it is."""
        belongs = {keys.ARRIVALS} if self.is_arriving else set()
        if self.is_here and self.token:
            belongs |= {keys.BY_SIZE, keys.residents_of(self.token.proprietary_location)}
        wrong = {i for i, entry in self.entries.items() if (entry is not None) != (i in belongs)}
        size = self.entries[keys.BY_SIZE]
        is_as_large = size is None or float(size) == self.size
        return [*wrong] if is_as_large else [*wrong | {keys.BY_SIZE}]

    @property
    def accessed_ms(self) -> int:
        """When a resident was used last; 0 if its index does not say so."""
        home = self.token.proprietary_location if self.token else ""
        return int(float(self.entries.get(keys.residents_of(home)) or 0))

    def unowned(self) -> list[str]:
        """Name the parts whose data no session and no arrival here owns."""
        data = {part: found[1] for part in self.parts if (found := _DATA.fullmatch(part))}
        if not (self.is_here or self.is_arriving):
            return [*data]
        named = set(map(list_number, self.lists))
        return [part for part, number in data.items() if number and int(number) not in named]


class InspectionStore:
    """What there is, in batches; ``location`` is the node's."""

    def __init__(self, scripts: Scripts, location: str) -> None:
        self._scripts = scripts
        self._client = scripts.client
        self._location = location

    def now_ms(self) -> int:
        """Give the time that the scripts go by."""
        return self._scripts.now_ms()

    def scan(self, position: int) -> tuple[int, list[str]]:
        """Give the position after the next keys of sessions and indexes (0: the end), and them.

        A key that is there all the time is given at least once.
        """
        scan = partial(self._client.scan, position, match="edge:*", count=BATCH)
        following, found = self._scripts.asked(scan)
        return int(following), [name for name in map(_readable, found) if name is not None]

    def named_in(self, index: str) -> Iterator[State]:
        """Look at the sessions that an index names, at some perhaps twice."""
        position, of = -1, keys.proprietary_of(index)
        while position != 0:
            scan = partial(self._client.zscan, index, max(position, 0), count=BATCH)
            position, found = self._scripts.asked(scan)
            yield from self.look({text(session): () for session, _ in found}, of)

    def look(self, seen: Mapping[str, Sequence[str]], of: str = "") -> list[State]:
        """Look at sessions of which some parts have been seen, and into the indexes.

        Of the indexes by proprietary location into that of ``of``, if not into their own one.
        """
        with self._scripts.pipeline() as pipe:
            for session in seen:
                pipe.hget(SessionKeys(session).meta, "proprietary")
            homes = [keys.residents_of(of or text(home)) for home in pipe.execute()]
        now = self._scripts.now()
        calls = [_look(now, *each, home) for each, home in zip(seen.items(), homes, strict=True)]
        found = self._scripts.read_each("look", calls)
        asked = zip(seen.items(), homes, found, strict=True)
        return [self._state(*looked_at, home, answer) for looked_at, home, answer in asked]

    def _state(self, session: str, seen: Sequence[str], of: str, answer: Sequence[Any]) -> State:
        state, locked, arriving, entries, there, lists = answer
        *known, size, lock_function, lock_since, told = state
        epoch, _, location = text(told).partition(" ")
        return State(
            session,
            known_token(session, known),
            version=int(known[-1] or 0),
            told=(int(epoch or 0), location),
            size=int(size or 0),
            lock_function=text(lock_function),
            lock_since_ms=int(lock_since or 0),
            is_locked=bool(locked),
            is_here=text(known[1]) == self._location,
            is_arriving=bool(arriving),
            entries=dict(zip((keys.ARRIVALS, keys.BY_SIZE, of), entries, strict=True)),
            parts=[part for part, is_there in zip(seen, there, strict=True) if is_there],
            lists=lists,
        )

    def is_lost(self, location: str) -> bool:
        """Say whether a store of that location was declared lost (``edgectl lost``)."""
        return bool(self._scripts.ask("HEXISTS", keys.RELATIVES, f"lost:{location}"))

    def is_gone(self, location: str) -> bool:
        """Say whether it was, and no other is known in its place."""
        asked = (keys.RELATIVES, f"lost:{location}", location)
        lost, known = self._scripts.ask("HMGET", *asked)
        return lost is not None and known is None

    def total(self) -> tuple[int, int] | None:
        """Give the bytes that are counted and the true ones, as :func:`weigh` does."""
        return weigh(self._scripts, lambda *_: None, StoreUnavailable)


def _look(
    now: Argument, session: str, parts: Sequence[str], home: str
) -> tuple[Sequence[str], Sequence[Argument]]:
    """Give keys and arguments of ``look``."""
    where = SessionKeys(session)
    names = [where.meta, where.arrival, where.lists, keys.ARRIVALS, keys.BY_SIZE, home]
    has_lists = "1" if any(part.startswith("list:") for part in parts) else ""
    return [*names, *map(where.part, parts)], [now, session, has_lists]


def weigh(
    scripts: Scripts, conclude: Callable[[Any, int], None], silence: type[EdgeError]
) -> tuple[int, int] | None:
    """Give the bytes that are counted and the true sum of all residents' sizes.

    Where they differ, ``conclude`` may add commands that are run in that moment. Under constant
    traffic there is no moment to add up in; then it gives None.
    """
    for _ in attempts(WEIGHINGS):
        with scripts.pipeline(silence, is_atomic=True) as pipe:
            pipe.watch(keys.STATUS, keys.BY_SIZE)
            counted, true = int(pipe.hget(keys.STATUS, "bytes") or 0), _sum(pipe)
            pipe.multi()
            if counted != true:
                conclude(pipe, true)
            try:
                pipe.execute()
            except WatchError:
                continue
            return counted, true
    return None


def _sum(pipe: Any) -> int:  # noqa: ANN401
    total = start = 0
    while found := pipe.zrange(keys.BY_SIZE, start, start + SUM_BATCH - 1, withscores=True):
        total += sum(int(size) for _, size in found)
        start += SUM_BATCH
    return total


def _readable(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:  # somebody else's
        return None
