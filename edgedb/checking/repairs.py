"""A repair for each kind of finding: one atomic step, or what the protocol has for it.

A repair finds out again whether there is something to repair, and raises an error that says why
it cannot be repaired (now).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from edgedb.checking.findings import Finding, Kind
from edgedb.checking.tracing import holder, require_lost
from edgedb.delivery import deliver_soon, send
from edgedb.errors import (
    Conflict,
    EdgeError,
    NotFound,
    OfferEnded,
    PeerUnavailable,
    SessionBusy,
    Unavailable,
)
from edgedb.moving.recovery import finish, settle
from edgedb.node import Node
from edgedb.oracle.commands import offload
from edgedb.store import keys
from edgedb.store.arrival import Arrival
from edgedb.store.outbox import Entry
from edgedb.waiting import Deadline
from edgedb.wire.model import SessionToken

log = logging.getLogger(__name__)


def attempt(node: Node, finding: Finding[Any], until: Deadline) -> Finding[Any]:
    """Repair a finding, unless it is later than ``until``; says whether it is repaired."""
    try:
        if until.is_over:
            raise Unavailable("other nodes were too slow; ask again")
        REPAIRS[finding.kind](node, finding)
        done = replace(finding, repaired=True)
    except EdgeError as error:
        done = replace(finding, repaired=False, reason=str(error))
    what = (finding.kind, finding.subject, finding.found, done.reason or "done")
    log.warning("%s %r: %s; repair: %s", *what)
    return done


def _discard(node: Node, finding: Finding[Arrival]) -> None:
    settle(node, finding.seen)


def _finish(node: Node, finding: Finding[Arrival]) -> None:
    """End a prepared arrival as its source says; adopt it if that is lost for good."""
    arrival = finding.seen
    if node.store.inspection.is_gone(arrival.source) or not _is_finished(node, arrival):
        require_lost(node, arrival.source)
        _adopt(node, arrival)


def _is_finished(node: Node, arrival: Arrival) -> bool:
    """Do what the source says; False if it does not know the session."""
    with suppress(OfferEnded):  # and so nothing is left of it
        try:
            finish(node, arrival)
        except NotFound:
            return False
    return True


def _adopt(node: Node, arrival: Arrival) -> None:
    """Make the staged copy live if it is the last one there is."""
    other = holder(node, arrival.token)
    if other is not None:
        raise Conflict(
            f"{other.current_location} has a session of that name, in epoch {other.epoch}"
        )
    if node.store.destination.adopt(arrival) is None:
        raise Conflict("it has been dealt with, or a later owner is known here")
    deliver_soon(node)


def _set_aside(node: Node, finding: Finding[Sequence[str]]) -> None:
    node.store.mending.set_aside(finding.subject, finding.seen)


def _rebuild(node: Node, finding: Finding[Sequence[str]]) -> None:
    if finding.subject == keys.STATUS:
        node.store.mending.recount()
    else:
        node.store.mending.reindex(finding.subject, finding.seen)


def _deliver(node: Node, finding: Finding[Sequence[str]]) -> None:
    outbox = node.store.outbox
    send(node, _sendable(node, outbox.claim(finding.seen)))
    if any(outbox.claim(finding.seen)):
        raise PeerUnavailable("it does not take them yet")


def _sendable(node: Node, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Drop what is for a location that is not in the topology."""
    for entry in entries:
        if entry.message.to in node.topology:
            yield entry
        else:
            node.store.outbox.remove(entry)


def _mend_pointer(node: Node, finding: Finding[SessionToken]) -> None:
    pointer, true = finding.seen, holder(node, finding.seen)
    if true is None or true.epoch < pointer.epoch:
        require_lost(node, pointer.current_location)
    node.store.mending.repoint(pointer, true)


def _let_it_run(_: Node, finding: Finding[None]) -> None:
    raise SessionBusy(f"a request is running in {finding.subject!r}")


def _move_up(node: Node, finding: Finding[SessionToken]) -> None:
    token = finding.seen
    if not node.topology.was_on_path(token.proprietary_location, node.location):
        raise Conflict(
            f"put {token.proprietary_location} back into the topology; until then it stays"
        )
    fate = offload(node, [token.session])[token.session]
    if isinstance(fate, EdgeError):
        raise fate


def _let_both_be(_: Node, finding: Finding[None]) -> None:
    raise Conflict(f"only you can say which: edgectl resolve {finding.subject!r} --keep LOCATION")


def _let_it_stay(_: Node, finding: Finding[str]) -> None:
    raise Conflict(finding.seen)


def _wait(_: Node, finding: Finding[None]) -> None:
    raise PeerUnavailable(f"{finding.subject} does not answer to the point")


REPAIRS: Mapping[Kind, Callable[[Node, Finding[Any]], None]] = {
    Kind.LOCKED: _let_it_run,
    Kind.ARRIVING: _discard,
    Kind.PREPARED: _finish,
    Kind.LAST_COPY: _finish,
    Kind.FORKED: _let_both_be,
    Kind.ORPHANED: _set_aside,
    Kind.INDEXES: _rebuild,
    Kind.UNDELIVERED: _deliver,
    Kind.STUCK: _let_it_stay,
    Kind.POINTER: _mend_pointer,
    Kind.REFUSED: _let_it_stay,
    Kind.STRANDED: _move_up,
    Kind.SILENT: _wait,
}
