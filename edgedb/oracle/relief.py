"""Relieves a node that holds more than it should, whichever of its sessions cannot leave."""

from __future__ import annotations

import logging
from collections.abc import Set

from edgedb.errors import EdgeError
from edgedb.node import Node
from edgedb.oracle.commands import BATCH, ITS_OWN, TIME_SHARE, note, offload
from edgedb.waiting import Deadline
from edgedb.wire.choices import Policy
from edgedb.wire.model import SessionToken

log = logging.getLogger(__name__)


def relieve(node: Node) -> tuple[int, bool]:
    """Above the high threshold: offload until below the low one, one tick at a time.

    Gives how many sessions have left, and whether the node has been relieved, now or not long ago:
    what has left then should not come home at once.
    """
    above, below = node.settings.offload_above, node.settings.offload_below
    mark, budget_s = above if node.parent else None, TIME_SHARE * node.settings.exec_timeout
    claim = node.store.relief.claim(mark, budget_s + node.settings.move_timeout)
    if mark is None or not claim.claimer:
        return 0, claim.was_relieved
    goal, failures = mark if below is None else below, dict[str, EdgeError]()
    moved = 0
    try:
        moved = _offloaded_until(node, goal, claim.passed_over, failures, Deadline(budget_s))
    finally:
        note(node, failures, claim.claimer, has_moved=moved > 0)
    return moved, moved > 0 or claim.was_relieved


def _offloaded_until(
    node: Node, goal: int, passed_over: Set[str], failures: dict[str, EdgeError], deadline: Deadline
) -> int:
    """Offload the largest, as many at a time as are needed; those that stay are passed over."""
    moved = 0
    while not deadline.is_over:
        batch = _largest(node, goal, passed_over | failures.keys())
        fates = offload(node, batch)
        stay = {name: fate for name, fate in fates.items() if isinstance(fate, EdgeError)}
        for name, error in stay.items():
            log.warning("session %r stays: %s", name, error)
        failures |= stay
        moved += len(batch) - len(stay)
        if not any(isinstance(fate, ITS_OWN) for fate in stay.values()) and len(stay) == len(batch):
            break  # there is none, or it would be no use to ask for others
    return moved


def _largest(node: Node, goal: int, passed_over: Set[str]) -> list[str]:
    """Give the largest residents without which there are no more bytes than that, or a batch."""
    chosen, homes = list[str](), node.topology.homes(node.location)
    names = node.store.residents.choose(Policy.LARGEST, BATCH + len(passed_over), homes)
    excess = node.store.residents.load().size - goal
    for resident in node.store.residents.residents(n for n in names if n not in passed_over):
        if excess <= 0 or len(chosen) == BATCH:
            break
        chosen.append(resident.token.session)
        excess -= resident.size
    return chosen


def move_strangers(node: Node) -> int:
    """Offload sessions whose homes have got another parent, up to where both paths meet.

    Gives how many have left.
    """
    homes = node.topology.strangers(node.location)
    if not homes:
        return 0
    fates = offload(node, node.store.residents.choose(Policy.MOST_RECENT, BATCH, homes))
    return sum(isinstance(fate, SessionToken) for fate in fates.values())
