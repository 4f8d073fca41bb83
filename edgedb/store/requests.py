"""The steps of a client's request: begin, read, commit, release (docs/protocol.md#a-request)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from edgedb.errors import SessionChanged, SessionLost, TooLarge
from edgedb.session import Changes, ListChange, Snapshot
from edgedb.settings import Settings
from edgedb.store import keys, limits
from edgedb.store.admission import still
from edgedb.store.codec import (
    VERSION_BYTES,
    Argument,
    counted,
    counted_lists,
    elements_of,
    list_number,
    scalars_in,
    text,
    token_of,
    values_of,
)
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts
from edgedb.times import milliseconds
from edgedb.wire.model import SessionToken, Value
from edgedb.wire.pieces import encoded, field as piece_field


@dataclass(frozen=True)
class Redirect:
    """The session is resident at ``location``, or known there; ``home``: where it was created."""

    location: str
    home: str = field(default="", compare=False)


@dataclass(frozen=True)
class Absent:
    """The session that the request is for, of a known home, is not known here."""


@dataclass(frozen=True)
class Wait:
    """The session is ``locked``, ``held`` for a move or ``arriving``; try again."""

    reason: str


@dataclass(frozen=True)
class Replay:
    """The idempotency key was answered before, in a session of this ``home``."""

    reply: bytes
    home: str = field(default="", compare=False)


@dataclass(frozen=True)
class Run:
    """The session is resident and this request may run; it holds ``lock`` if it may write.

    ``last`` is the lock of the commit before it.
    """

    keys: SessionKeys
    token: SessionToken
    last: str
    lock: str
    snapshot: Snapshot
    list_count: int
    list_numbers: Mapping[str, int] | None

    @property
    def home(self) -> str:
        """The proprietary location; empty where there is no session to read."""
        return self.token.proprietary_location if self.token.epoch else ""


@dataclass(frozen=True)
class Attempt:
    """What a request asks of *begin*; ``lock`` is its own random id, '' for read-only ones.

    ``home``: the proprietary location of the session, where it is to be that one and no new one.
    """

    session: str
    function: str
    lock: str
    idempotency_key: str = ""
    node_local: bool = False
    home: str = ""

    @property
    def keys(self) -> SessionKeys:
        """Where the session's state is."""
        return SessionKeys(self.session, "edge-local" if self.node_local else "edge")


