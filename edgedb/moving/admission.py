"""Which sessions a destination may take at all."""

from __future__ import annotations

from edgedb.errors import BadRequest, Conflict
from edgedb.node import Node
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import SessionPacket, Since


def offer_of(node: Node, token: SessionToken) -> SessionPacket:
    """Ask for what is offered where only a token came.

    Raises:
        Conflict: the session is another's, or has moved since.
        EdgeError: its location refuses, or does not answer.

    """
    packet = node.peers.page(token.current_location, token.session, Since())
    if packet.token.proprietary_location != token.proprietary_location:
        home = packet.token.proprietary_location
        raise Conflict(f"session {token.session!r} belongs to {home}")
    if packet.token.epoch != token.epoch:
        raise Conflict(f"session {token.session!r} is in epoch {packet.token.epoch}")
    return packet


def check_path(node: Node, token: SessionToken) -> None:
    """Refuse to leave the path from the proprietary location to the root.

    A session may come there from where the path was before the tree was changed.

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
    home = token.proprietary_location
    for location in (node.location, source):
        was_there = location == source and topology.was_on_path(home, source)
        if not topology.in_subtree(home, location) and not was_there:
            raise BadRequest(f"{location} is not above {home}")
