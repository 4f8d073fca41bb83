"""What a node does by itself every so often (docs/api.md#oracle)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from edgedb.delivery import deliver
from edgedb.errors import EdgeError, OutcomeUnknown
from edgedb.moving.recovery import settle_all
from edgedb.node import Node
from edgedb.oracle.commands import TIME_SHARE, force_onload
from edgedb.oracle.relief import move_strangers, relieve
from edgedb.waiting import Deadline
from edgedb.wire.model import SessionToken

log = logging.getLogger(__name__)


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
    node.rejoiner.recheck()
    arrivals = node.store.destination.arrivals()
    try:
        return _tick(node, arrivals)
    except EdgeError as error:
        raise OutcomeUnknown(f"the tick was broken off, the next does the rest: {error}") from error


def _tick(node: Node, arrivals: Sequence[str]) -> Tick:
    """Relieve first: a node that is full cannot wait for others to answer."""
    offloaded, is_relieved = relieve(node)
    offloaded += move_strangers(node)
    settled = settle_all(node, arrivals)
    delivered = deliver(node, is_retry=True)
    onloaded = 0 if is_relieved else _bring_home(node)
    _check_sizes(node)
    return Tick(settled, delivered, offloaded, onloaded)


def _check_sizes(node: Node) -> None:
    load = node.store.residents.load()
    if load.size > load.used:
        log.warning("sessions are said to take %d bytes of %d", load.size, load.used)


def _bring_home(node: Node) -> int:
    """Below the onload threshold: bring sessions back, those used last first.

    Not more at a time than would be missed: a session may be larger than what there is room for.
    """
    below, moved = node.settings.onload_below, 0
    deadline = Deadline(TIME_SHARE * node.settings.exec_timeout)
    if below is None or node.parent is None:
        return 0
    while not deadline.is_over and node.store.residents.load().size < below:
        try:
            fates = force_onload(node)
        except EdgeError as error:
            log.warning("no more sessions are brought home in this tick: %s", error)
            break
        if not fates:
            break
        moved += sum(isinstance(fate, SessionToken) for fate in fates.values())
    return moved
