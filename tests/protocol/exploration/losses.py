"""Stores that come back empty, old, foreign or twice, and what may be gone with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import redis

from tests.protocol.exploration.schedule import Fault
from tests.support import snapshot
from tests.support.servers import Server

SWAPS = {Fault.SWAP, Fault.FOREIGN}
"""After which the node has its own store back."""

Come = Callable[[str], None]
"""What is done at a location whose server has come back: by who runs the tree."""


@dataclass(frozen=True)
class Lost:
    """What was there when a store was lost."""

    location: str
    residents: Mapping[str, frozenset[str]]
    """Where each session was resident then."""
    words: frozenset[str]
    """What was somewhere after that: it may be set aside at worst."""

    def may_have_taken(self, session: str) -> bool:
        """Tell whether the session, or a move of it, rested on the store."""
        return self.residents.get(session, frozenset()) in (frozenset(), {self.location})


@dataclass
class Stores:
    """The stores of a tree; ``claim`` and ``declare`` are what deployment and an operator do."""

    servers: Mapping[str, Server]
    clients: Mapping[str, redis.Redis]
    on_start: Callable[[redis.Redis], None]
    claim: Come = lambda _: None
    declare_lost: Come = lambda _: None
    forget_processes: Come = lambda _: None
    beginning: dict[str, snapshot.Dump] = field(default_factory=dict)
    """What each had when the scenario began."""
    before: dict[str, snapshot.Dump] = field(default_factory=dict)
    """… and before the last command that changed it, where that is kept."""
    lost: list[Lost] = field(default_factory=list)
    are_others: bool = False
    """Whether any store was replaced."""
    _own: dict[str, snapshot.Dump] = field(default_factory=dict)

    @property
    def are_swapped(self) -> bool:
        """Say whether a node has a store that is not its own."""
        return bool(self._own)

    def reset(self) -> None:
        """Begin anew: nothing is lost."""
        self.before, self.lost, self._own, self.are_others = {}, [], {}, False

    def replace(self, location: str, fault: Fault) -> None:
        """Have a server come back with another store."""
        residents, self.are_others = self._residents(), True
        if fault in SWAPS:
            self._own.setdefault(location, snapshot.dump(self.clients[location]))
        self._come_back(location, self._content(location, fault))
        if fault in {Fault.EMPTY, Fault.SWAP}:
            self.claim(location)
        if fault is Fault.EMPTY:
            self.declare_lost(location)
        if fault not in SWAPS:
            self.lost.append(Lost(location, residents, self.words()))

    def bring_back(self) -> None:
        """Give every node the store that is its own."""
        own, self._own = self._own, {}
        for location, content in own.items():
            self._come_back(location, content)

    def words(self) -> frozenset[str]:
        """Give all words that are anywhere, set aside or not."""
        return frozenset(
            element[9:].decode()
            for client in self.clients.values()
            for name, kind, value in client.eval(snapshot.READ_ALL, 0)
            if kind == b"list" and name.startswith((b"edge:{", b"edge-aside:"))
            for element in value
        )

    def _content(self, location: str, fault: Fault) -> snapshot.Dump:
        if fault is Fault.OLD:
            return self.beginning[location]
        if fault is Fault.LAG:
            return self.before.get(location, self.beginning[location])
        if fault is Fault.FOREIGN:
            other = next(at for at in self.clients if at != location)
            return snapshot.dump(self.clients[other])
        return []

    def _come_back(self, location: str, content: snapshot.Dump) -> None:
        client = self.clients[location]
        self.servers[location].restart()
        snapshot.restore(client, content)
        self.on_start(client)
        self.forget_processes(location)

    def _residents(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for at, client in self.clients.items():
            for name, session in snapshot.read(client).sessions.items():
                if session.is_resident(at):
                    found.setdefault(name, set()).add(at)
        return {name: frozenset(places) for name, places in found.items()}
