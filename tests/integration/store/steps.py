"""The atomic steps of a request and of a move in the few words that tests need."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from edgedb.errors import EdgeError
from edgedb.session import Changes, ListChange
from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.store.arrival import Arrival, Staging
from edgedb.store.requests import Attempt, Run
from edgedb.store.staging import ListLedger
from edgedb.wire.choices import Policy
from edgedb.wire.hand_over import Answer, Ask, Handed
from edgedb.wire.items import Item
from edgedb.wire.model import SessionToken, Value
from edgedb.wire.packet import Offer, SessionPacket, Since
from tests.support.snapshot import about_nodes
from tests.support.tree import Clock

LOCK_TTL_S, FREEZE_TIMEOUT_S = 3.0, 10.0

TOKEN = SessionToken("s", "edge-a", "edge-a", "cart", 1)

_locks = (f"lock-{n}" for n in itertools.count())


def settings(location: str) -> Settings:
    """Give a location's settings as far as a store needs them."""
    return Settings(
        location, "cart", None, "", 0, lock_ttl=LOCK_TTL_S, freeze_timeout=FREEZE_TIMEOUT_S
    )


def attempt(session: str = "s", lock: str | None = None, **more: Any) -> Attempt:
    """Give an attempt to begin, with a lock of its own; '' reads only."""
    return Attempt(session, "cart", next(_locks) if lock is None else lock, **more)


def changes(
    scalars: Mapping[str, Value | None] | None = None,
    appended: Mapping[str, Sequence[Value]] | None = None,
    replaced: Mapping[str, Sequence[Value]] | None = None,
) -> Changes:
    """Give what a request has written; a scalar of None and a list replaced by none are deleted."""
    lists = {
        name: ListChange(replaced=False, appended=[*v]) for name, v in (appended or {}).items()
    }
    lists |= {
        name: ListChange(replaced=True, appended=[*v]) for name, v in (replaced or {}).items()
    }
    return Changes(scalars or {}, lists)


OFFER = Offer("stay", "run")


def packet(*items: Item, version: int = 9, **more: Any) -> SessionPacket:
    """Give a packet with some items of the session in ``TOKEN``."""
    return SessionPacket(TOKEN, version, items, offer=OFFER, **more)


def staging(
    packet: SessionPacket, transfer: str = "t", number: int = 1, complete: int = 0
) -> Staging:
    """Give what it takes to stage a packet that has everything."""
    lists, gaps = ListLedger().stage(packet.items)
    assert gaps == []
    return Staging(packet.token, packet.offer, transfer, number, packet, lists, complete)


@dataclass
class Place:
    """The store of one location."""

    location: str
    client: redis.Redis
    clock: Clock
    store: SessionStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = SessionStore(self.client, settings(self.location), self.clock)
        self.store.admission.claim()

    def empty(self) -> None:
        """Begin with an empty store of this location."""
        self.client.flushdb()
        self.store.admission.claim()

    def begin(self, session: str = "s", lock: str | None = None, **more: Any) -> Any:
        """Begin a request; gives whatever the answer is."""
        return self.store.requests.begin(attempt(session, lock, **more))

    def run(self, session: str = "s", lock: str | None = None, **more: Any) -> Run:
        """Begin a request that may run."""
        outcome = self.begin(session, lock, **more)
        assert isinstance(outcome, Run), outcome
        return outcome

    def write(
        self,
        scalars: Mapping[str, Value | None] | None = None,
        appended: Mapping[str, Sequence[Value]] | None = None,
        replaced: Mapping[str, Sequence[Value]] | None = None,
        *,
        session: str = "s",
        key: str = "",
        reply: bytes = b"",
    ) -> None:
        """Make one whole request."""
        run = self.run(session)
        self.store.requests.commit(run, changes(scalars, appended, replaced), key, reply)

    def content(self, session: str = "s") -> tuple[dict[str, Value], dict[str, tuple[Value, ...]]]:
        """Read a small session."""
        snapshot = self.run(session, lock="").snapshot
        assert snapshot.scalars is not None
        assert snapshot.lists is not None
        return dict(snapshot.scalars), dict(snapshot.lists)

    def token(self, session: str = "s") -> SessionToken:
        """Give the token known here."""
        token = self.store.residents.token(session)
        assert token is not None
        return token

    def offer(self, transfer: str = "t", session: str = "s") -> Ask:
        """Give what a destination asks that holds all of a session as it is now."""
        packet = self.page(session=session)
        epoch = packet.token.epoch
        return Ask(session, transfer, epoch, *packet.offer, packet.version)

    def hand_over(self, ask: Ask, to: str = "city", **more: Any) -> Answer:
        """Let a destination ask for a session."""
        tokens = {ask.session: self.token(ask.session)}
        return self.store.source.hand_over([ask], tokens, to, **more)[ask.session]

    def give_away(self, to: str, session: str = "s") -> Ask:
        """Hand a session over, whether or not there is somebody to take it."""
        ask = self.offer(f"to-{to}", session)
        assert self.hand_over(ask, to) == Handed(ask.version)
        return ask

    def page(self, since: int = 0, session: str = "s", **more: Any) -> SessionPacket:
        """Read what has changed since a version."""
        return self.store.source.page(session, Since(since), **more)

    def stage(
        self, packet: SessionPacket, transfer: str = "t", number: int = 1, complete: int = 0
    ) -> Arrival:
        """Stage one packet that has everything."""
        (staged,) = self.store.destination.stage([staging(packet, transfer, number, complete)])
        if isinstance(staged, EdgeError):
            raise staged
        return staged

    def staged(self, *items: Item) -> Arrival:
        """Open the arrival of the session in ``TOKEN`` and stage one packet."""
        return self.stage(packet(*items))

    def prepared(self, *items: Item) -> Arrival:
        """Bring such an arrival up to *prepared*, at version 9."""
        self.stage(packet(*items), complete=9)
        return self.arrival()

    def take(self, source: Place, transfer: str = "t", session: str = "s") -> Arrival:
        """Stage a session that is resident at its source, up to *prepared*."""
        packet = source.page(session=session)
        self.stage(packet, transfer, complete=packet.version)
        return self.arrival(session)

    def arrival(self, session: str = "s") -> Arrival:
        """Give the open arrival of a session."""
        arrival = self.store.destination.arrival(session)
        assert arrival is not None
        return arrival

    def move_from(self, source: Place, transfer: str = "t", session: str = "s") -> SessionToken:
        """Move a session here from its source; gives its new token."""
        arrival = self.take(source, transfer, session)
        assert source.hand_over(arrival.ask, self.location) == Handed(arrival.version)
        (token,) = self.store.destination.activate([arrival])
        assert token is not None
        return token

    def residents_of(self, *proprietaries: str) -> list[str]:
        """Give the residents of some locations, least recently used first."""
        return self.store.residents.choose(Policy.LEAST_RECENT, 1000, proprietaries)

    def keys(self) -> list[str]:
        """Give the names of everything in the server but whose it is."""
        return sorted(key.decode() for key in {*self.client.scan_iter()} - about_nodes(self.client))

    def dump(self) -> dict[str, Any]:
        """Give everything in the server, to be compared."""
        return {key: self.client.dump(key) for key in self.keys()}
