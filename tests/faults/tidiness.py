"""What the servers of a tree must hold once nothing is under way any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from edgedb.topology.tree import Topology
from tests.support.snapshot import NodeState, SessionState, left_over

Servers = Mapping[str, NodeState]
"""What each location's server holds."""


def untidy(topology: Topology, servers: Servers, sessions: Collection[str]) -> Iterator[str]:
    """Name everything that is not as it must be (I1, I4 and I5 of ``docs/protocol.md``).

    ``sessions`` are those that must exist.
    """
    for session in sessions:
        residents = [at for at, state in servers.items() if _of(state, session).is_resident(at)]
        if len(residents) == 1:
            yield from _astray(topology, servers, session, residents[0])
        else:
            yield f"I1: {session} lives at {residents or 'no place'}"
    for location, state in servers.items():
        yield from (f"I5: {location}: {what}" for what in left_over(location, state))


def epochs(servers: Servers) -> dict[str, int]:
    """Give the highest epoch of each session: how often it has moved, and one more."""
    found = dict[str, int]()
    for state in servers.values():
        for name, session in state.sessions.items():
            found[name] = max(found.get(name, 0), int(session.meta.get("epoch", 0)))
    return found


def _of(state: NodeState, session: str) -> SessionState:
    return state.sessions.get(session, SessionState())


def _astray(topology: Topology, servers: Servers, session: str, resident: str) -> Iterator[str]:
    """I4: every location that knows the session leads to where it lives."""
    meta = _of(servers[resident], session).meta
    home = meta["proprietary"]
    most = len(topology.ancestors(home)) + 1
    for start in servers:
        at, hops = start, 0
        while at != resident and hops <= most and (known := _of(servers[at], session).meta):
            at, hops = known["current"], hops + 1
        if at != resident and (hops or start == home):
            yield f"I4: from {start} {session} is not found at {resident} but lost at {at}"
        if start == home and at == resident and hops > 1:
            yield f"I5: {home} was not told that {session} is at {resident}"
