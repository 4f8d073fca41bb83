"""Looks for what no step of the protocol leaves behind, and mends it, in steps of a moment each.

What is looked at may change at any time. So every method that takes ``mend`` is one atomic step:
it says whether something is wrong now, and with ``mend`` it is so no more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from redis.exceptions import WatchError

from edgedb.store import keys
from edgedb.store.codec import list_number, text
from edgedb.store.destination import Arrival
from edgedb.store.keys import SessionKeys
from edgedb.store.refusals import store_errors
from edgedb.store.scripts import Scripts
from edgedb.wire.model import SessionToken, Update

BATCH = 100  # keys looked at between two answers
INDEX_BATCH = 1000
WEIGHINGS = 8  # how often the sizes are added up anew because one has changed meanwhile
ASIDE_MS = 30 * 24 * 3600 * 1000
"""How long data that nobody owns are kept; whoever misses a session notices before."""


@dataclass(frozen=True)
class State:
    """What a node knows of a session; ``token`` is None if nothing, or no first commit yet."""

    session: str
    token: SessionToken | None
    is_arriving: bool
    frozen_for: str | None
    frozen_until_ms: int


class ExaminationStore:
    """Batches of keys, and one method per thing that can be wrong; ``location`` is the node's."""

    def __init__(self, scripts: Scripts, location: str) -> None:
        self._scripts = scripts
        self._client = scripts.client
        self._location = location

    def now_ms(self) -> int:
        """Give the time that the scripts go by."""
        now = self._scripts.now()
        if now != "":
            return int(now)
        with store_errors():
            seconds, microseconds = self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    def scan(self, position: int) -> tuple[int, list[str]]:
        """Give the position after the next keys of sessions and indexes (0: the end), and them.

        A key that is there all the time is given at least once.
        """
        with store_errors():
            following, found = self._client.scan(position, match="edge:*", count=BATCH)
        return int(following), [name for name in map(_readable, found) if name is not None]

    def states(self, sessions: Collection[str]) -> list[State]:
        """Say what is known here of some sessions, in one round trip."""
        fields = ["proprietary", "current", "function", "epoch", "version"]
        fields += ["frozen_for", "frozen_until"]
        with store_errors(), self._client.pipeline(transaction=False) as pipe:
            for session in sessions:
                pipe.hmget(SessionKeys(session).meta, fields)
                pipe.exists(SessionKeys(session).arrival)
            found = pipe.execute()
        return [
            _state(session, fields, bool(is_arriving))
            for session, fields, is_arriving in zip(sessions, found[::2], found[1::2], strict=True)
        ]

    def list_numbers(self, session: str) -> set[int]:
        """Give the numbers of a session's lists."""
        with store_errors():
            return {list_number(e) for e in self._client.hvals(SessionKeys(session).lists)}

    def is_unindexed(self, token: SessionToken, *, mend: bool) -> bool:
        """Say whether a resident is missing in an index, or there with another size."""
        where, of = SessionKeys(token.session), token.proprietary_location
        answer = self._scripts.run(
            "reindex",
            [where.meta, keys.BY_SIZE, keys.residents_of(of)],
            self._scripts.now(),
            self._location,
            token.session,
            of,
            int(mend),
        )
        return bool(answer == b"missing")

    def is_unlisted(self, session: str, *, mend: bool) -> bool:
        """Say whether an open arrival is one that no tick would see."""
        names = [SessionKeys(session).arrival, keys.ARRIVALS]
        return bool(self._scripts.run("list_arrival", names, session, int(mend)) == b"missing")

    def strangers(self, index: str) -> Iterator[str]:
        """Give the sessions that an index names and that are not there; some may come twice."""
        position = -1
        while position != 0:
            with store_errors():
                position, found = self._client.zscan(index, max(position, 0), count=INDEX_BATCH)
            for state in self.states([text(session) for session, _ in found]):
                if not self._belongs(state, index):
                    yield state.session

    def _belongs(self, state: State, index: str) -> bool:
        """Look closer only where something is wrong at first sight."""
        token, belongs = state.token, state.is_arriving
        if index != keys.ARRIVALS:
            of = keys.residents_of(token.proprietary_location) if token else ""
            is_here = token is not None and token.current_location == self._location
            belongs = is_here and index in {keys.BY_SIZE, of}
        return belongs or not self.is_stranger(index, state.session, mend=False)

    def is_stranger(self, index: str, session: str, *, mend: bool) -> bool:
        """Say whether an index names a session that is not there."""
        where, of = SessionKeys(session), index.removeprefix(keys.residents_of(""))
        kind = {keys.ARRIVALS: "arrivals", keys.BY_SIZE: "residents"}.get(index, "of")
        arguments = (self._location, session, kind, of, int(mend))
        answer = self._scripts.run("unlist", [where.meta, where.arrival, index], *arguments)
        return bool(answer == b"stale")

    def is_orphaned(self, session: str, part: str, *, mend: bool) -> bool:
        """Say whether a part of a session has no owner; mending keeps it for ``ASIDE_MS``."""
        where, aside = SessionKeys(session), SessionKeys(session, keys.ASIDE)
        answer = self._scripts.run(
            "set_aside",
            [where.meta, where.arrival, where.lists, where.part(part), aside.part(part)],
            self._location,
            part.removeprefix("list:") if part.startswith("list:") else "",
            ASIDE_MS,
            int(mend),
        )
        return bool(answer == b"orphaned")

    def wrong_total(self, *, mend: bool) -> tuple[int, int] | None:
        """Give the bytes counted and the true sum of all residents' sizes, if they differ.

        Under constant traffic there is no moment to add up in; then it gives None.
        """
        for _ in range(WEIGHINGS):
            with store_errors(), self._client.pipeline() as pipe:
                try:
                    pipe.watch(keys.STATUS, keys.BY_SIZE)
                    counted = int(pipe.hget(keys.STATUS, "bytes") or 0)
                    true = self._sum()
                    pipe.multi()
                    if mend and counted != true:
                        pipe.hset(keys.STATUS, "bytes", true)
                    pipe.exists(keys.STATUS)
                    pipe.execute()
                except WatchError:
                    continue
                return None if counted == true else (counted, true)
        return None

    def _sum(self) -> int:
        total, start = 0, 0
        while True:
            end = start + INDEX_BATCH - 1
            found = self._client.zrange(keys.BY_SIZE, start, end, withscores=True)
            total += sum(int(size) for _, size in found)
            if len(found) < INDEX_BATCH:
                return total
            start += INDEX_BATCH

    def adopt(self, arrival: Arrival, token: SessionToken) -> bool:
        """Make a prepared arrival resident whose source has lost it; ``token`` is the new one.

        False if it is dealt with, or this node knows of a later owner.
        """
        where, home = SessionKeys(arrival.session), token.proprietary_location
        names = [where.meta, where.arrival, keys.ARRIVALS, keys.BY_SIZE, keys.residents_of(home)]
        is_told = home in {self._location, arrival.source}  # a source has nothing to update
        update = json.dumps(Update(home, token).to_json())
        answer = self._scripts.run(
            "adopt",
            [*names, keys.STATUS, keys.OUTBOX],
            self._scripts.now(),
            self._location,
            arrival.session,
            arrival.transfer,
            arrival.grant or "",
            "" if is_told else update,
        )
        return bool(answer == b"ok")

    def repoint(self, found: SessionToken, true: SessionToken | None) -> bool:
        """Correct a pointer, or forget it; False if it is not the one that was found any more."""
        where = SessionKeys(found.session)
        location, epoch = (true.current_location, true.epoch) if true else ("", 0)
        answer = self._scripts.run(
            "repoint",
            [where.meta, where.arrival],
            self._location,
            found.current_location,
            found.epoch,
            location,
            epoch,
        )
        return bool(answer == b"ok")


def _readable(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:  # somebody else's
        return None


def _state(session: str, fields: Sequence[bytes | None], is_arriving: bool) -> State:
    home, current, function, epoch, version, frozen_for, frozen_until = fields
    token = None
    if current is not None and epoch is not None and version != b"0":
        token = SessionToken(session, text(home), text(current), text(function), int(epoch))
    until = int(frozen_until or 0)
    return State(session, token, is_arriving, text(frozen_for) or None, until)
