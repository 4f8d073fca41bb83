"""What an oracle can ask of a node (docs/api.md#for-oracles)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

from edgedb.errors import (
    BadRequest,
    Conflict,
    EdgeError,
    NotFound,
    OutcomeUnknown,
    PeerUnavailable,
    SessionBusy,
    TooLarge,
)
from edgedb.moving.pull import pull
from edgedb.moving.recovery import forked
from edgedb.moving.source import offers
from edgedb.node import Node
from edgedb.topology.tree import Location
from edgedb.waiting import Deadline
from edgedb.wire.choices import Policy
from edgedb.wire.fates import Fate
from edgedb.wire.model import COUNT_LIMIT, SessionToken
from edgedb.wire.packet import SessionPacket

log = logging.getLogger(__name__)

UNKNOWN = (OutcomeUnknown, PeerUnavailable)  # the session may have moved
ITS_OWN = (BadRequest, Conflict, NotFound, SessionBusy, TooLarge)
"""Why one session stays, and others need not."""
PASSED_OVER_S, BUSY_S = 600, 60
"""How long relief passes over a session that has failed, and one that was only busy."""
TIME_SHARE = 0.4
"""Of ``exec_timeout``, for moving sessions in either direction."""
CANDIDATES = 8  # looked for at a time
BATCH = 256  # sessions that are chosen at a time
CALL = 64  # of them move in one call: until it is answered, requests for them may have to wait
CALL_BYTES = 4 * 2**20  # of their content
CALLS = 2  # at a time: while one is handed over, another is read


def force_offload(
    node: Node, session: str | None = None, policy: Policy = Policy.LARGEST
) -> SessionToken:
    """Move one session to the parent, or as far up as parents pass it on; gives its new token.

    Raises:
        BadRequest: this is the root.
        NotFound: the session is not known here, or no session is here at all.
        NotResident: it lives elsewhere.
        EdgeError: why the move failed; the session is where it was.

    """
    node.required_parent()
    if session is not None:
        return _token(offload(node, [session])[session])
    failures = dict[str, EdgeError]()
    fate: Fate = NotFound(f"{node.location} has no session to offload")
    deadline = Deadline(TIME_SHARE * node.settings.exec_timeout)
    for candidate in _candidates(node, policy):
        fate = offload(node, [candidate])[candidate]
        if deadline.is_over or not isinstance(fate, ITS_OWN):
            break
        failures[candidate] = fate
    note(node, failures)
    return _token(fate)


def _candidates(node: Node, policy: Policy) -> Iterator[str]:
    """Give sessions in the order of a policy; at last those that could not move not long ago."""
    homes = node.topology.homes(node.location)
    stuck = [each.session for each in node.store.relief.stuck()]
    seen = set(stuck)
    while fresh := [
        each
        for each in node.store.residents.choose(policy, CANDIDATES + len(seen), homes)
        if each not in seen
    ]:
        yield from fresh
        seen.update(fresh)
    yield from stuck


def note(
    node: Node, failures: Mapping[str, EdgeError], claimer: str = "", *, has_moved: bool = True
) -> None:
    """Let those that have stayed be passed over for a while; end a tick's claim.

    It is no matter if that cannot be: they are tried again, and the claim runs out.
    """
    own = {name: error for name, error in failures.items() if isinstance(error, ITS_OWN)}
    try:
        here = node.store.residents.residents(own) if own else []
        noted = {r.token.session: _passing(own[r.token.session]) for r in here}
        if noted or claimer:
            node.store.relief.conclude(noted, claimer, has_moved=has_moved)
    except EdgeError as error:
        log.warning("it is not noted which sessions could not be offloaded: %s", error)


def _passing(error: EdgeError) -> tuple[float, str]:
    return BUSY_S if isinstance(error, SessionBusy) else PASSED_OVER_S, str(error)


def force_offload_many(node: Node, count: int, policy: Policy = Policy.LARGEST) -> dict[str, Fate]:
    """Move up to ``count`` sessions as :func:`force_offload` does; says what became of each.

    Raises:
        BadRequest: this is the root.

    """
    node.required_parent()
    homes = node.topology.homes(node.location)
    return offload(node, node.store.residents.choose(policy, count, homes))


def offload(node: Node, sessions: Sequence[str]) -> dict[str, Fate]:
    """Offer sessions to the parent, many in one call; says what became of each."""
    parent = node.required_parent().id
    fates, moving = dict[str, Fate](), deque[Callable[[], dict[str, Fate]]]()
    for start in range(0, len(sessions), CALL):
        some = sessions[start : start + CALL]
        moving.append(node.ahead(partial(_offload, node, parent, some)))
        if len(moving) == CALLS:
            fates |= moving.popleft()()
    for found in moving:
        fates |= found()
    return fates


def _offload(node: Node, parent: str, sessions: Sequence[str]) -> dict[str, Fate]:
    """Offer as many as one call has, or in more calls if they are large."""
    try:
        offered = offers(node, sessions)
    except EdgeError as error:
        return dict.fromkeys(sessions, error)
    fates: dict[str, Fate] = {s: each for s, each in offered.items() if isinstance(each, EdgeError)}
    for batch in _batches([p for p in offered.values() if isinstance(p, SessionPacket)]):
        fates |= _offloaded(node, parent, batch)
    return fates


def _batches(packets: Sequence[SessionPacket]) -> Iterator[list[SessionPacket]]:
    """Put together what fits into one call."""
    batch, size = list[SessionPacket](), 0
    for packet in packets:
        if batch and size + packet.size > CALL_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(packet)
        size += packet.size
    if batch:
        yield batch


def _offloaded(node: Node, parent: str, packets: Sequence[SessionPacket]) -> dict[str, Fate]:
    """Make the call; an error of all of it is that of each."""
    names = [packet.token.session for packet in packets]
    try:
        found = node.peers.offload_session(parent, packets)
        fates = found | _reported_by_others(node, found)
    except EdgeError as error:
        return dict.fromkeys(names, error)
    silent = PeerUnavailable(f"{parent} has not answered for it")
    return {name: fates.get(name, silent) for name in names}


def _reported_by_others(node: Node, fates: Mapping[str, Fate]) -> dict[str, Fate]:
    """Of several calls that find a session moved, one says that it has moved it."""
    tokens = [fate for fate in fates.values() if isinstance(fate, SessionToken)]
    try:
        mine = node.store.source.report(tokens) if tokens else ()
    except EdgeError as error:
        unknown = OutcomeUnknown(f"it is elsewhere; whether by this call is not known: {error}")
        return {token.session: unknown for token in tokens}
    return {
        token.session: Conflict(f"session {token.session!r} was moved by another call meanwhile")
        for token in tokens
        if token.session not in mine
    }


def _token(fate: Fate) -> SessionToken:
    if isinstance(fate, EdgeError):
        raise fate
    return fate


def force_onload(node: Node, session: str | None = None, count: int = 1) -> dict[str, Fate]:
    """Bring up to ``count`` sessions of this subtree home from above; says what became of each.

    Raises:
        BadRequest: this is the root.
        NotFound: a named session is not above.
        EdgeError: why the last one failed, if none could be moved; or of which it is not known.

    """
    node.required_parent()
    fates = _brought_down(node, session, count)
    if session is not None and not fates:
        raise NotFound(f"session {session!r} is not above {node.location}")
    failures = [fate for fate in fates.values() if isinstance(fate, EdgeError)]
    if failures and len(failures) == len(fates):
        unknown = (error for error in failures if isinstance(error, UNKNOWN))
        raise next(unknown, failures[-1])
    return fates


def _brought_down(node: Node, session: str | None, count: int) -> dict[str, Fate]:
    """Take what is offered above; where nothing of it can move, ask for more, then further up."""
    tried, stay, fates = set[tuple[str, str]](), dict[str, Fate](), dict[str, Fate]()
    place, most, deadline = node.parent, count, Deadline(TIME_SHARE * node.settings.exec_timeout)
    while place is not None and not deadline.is_over:
        packets = node.peers.onload_session(place.id, node.location, session, most)
        fresh = {_where(p): p for p in packets if _where(p) not in tried}
        here = _not_to_move(node, fresh.values())
        moved = pull(node, [p for p in fresh.values() if p.token.session not in here][:count])
        stay, fates = stay | here, fates | moved
        if not all(isinstance(fate, ITS_OWN) for fate in moved.values()):
            return fates
        tried |= {at for at in fresh if at[0] in here or at[0] in moved}
        most = min(COUNT_LIMIT, 2 * most)
        place = place if fresh else _above(node, packets)
    return stay | fates


def _where(packet: SessionPacket) -> tuple[str, str]:
    return packet.token.session, packet.token.current_location


def _above(node: Node, packets: Sequence[SessionPacket]) -> Location | None:
    """Give the location above the one that offers; None if nobody did."""
    sources = {packet.token.current_location for packet in packets}
    return node.topology.parent(sources.pop()) if sources else None


def _not_to_move(node: Node, packets: Collection[SessionPacket]) -> dict[str, Fate]:
    """Say which sessions cannot come, since they are here, or known to have moved on."""
    known = node.store.residents.tokens(packet.token.session for packet in packets)
    return {
        now.session: forked(now, packet.token.current_location)
        for packet, now in zip(packets, known, strict=True)
        if now is not None
        and (now.current_location == node.location or now.epoch > packet.token.epoch)
    }
