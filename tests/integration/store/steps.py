"""The atomic steps of a request and of a move in the few words that tests need."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from edgedb.session import Changes, ListChange
from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.store.destination import Arrival
from edgedb.store.requests import Attempt, Run
from edgedb.store.staging import ListLedger
from edgedb.wire.choices import Policy
from edgedb.wire.items import Item
from edgedb.wire.model import SessionToken, Value
from edgedb.wire.packet import Cursor, SessionPacket
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


def packet(*items: Item) -> SessionPacket:
    """Give a packet with some items of the session in ``TOKEN``."""
    return SessionPacket(TOKEN, 9, items)


@dataclass
class Place:
    """The store of one location."""

    location: str
    client: redis.Redis
    clock: Clock
    store: SessionStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = SessionStore(self.client, settings(self.location), self.clock)

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

    def freeze(self, transfer: str = "t", session: str = "s") -> str | None:
        """Freeze a session for a transfer of the token known here."""
        frozen = self.store.source.freeze(session, transfer, self.token(session).epoch)
        return None if frozen is None else frozen.grant

    def frozen(self, transfer: str = "t", session: str = "s") -> str:
        """Freeze a session; gives the grant."""
        grant = self.freeze(transfer, session)
        assert grant is not None
        return grant

    def give_away(self, to: str, session: str = "s") -> None:
        """Hand a session over, whether or not there is somebody to take it."""
        token, grant = self.token(session), self.frozen(f"to-{to}", session)
        self.store.source.hand_over(token, grant, to)

    def page(self, since: int = 0, session: str = "s", **more: Any) -> SessionPacket:
        """Read what has changed since a version."""
        return self.store.source.page(session, Cursor(since, since, since), **more)

    def stage(self, packet: SessionPacket, transfer: str = "t", number: int = 1) -> None:
        """Stage one packet that has everything."""
        lists, gaps = ListLedger().stage(packet.items)
        assert gaps == []
        self.store.destination.stage(packet.token.session, transfer, number, packet, lists)

    def staged(self, *items: Item) -> None:
        """Open the arrival of the session in ``TOKEN`` and stage one packet."""
        self.store.destination.arrive(TOKEN, "t")
        self.stage(packet(*items))

    def prepared(self, *items: Item) -> Arrival:
        """Bring such an arrival up to *prepared*, under the grant ``grant``."""
        self.staged(*items)
        self.store.destination.prepare("t", 1, TOKEN, "grant", 9)
        return self.arrival()

    def take(self, source: Place, transfer: str = "t", session: str = "s") -> Arrival:
        """Freeze a session at its source and stage it here, up to *prepared*."""
        grant = source.frozen(transfer, session)
        packet, destination = source.page(session=session), self.store.destination
        destination.arrive(packet.token, transfer)
        self.stage(packet, transfer)
        destination.prepare(transfer, 1, packet.token, grant, packet.version)
        return self.arrival(session)

    def arrival(self, session: str = "s") -> Arrival:
        """Give the open arrival of a session."""
        arrival = self.store.destination.arrival(session)
        assert arrival is not None
        return arrival

    def move_from(self, source: Place, transfer: str = "t", session: str = "s") -> SessionToken:
        """Move a session here from its source; gives its new token."""
        arrival = self.take(source, transfer, session)
        assert arrival.token is not None
        assert arrival.grant is not None
        source.store.source.hand_over(arrival.token, arrival.grant, self.location)
        token = arrival.token.moved_to(self.location)
        assert self.store.destination.activate(arrival, token)
        return token

    def residents_of(self, *proprietaries: str) -> list[str]:
        """Give the residents of some locations, least recently used first."""
        return self.store.residents.choose(Policy.LEAST_RECENT, 1000, proprietaries)

    def keys(self) -> list[str]:
        """Give the names of everything in the server."""
        return sorted(key.decode() for key in self.client.scan_iter())

    def dump(self) -> dict[str, Any]:
        """Give everything in the server, to be compared."""
        return {key: self.client.dump(key) for key in self.keys()}
