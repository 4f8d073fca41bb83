"""Which sessions live here, how large they are and when they were used; never a scan."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from edgedb.errors import NotFound
from edgedb.store import keys
from edgedb.store.codec import Argument, known_token, text
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts, Step
from edgedb.times import rfc3339
from edgedb.wire.choices import OffloadStatus, Policy
from edgedb.wire.model import Known, SessionToken

MEASURED = 8  # at least so many of the largest are measured before one is chosen


@dataclass(frozen=True)
class Resident:
    """A session that lives here: its token, bytes and last access (ms since 1970)."""

    token: SessionToken
    size: int
    accessed_ms: int


@dataclass(frozen=True)
class Load:
    """How full a node is: sessions, bytes, open arrivals, undelivered messages.

    ``size`` is what its server spends on residents, pointers and the indexes of both; ``used`` what
    it spends in all, of ``limit`` (0: it has none).
    """

    status: OffloadStatus
    sessions: int
    size: int
    arrivals: int
    outbox: int
    used: int = field(default=0, compare=False)
    limit: int = field(default=0, compare=False)


class ResidentStore:
    """The node's indexes; ``location`` is this node's own."""

    def __init__(self, scripts: Scripts, location: str) -> None:
        self._scripts = scripts
        self._location = location

    def token(self, session: str) -> SessionToken | None:
        """Give the token known here, wherever the session is; None if it is not known."""
        return known_token(session, self._scripts.run("token", [SessionKeys(session).meta]))

    def known(self, session: str) -> SessionToken:
        """Give the token known here, wherever the session is; raises NotFound."""
        token = self.token(session)
        if token is None:
            raise NotFound(f"session {session!r} is not known at {self._location}")
        return token

    def tokens(self, sessions: Iterable[str]) -> list[SessionToken | None]:
        """Give the tokens known here, in one round trip."""
        names = list(sessions)
        found = self._scripts.read_each("token", [([SessionKeys(name).meta], []) for name in names])
        return [known_token(name, fields) for name, fields in zip(names, found, strict=True)]

    def witnessed(self, sessions: Sequence[str], homes: Collection[str]) -> list[Known]:
        """Give what is known here of those sessions whose proprietary location is one of ``homes``.

        Residents and pointers, in one round trip.
        """
        names = [SessionKeys(name).meta for name in sessions]
        indexes = [keys.residents_of(home) for home in homes]
        asked: list[Argument] = [self._location, len(sessions), *sessions, *homes]
        return [
            Known(token, int(fields[-1] or 0), rfc3339(int(accessed)) if accessed else None)
            for session, *fields, accessed in self._scripts.run("known", names + indexes, *asked)
            if (token := known_token(text(session), fields)) is not None
        ]

    def choose(self, policy: Policy, count: int, proprietaries: Iterable[str]) -> list[str]:
        """Give up to ``count`` residents, best first by ``policy``.

        ``proprietaries``: the locations whose sessions can be here. They are looked at by the
        orders of time; size and chance know one index for all.
        """
        if count <= 0:
            return []
        match policy:
            case Policy.LARGEST:
                return self._largest(count)
            case Policy.RANDOM:
                return [text(s) for s in self._scripts.ask("ZRANDMEMBER", keys.BY_SIZE, count)]
            case Policy.LEAST_RECENT | Policy.MOST_RECENT:
                return self._by_time(policy is Policy.MOST_RECENT, count, proprietaries)

    def _by_time(
        self, is_newest_first: bool, count: int, proprietaries: Iterable[str]
    ) -> list[str]:
        with self._scripts.pipeline() as pipe:
            for location in proprietaries:
                index = keys.residents_of(location)
                pipe.zrange(index, 0, count - 1, desc=is_newest_first, withscores=True)
            found = pipe.execute()
        pick = heapq.nlargest if is_newest_first else heapq.nsmallest
        best = pick(count, (entry for part in found for entry in part), key=lambda e: e[1])
        return [text(session) for session, _ in best]

    def _largest(self, count: int) -> list[str]:
        """Take the candidates by the size kept here, and order them by what they take now."""
        most = max(count, MEASURED)
        found = self._scripts.ask("ZREVRANGE", keys.BY_SIZE, 0, most - 1)
        names = [text(session) for session in found]
        sizes = dict(zip(names, self._measure(names), strict=True))
        return sorted(names, key=lambda name: sizes[name], reverse=True)[:count]

    def _measure(self, sessions: Sequence[str]) -> list[int]:
        """Correct the sizes of residents, and give them; 0 for what is not resident."""
        calls: list[Step] = [
            ([*SessionKeys(name).parts, keys.BY_SIZE, keys.STATUS], [self._location, name])
            for name in sessions
        ]
        return self._scripts.read_each("measure", calls)

    def residents(self, sessions: Iterable[str]) -> list[Resident]:
        """Describe residents; those that have left meanwhile are not in the answer."""
        tokens = [t for t in self.tokens(sessions) if t and t.current_location == self._location]
        with self._scripts.pipeline() as pipe:
            for token in tokens:
                pipe.zscore(keys.BY_SIZE, token.session)
                pipe.zscore(keys.residents_of(token.proprietary_location), token.session)
            scores = [int(score or 0) for score in pipe.execute()]
        return [
            Resident(token, size, accessed)
            for token, size, accessed in zip(tokens, scores[::2], scores[1::2], strict=True)
        ]

    def by_home(self, homes: Iterable[str]) -> dict[str, int]:
        """Count the residents of each of some proprietary locations that has any."""
        asked = sorted(homes)
        with self._scripts.pipeline() as pipe:
            for home in asked:
                pipe.zcard(keys.residents_of(home))
            counts = pipe.execute()
        return {home: count for home, count in zip(asked, counts, strict=True) if count}

    def status(self) -> OffloadStatus:
        """Give the offload status; a node accepts until it is told otherwise."""
        return OffloadStatus(text(self._scripts.ask("HGET", keys.STATUS, "status")) or "accept")

    def set_status(self, status: OffloadStatus) -> None:
        """Set the offload status."""
        self._scripts.run("status", [keys.STATUS], status.value)

    def load(self) -> Load:
        """Say how full the node is."""
        with self._scripts.pipeline() as pipe:
            pipe.hmget(keys.STATUS, "status", "bytes", "pointers")
            pipe.zcard(keys.BY_SIZE)
            pipe.zcard(keys.ARRIVALS)
            pipe.xlen(keys.OUTBOX)
            pipe.memory_usage(keys.BY_SIZE)
            pipe.info("memory")
            (status, size, pointers), sessions, arrivals, outbox, index, server = pipe.execute()
        return Load(
            OffloadStatus(text(status) or "accept"),
            sessions,
            # each resident has an entry in an index by last access, too
            int(size or 0) + int(pointers or 0) + 2 * (index or 0),
            arrivals,
            outbox,
            used=server["used_memory"],
            limit=server["maxmemory"],
        )
