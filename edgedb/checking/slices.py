"""Walks through what a node keeps, a slice with each call; nothing is kept between two."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgedb.checking.checks import (
    check_index,
    check_outbox,
    check_relatives,
    check_session,
    check_stuck,
    check_total,
)
from edgedb.checking.findings import Finding
from edgedb.checking.places import check_places
from edgedb.checking.repairs import attempt
from edgedb.checking.tracing import Witnesses
from edgedb.errors import BadRequest
from edgedb.node import Node
from edgedb.store import keys
from edgedb.store.inspection import State
from edgedb.waiting import Deadline

START, LAST = "0", "node"
"""Positions: sessions and indexes by the cursor of a scan; then outbox, what is stuck, total."""

SLICE_S = 5.0  # a slice ends with the batch in which this is over; gateways wait for a minute
SLICE_FINDINGS = 1000
WITNESSES_S = 20.0  # in a slice no other node is asked later
REPAIRS_S = 15.0
"""In a slice no repair begins later: other nodes may keep it waiting, gateways wait a minute."""


@dataclass(frozen=True)
class Slice:
    """The findings of a part of the examination; ``next``: where to go on, None at its end."""

    findings: Sequence[Finding[Any]]
    next: str | None

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {"findings": [finding.to_json() for finding in self.findings], "next": self.next}


def mend(node: Node, position: str = START) -> Slice:
    """Examine a part of a node, and repair what is found; raises as :func:`examine`."""
    until, part = Deadline(REPAIRS_S), examine(node, position)
    return Slice([attempt(node, finding, until) for finding in part.findings], part.next)


def examine(node: Node, position: str = START) -> Slice:
    """Examine a part of a node; nothing is changed.

    Raises:
        BadRequest: ``position`` is none that a slice has named.
        StoreUnavailable: the node's Redis does not answer.

    """
    if position == LAST:
        return Slice(
            [
                *check_relatives(node),
                *check_outbox(node),
                *check_stuck(node),
                *check_total(node),
            ],
            None,
        )
    if not re.fullmatch(r"[0-9]{1,19}", position):
        raise BadRequest(f"there is no position {position!r:.60}")
    return _scanned(node, int(position))


def _scanned(node: Node, position: int) -> Slice:
    findings, wrong = list[Finding[Any]](), defaultdict[str, set[str]](set)
    witnesses, deadline, states = Witnesses(WITNESSES_S), Deadline(SLICE_S), list[State]()
    while True:
        position, names = node.store.inspection.scan(position)
        for state in _states(node, names):
            findings += check_session(node, state, witnesses)
            states.append(state)
            for index in state.misplaced():
                wrong[index].add(state.session)
        if position == 0 or deadline.is_over or len(findings) > SLICE_FINDINGS:
            break
    findings += check_places(node, states, witnesses)
    findings += [check_index(index, sessions) for index, sessions in wrong.items()]
    return Slice([*findings, *witnesses.silences()], str(position) if position else LAST)


def _states(node: Node, names: Iterable[str]) -> Iterator[State]:
    """Look at the sessions that own some keys, or that are named in an index among them."""
    seen = defaultdict[str, list[str]](list)
    for name in names:
        session, part = keys.split(name) or ("", "")
        if session:
            seen[session].append(part)
        elif name in {keys.BY_SIZE, keys.ARRIVALS} or keys.proprietary_of(name):
            yield from node.store.inspection.named_in(name)
    yield from node.store.inspection.look(seen)
