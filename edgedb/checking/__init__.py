"""Examines a node for states that should have ended, and repairs them; a slice at a time.

Nothing is kept between slices, and no step holds up Redis: a node is examined while it serves.
Every repair finds out again, in one atomic step, whether there is something to repair.

==================  ===================================================================
``findings.py``     what can be found
``sessions.py``     freezes, residents, pointers, data that nobody owns
``arrivals.py``     moves that were broken off; the last copy of a session
``books.py``        indexes, outbox, byte total
``tracing.py``      what other nodes say of a session
``examination.py``  what the checks share
==================  ===================================================================
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from edgedb.checking.arrivals import check_arrival
from edgedb.checking.books import check_consumers, check_index, check_messages, check_total
from edgedb.checking.examination import Examination
from edgedb.checking.findings import Finding
from edgedb.checking.sessions import check_data, check_session
from edgedb.errors import BadRequest
from edgedb.node import Node
from edgedb.store import keys

START, LAST = "0", "node"
"""Positions: sessions and indexes by the cursor of a scan; then the outbox and the total."""

SLICE_S = 5.0  # a slice ends with the batch in which this is over; gateways wait for a minute
SLICE_FINDINGS = 1000

_DATA = re.compile(r"scalars|lists|versions|gone|replies|reply-index|list:\d+")


@dataclass(frozen=True)
class Slice:
    """The findings of a part of the examination; ``next``: where to go on, None at its end."""

    findings: list[Finding]
    next: str | None

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {"findings": [finding.to_json() for finding in self.findings], "next": self.next}


def examine(node: Node, position: str = START, *, mend: bool = False) -> Slice:
    """Examine a part of a node; with ``mend`` repair what is found.

    Raises:
        BadRequest: ``position`` is none that a slice has named.
        StoreUnavailable: the node's Redis does not answer.

    """
    of = Examination(node, mend)
    if position == LAST:
        return Slice([*check_consumers(of), *check_messages(of), *check_total(of)], None)
    if not re.fullmatch(r"[0-9]{1,19}", position):
        raise BadRequest(f"there is no position {position!r:.60}")
    findings, scanned, deadline = list[Finding](), int(position), time.monotonic() + SLICE_S
    while True:
        scanned, names = of.store.scan(scanned)
        findings += _check_keys(of, names)
        if scanned == 0 or time.monotonic() > deadline or len(findings) > SLICE_FINDINGS:
            break
    return Slice([*findings, *of.silences()], str(scanned) if scanned else LAST)


def _check_keys(of: Examination, names: Iterable[str]) -> Iterator[Finding]:
    parts: dict[str, list[str]] = {}
    for name in names:
        named = keys.split(name)
        if named is not None:
            parts.setdefault(named[0], []).append(named[1])
        elif name in {keys.BY_SIZE, keys.ARRIVALS} or name.startswith(keys.residents_of("")):
            yield from check_index(of, name)
    for state in of.store.states(parts):
        found = parts[state.session]
        if "meta" in found:
            yield from check_session(of, state)
        if "arrival" in found:
            yield from check_arrival(of, state.session)
        yield from check_data(of, state, [part for part in found if _DATA.fullmatch(part)])
