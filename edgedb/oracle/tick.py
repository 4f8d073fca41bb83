"""What a node does by itself every so often (docs/api.md#oracle)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgedb.delivery import deliver
from edgedb.errors import EdgeError, OutcomeUnknown
from edgedb.moving.recovery import settle_all
from edgedb.node import Node
from edgedb.oracle.commands import force_offload, force_onload

log = logging.getLogger(__name__)

MOVES_PER_TICK = 100


@dataclass(frozen=True)
class Tick:
    """What one tick did: how many arrivals, messages and sessions it dealt with."""

    settled: int
    delivered: int
    offloaded: int
    onloaded: int


def tick(node: Node) -> Tick:
    """Finish what is unfinished; then, where thresholds are set, keep the node within them.

    Raises:
        StoreUnavailable: nothing has happened.
        OutcomeUnknown: some of it has; the next tick does the rest.

    """
    arrivals = node.store.destination.arrivals()
    try:
        return _tick(node, arrivals)
    except EdgeError as error:
        raise OutcomeUnknown(f"the tick was broken off, the next does the rest: {error}") from error


def _tick(node: Node, arrivals: Sequence[str]) -> Tick:
    settled = settle_all(node, arrivals)
    delivered = deliver(node, is_retry=True)
    offloaded = _relieve(node)
    onloaded = 0 if offloaded else _bring_home(node)
    return Tick(settled, delivered, offloaded, onloaded)


def _relieve(node: Node) -> int:
    """Above the high threshold: offload until below the low one."""
    above, below = node.settings.offload_above, node.settings.offload_below
    if above is None or node.parent is None or node.store.residents.load().size <= above:
        return 0
    goal = above if below is None else below
    return _moves(node, lambda size: size > goal, force_offload)


def _bring_home(node: Node) -> int:
    """Below the onload threshold: bring sessions back, one by one."""
    below = node.settings.onload_below
    if below is None or node.parent is None:
        return 0
    return _moves(node, lambda size: size < below, force_onload)


def _moves(node: Node, is_due: Callable[[int], bool], move: Callable[[Node], object]) -> int:
    """Move sessions while it is due for so many bytes; gives how many."""
    moved = 0
    while moved < MOVES_PER_TICK and is_due(node.store.residents.load().size):
        try:
            if not move(node):
                break
        except EdgeError as error:
            log.warning("no more moves in this tick: %s", error)
            break
        moved += 1
    return moved
