"""What a node does by itself every so often (docs/api.md#oracle)."""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from dataclasses import dataclass

from edgedb.delivery import deliver
from edgedb.errors import EdgeError, OutcomeUnknown, PeerUnavailable
from edgedb.moving.recovery import settle_all
from edgedb.node import Node
from edgedb.oracle.commands import BATCH, force_onload, offload
from edgedb.waiting import Deadline
from edgedb.wire.choices import Policy

log = logging.getLogger(__name__)

TIME_SHARE = 0.4
"""Of ``exec_timeout``, for moving sessions in either direction."""


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
    """Relieve first: a node that is full cannot wait for others to take what it has to say."""
    settled = settle_all(node, arrivals)
    offloaded = _relieve(node)
    delivered = deliver(node, is_retry=True)
    onloaded = 0 if offloaded else _bring_home(node)
    return Tick(settled, delivered, offloaded, onloaded)


def _relieve(node: Node) -> int:
    """Above the high threshold: offload until below the low one."""
    above, below = node.settings.offload_above, node.settings.offload_below
    if above is None or node.parent is None or node.store.residents.load().size <= above:
        return 0
    return _offloaded_until(node, above if below is None else below)


def _offloaded_until(node: Node, goal: int) -> int:
    """Offload the largest, as many at a time as are needed; those that stay are passed over."""
    moved, stuck, deadline = 0, set[str](), _budget(node)
    while not deadline.is_over:
        batch = _largest(node, goal, stuck)
        if not batch:
            break
        fates = offload(node, batch)
        failures = {name: fate for name, fate in fates.items() if isinstance(fate, EdgeError)}
        for name, error in failures.items():
            log.warning("session %r stays: %s", name, error)
        stuck |= failures.keys()
        moved += len(batch) - len(failures)
        if all(isinstance(fate, PeerUnavailable) for fate in fates.values()):
            break  # nobody answers: it is no use to ask for others
    return moved


def _largest(node: Node, goal: int, stuck: Set[str]) -> list[str]:
    """Give the largest residents without which there are no more bytes than that, or a batch."""
    chosen, subtree = list[str](), node.topology.subtree(node.location)
    names = node.store.residents.choose(Policy.LARGEST, BATCH + len(stuck), subtree)
    excess = node.store.residents.load().size - goal
    for resident in node.store.residents.residents(n for n in names if n not in stuck):
        if excess <= 0 or len(chosen) == BATCH:
            break
        chosen.append(resident.token.session)
        excess -= resident.size
    return chosen


def _bring_home(node: Node) -> int:
    """Below the onload threshold: bring sessions back, those used last first.

    Not more at a time than would be missed: a session may be larger than what there is room for.
    """
    below, moved, deadline = node.settings.onload_below, 0, _budget(node)
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
        moved += len(fates)
    return moved


def _budget(node: Node) -> Deadline:
    return Deadline(TIME_SHARE * node.settings.exec_timeout)