class RequestStore:
    """One method per step."""

    def __init__(self, scripts: Scripts, settings: Settings) -> None:
        self._scripts = scripts
        self._location = settings.location
        self._lock_ttl_ms = milliseconds(settings.lock_ttl)

    def begin(self, attempt: Attempt) -> Redirect | Absent | Wait | Replay | Run:
        """Find out whether the request may run here, and take the lock if it may.

        One that finds it taken is in the queue for it from then on, as long as it asks again
        within ``TICKET_MS``; whoever gives up calls :meth:`release`.
        An unknown session is created, epoch 1, unless the request is read-only or names its home.
        """
        where = attempt.keys
        kind, *rest = self._scripts.run(
            "begin",
            [*where.parts, where.arrival, *where.first_lists(limits.SMALL_LISTS)],
            self._scripts.now(),
            self._location,
            attempt.function,
            attempt.lock,
            self._lock_ttl_ms,
            attempt.idempotency_key,
            attempt.home,
        )
        match kind:
            case b"run":
                return _run(attempt, self._location, rest)
            case b"redirect":
                return Redirect(*map(text, rest))
            case b"replay":
                return Replay(rest[0][VERSION_BYTES:], text(rest[1]))
            case b"absent":
                return Absent()
            case b"still":
                raise still(attempt.session, self._location)
        return Wait(text(rest[0]))

    def commit(
        self, run: Run, changes: Changes, idempotency_key: str = "", reply: bytes = b""
    ) -> bool:
        """Apply everything a request wrote and release its lock.

        Says whether the node holds more than it should now, and nobody else has been told so.

        Raises:
            SessionLost: another request has the session; nothing was applied.
            OutcomeUnknown: the server is silent, or it was and another has the session since.
            TooLarge: the session would have too many values or lists.

        """
        numbers = self._numbers(run, changes)
        where, books = run.keys, keys.books(run.token.proprietary_location)
        answer = self._scripts.run(
            "commit",
            [*where.parts, *books, keys.OUTBOX, *map(where.list, numbers.values())],
            self._scripts.now(),
            self._location,
            run.token.session,
            run.lock,
            run.token.epoch,
            run.last,
            int(where.prefix == "edge"),
            idempotency_key,
            reply,
            *_scalar_groups(changes.scalars),
            *_list_groups(changes.lists, numbers),
            *counted(list(map(msgspec.json.encode, changes.propagations))),
            unsure=b"lost",
        )
        if answer == b"full":
            most = f"{limits.VALUES_LIMIT} values and {limits.LISTS_LIMIT} lists"
            raise TooLarge(f"a session has at most {most}")
        if answer not in {b"ok", b"heavy"}:
            raise SessionLost("the request lost its session; repeat it with an Idempotency-Key")
        return bool(answer == b"heavy")

    def holder(self, where: SessionKeys) -> str:
        """Give the lock of the request that has a session, or had it last; '' if none does."""
        return text(self._scripts.ask("HGET", where.meta, "lock"))

    def release(self, owner: Run | Attempt) -> None:
        """Give the lock back, or the place in the queue for it; nothing is applied."""
        self._scripts.run("release", [owner.keys.meta], owner.lock)

    def renew(self, run: Run) -> bool:
        """Keep the lock for another lifetime; False if it is lost."""
        now = self._scripts.now()
        ok = self._scripts.run("renew", [run.keys.meta], now, run.lock, self._lock_ttl_ms)
        return bool(ok == b"ok")

    def scalar(self, run: Run, key: str) -> Value | None:
        """Read one value as of the beginning of the request; raises SessionChanged."""
        return next(iter(values_of(self._read(run, run.keys.scalars, "value", key))), None)

    def elements(self, run: Run, key: str) -> tuple[Value, ...]:
        """Read one list as of the beginning of the request; raises SessionChanged."""
        known = run.list_numbers
        number = self._list_number(run, key) if known is None else known.get(key)
        if number is None:
            return ()
        stored = list[bytes]()
        while True:
            part = self._read(run, run.keys.list(number), "list", str(len(stored)))
            stored += part
            if sum(map(len, part)) < limits.READ_BYTES:
                return elements_of(stored)

    def _list_number(self, run: Run, key: str) -> int | None:
        entry = self._read(run, run.keys.lists, "hash", key)[0]
        return None if entry is None else list_number(entry)

    def _read(self, run: Run, source: str, kind: str, *names: str) -> list[Any]:
        guard = (self._location, run.token.epoch, run.lock, run.last, kind)
        answer = self._scripts.run("read", [run.keys.meta, source], *guard, *counted(names))
        if answer is None:
            raise SessionChanged
        return list(answer)

    def _numbers(self, run: Run, changes: Changes) -> dict[str, int]:
        """Give the list number of every changed list; new ones get the lowest free number."""
        known = run.list_numbers
        if known is None:
            names = list(changes.lists)
            stored = self._read(run, run.keys.lists, "hash", *names) if names else []
            known = {n: list_number(e) for n, e in zip(names, stored, strict=True) if e}
            free = iter(range(run.list_count, run.list_count + len(names)))
        else:
            taken = set(known.values())
            free = (n for n in range(len(taken) + len(changes.lists)) if n not in taken)
        return {n: known[n] if n in known else next(free) for n in changes.lists}


def _run(attempt: Attempt, here: str, rest: Sequence[Any]) -> Run:
    proprietary, function, epoch, last, list_count, scalars, lists, elements = rest
    token = token_of(attempt.session, proprietary, here, function, epoch)
    values = None if scalars is None else scalars_in(_pairs(scalars))
    snapshot = Snapshot(values, _lists(lists, elements))
    numbers = None if lists is None else _numbers(lists)
    return Run(attempt.keys, token, text(last), attempt.lock, snapshot, list_count, numbers)


def _lists(
    found: Sequence[bytes] | None, elements: Sequence[Sequence[bytes] | None]
) -> dict[str, tuple[Value, ...] | None] | None:
    if found is None:
        return None
    return {
        text(name): None if stored is None else elements_of(stored)
        for (name, _), stored in zip(_pairs(found), elements, strict=True)
    }


def _numbers(found: Sequence[bytes]) -> dict[str, int]:
    return {text(name): list_number(entry) for name, entry in _pairs(found)}


def _pairs(found: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(found[::2], found[1::2], strict=True)


def _scalar_groups(scalars: Mapping[str, Value | None]) -> list[Argument]:
    written = list[Argument]()
    for key, value in scalars.items():
        for number, piece in enumerate(() if value is None else encoded(value)):
            written += (piece_field(key, number), piece)
    return counted(written) + counted([key for key, value in scalars.items() if value is None])


def _list_groups(lists: Mapping[str, ListChange], numbers: Mapping[str, int]) -> list[Argument]:
    return counted_lists(
        [
            (name, numbers[name], change.replaced, list(chain(*map(encoded, change.appended))))
            for name, change in lists.items()
        ]
    )
