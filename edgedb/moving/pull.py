"""The pull protocol, as functions of a :class:`~edgedb.node.Node`.

docs/protocol.md#a-move has the messages, the states and why it is safe.
"""

from __future__ import annotations

import logging
import uuid

from edgedb.errors import (
    BadRequest,
    Conflict,
    EdgeError,
    OutcomeUnknown,
    PeerUnavailable,
    SessionBusy,
)
from edgedb.logs import log_context
from edgedb.moving.copying import Copy, Restart
from edgedb.moving.recovery import abandon, finish, settle
from edgedb.node import Node
from edgedb.store.destination import AlreadyResident, Arrival, UnfinishedArrival
from edgedb.waiting import attempts
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import SessionPacket

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a copy may begin anew."""


def pull(node: Node, token: SessionToken) -> SessionToken:
    """Move a session from its current location to this node; gives its new token.

    Raises:
        BadRequest: the move would leave the path from the proprietary location to the root.
        Conflict: the session has moved, is moving, or is known here as another's.
        PeerUnavailable: the source stopped answering. Where the hand-over had been asked for
            the outcome is unknown, and the next tick finds it out.
        OutcomeUnknown: the copy is prepared, and what came then was not final; the same.
        EdgeError: the source or this node's store refused; nothing has changed.

    """
    check_path(node, token)
    for _ in attempts(ATTEMPTS):
        transfer = str(uuid.uuid4())
        with log_context(session=token.session, transfer=transfer):
            try:
                arrival = _prepared(node, token, transfer)
            except Restart:
                continue
            except AlreadyResident:
                return _moved_before(node, token)
            moved = _finished(node, arrival)
            log.info("session moved from %s to %s", token.current_location, node.location)
            return moved
    raise SessionBusy(f"session {token.session!r} changes faster than it can be copied")


def _prepared(node: Node, token: SessionToken, transfer: str) -> Arrival:
    """Copy a session until all of it is here and its source is frozen."""
    _arrive(node, token, transfer)
    try:
        copy = Copy(node, token, transfer)
        packet = copy.run()
        return _prepare(node, transfer, copy.packets, token, packet)
    except BaseException:
        abandon(node, Arrival(token.session, transfer, token.current_location, 0))
        raise


def _finished(node: Node, arrival: Arrival) -> SessionToken:
    """Take a prepared arrival over; what goes wrong now and is not final, a tick will mend."""
    try:
        return finish(node, arrival)
    except (Conflict, PeerUnavailable, OutcomeUnknown):
        raise
    except EdgeError as error:
        raise OutcomeUnknown(f"the copy is prepared, the next tick goes on: {error}") from error


def _moved_before(node: Node, token: SessionToken) -> SessionToken:
    """Answer a repeated call: the session is here, later than the token says."""
    known = node.store.residents.token(token.session)
    is_later = known is not None and known.epoch > token.epoch
    if known is None or not is_later or known.proprietary_location != token.proprietary_location:
        raise Conflict(f"session {token.session!r} is resident at {node.location} already")
    return known


def check_path(node: Node, token: SessionToken) -> None:
    """Refuse to leave the path from the proprietary location to the root.

    Raises:
        BadRequest: the token's locations are not all on that path.
        Conflict: the session is said to be here already.

    """
    topology, source = node.topology, token.current_location
    for location in (source, token.proprietary_location):
        if location not in topology:
            raise BadRequest(f"location {location!r:.80} is not above or below {node.location}")
    if source == node.location:
        raise Conflict(f"session {token.session!r} is at {source} already")
    for location in (node.location, source):
        if not topology.in_subtree(token.proprietary_location, location):
            raise BadRequest(f"{location} is not above {token.proprietary_location}")


def _arrive(node: Node, token: SessionToken, transfer: str) -> None:
    """Open the arrival; what an earlier transfer has left is dealt with first."""
    for _ in attempts(2):
        try:
            return node.store.destination.arrive(token, transfer)
        except UnfinishedArrival as unfinished:
            settle(node, unfinished.arrival)
    raise SessionBusy(f"session {token.session!r} has an unfinished arrival; try again")


def _prepare(
    node: Node, transfer: str, packets: int, token: SessionToken, packet: SessionPacket
) -> Arrival:
    """Make the arrival durable; from here on a tick may finish it before its mover does."""
    if packet.token.proprietary_location != token.proprietary_location:
        raise Conflict(f"session {token.session!r} belongs to {packet.token.proprietary_location}")
    grant, version = packet.grant or "", packet.version
    node.store.destination.prepare(transfer, packets, packet.token, grant, version)
    return Arrival(token.session, transfer, token.current_location, 0, grant, packet.token)
