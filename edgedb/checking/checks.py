"""Finds what is wrong: with a session, with an index, with the outbox; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import partial
from typing import Any

from edgedb.checking.findings import Finding, Kind
from edgedb.checking.tracing import Witnesses, has_lost
from edgedb.node import Node
from edgedb.store import keys
from edgedb.store.arrival import Arrival
from edgedb.store.inspection import State
from edgedb.store.limits import CLOCK_STEP_MS
from edgedb.store.outbox import Entry
from edgedb.times import milliseconds, rfc3339
from edgedb.wire.model import Propagation

REFUSALS = {
    "replaced": "where another is known",
    "lost": "which was declared lost",
    "behind": "which has lost what was seen of it",
}
NAMED = 5  # how many sessions of a wrong index are named


def check_session(node: Node, state: State, witnesses: Witnesses) -> Iterator[Finding[Any]]:
    """Check a session, as far as its keys have been seen: lock, arrival, data."""
    if "meta" in state.parts and state.is_here:
        yield from _check_lock(node, state)
    if "arrival" in state.parts:
        yield from _check_arrival(node, state.session, witnesses)
    if lost := state.unowned():
        found = f"no session and no arrival here owns its {', '.join(lost)}"
        yield Finding(Kind.ORPHANED, state.session, found, lost)


def _check_lock(node: Node, state: State) -> Iterator[Finding[None]]:
    """Tell of a request that has a session for longer than others wait for it."""
    held_ms = node.store.inspection.now_ms() - state.lock_since_ms
    if state.is_locked and held_ms > milliseconds(node.settings.lock_wait):
        since = rfc3339(state.lock_since_ms)
        found = f"a request of {state.lock_function} has had it since {since}; others get 503"
        yield Finding(Kind.LOCKED, state.session, found, None)


def _check_arrival(node: Node, session: str, witnesses: Witnesses) -> Iterator[Finding[Arrival]]:
    arrival = node.store.destination.arrival(session)
    patience_ms = milliseconds(node.settings.freeze_timeout)
    if arrival is None:
        return
    if -CLOCK_STEP_MS <= node.store.inspection.now_ms() - arrival.touched_ms < patience_ms:
        return
    source = arrival.source
    kind, fault = Kind.PREPARED, "was not handed over yet"
    if not arrival.version:
        kind, fault = Kind.ARRIVING, "nobody goes on copying"
    elif witnesses.ask(source, partial(has_lost, node, source, session)):
        kind, fault = Kind.LAST_COPY, f"{source} does not have the session any more"
    found = f"a copy from {source} is here since {rfc3339(arrival.touched_ms)}, and {fault}"
    yield Finding(kind, session, found, arrival)


def check_index(index: str, misplaced: Set[str]) -> Finding[list[str]]:
    """Tell of which sessions an index says something else than what they are."""
    sessions = sorted(misplaced)
    more = f" and {len(sessions) - NAMED} more" if len(sessions) > NAMED else ""
    found = f"does not say what is so of {', '.join(sessions[:NAMED])}{more}"
    return Finding(Kind.INDEXES, index, found, sessions)


def check_total(node: Node) -> Iterator[Finding[list[str]]]:
    """Check whether the bytes of all residents add up."""
    counted, true = node.store.inspection.total() or (0, 0)
    if counted != true:
        found = f"counts {counted} bytes of residents, which have {true}"
        yield Finding(Kind.INDEXES, keys.STATUS, found, [])


def check_outbox(node: Node) -> Iterator[Finding[list[str]]]:
    """Check whether messages are delivered."""
    waiting = dict[str, tuple[Entry, list[str]]]()
    for entry in node.store.outbox.waiting(milliseconds(node.settings.peer_timeout)):
        waiting.setdefault(_target(entry), (entry, []))[1].append(entry.id)
    for target, (oldest, ids) in waiting.items():
        found = f"{len(ids)} in the outbox, the oldest since {rfc3339(oldest.created_ms)}"
        yield Finding(Kind.UNDELIVERED, target, found, ids)


def check_stuck(node: Node) -> Iterator[Finding[str]]:
    """Tell which sessions the node could not offload, and passes over for a while."""
    for each in node.store.relief.stuck():
        found = f"could not be offloaded, is tried again from {rfc3339(each.until_ms)}"
        yield Finding(Kind.STUCK, each.session, f"{found}: {each.reason}", each.reason)


def check_relatives(node: Node) -> Iterator[Finding[str]]:
    """Tell of nodes that have another store than is known of their location."""
    for each in node.store.relatives.refused():
        found = f"a node of that name has the store {each.incarnation}, {REFUSALS[each.why]}"
        yield Finding(
            Kind.REFUSED, each.location, f"{found}, since {rfc3339(each.since_ms)}", found
        )


def _target(entry: Entry) -> str:
    message = entry.message
    return f"{message.function} at {message.to}" if isinstance(message, Propagation) else message.to
