"""What an oracle can ask of a node (docs/api.md#for-oracles)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from edgedb.errors import (
    Conflict,
    EdgeError,
    NotFound,
    OutcomeUnknown,
    PeerUnavailable,
    Unavailable,
)
from edgedb.moving.pull import pull
from edgedb.moving.source import offers
from edgedb.node import Node
from edgedb.wire.choices import Policy
from edgedb.wire.fates import Fate
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import SessionPacket

log = logging.getLogger(__name__)

UNKNOWN = (OutcomeUnknown, PeerUnavailable)  # the session may have moved
CANDIDATES = 8  # tried in turn where another mover has been faster
BATCH = 256  # sessions that move in one call, and
BATCH_BYTES = 4 * 2**20  # of their content


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
    subtree = node.topology.subtree(node.location)
    failure: EdgeError = NotFound(f"{node.location} has no session to offload")
    for candidate in node.store.residents.choose(policy, CANDIDATES, subtree):
        try:
            return _token(offload(node, [candidate])[candidate])
        except (Conflict, NotFound, Unavailable) as error:
            failure = error
    raise failure


def force_offload_many(node: Node, count: int, policy: Policy = Policy.LARGEST) -> dict[str, Fate]:
    """Move up to ``count`` sessions as :func:`force_offload` does; says what became of each.

    Raises:
        BadRequest: this is the root.

    """
    node.required_parent()
    subtree = node.topology.subtree(node.location)
    return offload(node, node.store.residents.choose(policy, count, subtree))


def offload(node: Node, sessions: Sequence[str]) -> dict[str, Fate]:
    """Offer sessions to the parent, many in one call; says what became of each."""
    fates, parent = dict[str, Fate](), node.required_parent().id
    for start in range(0, len(sessions), BATCH):
        offered = offers(node, sessions[start : start + BATCH])
        fates |= {name: each for name, each in offered.items() if isinstance(each, EdgeError)}
        for batch in _batches([p for p in offered.values() if isinstance(p, SessionPacket)]):
            fates |= _offloaded(node, parent, batch)
    return fates


def _batches(packets: Sequence[SessionPacket]) -> Iterator[list[SessionPacket]]:
    """Put together what fits into one call."""
    batch, size = list[SessionPacket](), 0
    for packet in packets:
        if batch and size + packet.size > BATCH_BYTES:
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
    mine = node.store.source.report(tokens) if tokens else ()
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
    parent = node.required_parent()
    packets = node.peers.onload_session(parent.id, node.location, session, count)
    if session is not None and not packets:
        raise NotFound(f"session {session!r} is not above {node.location}")
    fates = pull(node, packets)
    failures = [fate for fate in fates.values() if isinstance(fate, EdgeError)]
    if failures and len(failures) == len(fates):
        unknown = (error for error in failures if isinstance(error, UNKNOWN))
        raise next(unknown, failures[-1])
    return fates
