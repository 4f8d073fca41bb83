"""Which copies count as the session, and what of the acknowledged writes a lost store has taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .records import Call, Data, Node
from .rules import World

Nodes = tuple[Node, ...]
Writes = frozenset[int]


class Copy(NamedTuple):
    """A copy that is live, or was handed over and must go live, and whose stores it rests on."""

    data: Data
    at: frozenset[int]


def stores(nodes: Nodes) -> Iterator[tuple[int, Node]]:
    """Give all stores, and the locations that they serve as."""
    for at, node in enumerate(nodes):
        yield at, node
        if node.twin is not None:
            yield at, node.twin


def copies(world: World, nodes: Nodes) -> list[Copy]:
    """Give every copy that counts."""
    found = [Copy(node.data, frozenset({at})) for at, node in stores(nodes) if node.owner == at]
    given = {(at, node.handed) for at, node in stores(nodes)}
    for at, node in stores(nodes):
        there = node.arrival
        if there is not None and there.version:
            source, _ = world.transfers[there.transfer]
            if (source, (at, there.transfer, there.version)) in given:
                found.append(Copy(there.data, frozenset({source, at})))
    return found


def held(world: World, nodes: Nodes, lost: int | None = None) -> Writes:
    """Give all writes that are somewhere, at worst set aside.

    Not those in a copy that its source has let end, where another store is lost after that.
    """
    writes: set[int] = set()
    for _, node in stores(nodes):
        there = node.arrival
        counts = there is not None and (lost is None or lost in world.transfers[there.transfer])
        writes |= node.aside.union(node.data, there.data if there is not None and counts else ())
    return frozenset(writes)


def spared(
    world: World, before: Nodes, after: Nodes, call: Call, promised: Writes
) -> Writes | None:
    """Give which promised writes need not be live any more, but must not be deleted.

    Where a store is lost that the session rests on, and where one has promised what it has lost
    (that it is prepared; that a version is over) and this is not known yet. None: all as before.
    """
    lost = call.at if call.step in {"restore", "empty"} else _deceiver(world, before, call)
    if lost is None:
        return None
    if lost == call.at and any(lost not in copy.at for copy in copies(world, before)):
        return None
    return promised & held(world, after, lost)


def _deceiver(world: World, nodes: Nodes, call: Call) -> int | None:
    """Give whose ended run a call or an answer is of, where who gets it cannot know."""
    if call.step == "hand_over":
        speaker = call.to
    elif call.step in {"activate", "drop"}:
        speaker = world.transfers[call.transfer][0]
    else:
        return None
    said = call.by.run
    is_over = nodes[call.at].relatives[speaker].run == said != nodes[speaker].run
    return speaker if is_over else None
