"""What a node does by itself every so often (design section 4)."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from edgedb.delivery import deliver
from edgedb.errors import EdgeError
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

    def to_json(self) -> dict[str, int]:
        """Give the JSON form."""
        return asdict(self)


def tick(node: Node) -> Tick:
    """Finish what is unfinished; then, where thresholds are set, keep the node within them."""
    settled = settle_all(node)
    delivered = deliver(node, is_retry=True)
    offloaded = _relieve(node)
    onloaded = 0 if offloaded else _bring_home(node)
    return Tick(settled, delivered, offloaded, onloaded)


def _relieve(node: Node) -> int:
    """Above the high threshold: offload until below the low one."""
    above, below = node.settings.offload_above, node.settings.offload_below
    if above is None or node.parent is None or node.store.residents.load().size <= above:
        return 0
    moved, goal = 0, above if below is None else below
    while moved < MOVES_PER_TICK and node.store.residents.load().size > goal:
        try:
            force_offload(node)
        except EdgeError as error:
            log.warning("offloading stopped: %s", error)
            break
        moved += 1
    return moved


def _bring_home(node: Node) -> int:
    """Below the onload threshold: bring sessions back, one by one."""
    below = node.settings.onload_below
    if below is None or node.parent is None:
        return 0
    moved = 0
    while moved < MOVES_PER_TICK and node.store.residents.load().size < below:
        try:
            if not force_onload(node):
                break
        except EdgeError as error:
            log.warning("onloading stopped: %s", error)
            break
        moved += 1
    return moved
