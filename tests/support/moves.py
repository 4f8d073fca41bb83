"""The first half of a move, for tests that do the second by hand."""

from __future__ import annotations

from edgedb.errors import EdgeError
from edgedb.store.arrival import Arrival, Staging
from edgedb.store.staging import ListLedger
from edgedb.wire.hand_over import Answer, Ask
from edgedb.wire.packet import SessionPacket, Since
from tests.support.tree import Tree


def offered(tree: Tree, at: str = "edge-a", session: str = "s") -> SessionPacket:
    """Read all of a session, as it is offered."""
    return tree.node(at).store.source.page(session, Since())


def staged(
    tree: Tree, to: str, packet: SessionPacket, transfer: str = "t", *, complete: int = 0
) -> Arrival:
    """Open an arrival with a packet; it is prepared if a version is ``complete``."""
    lists, gaps = ListLedger().stage(packet.items)
    assert gaps == []
    staging = Staging(packet.token, packet.offer, transfer, 1, packet, lists, complete)
    (found,) = tree.node(to).store.destination.stage([staging])
    if isinstance(found, EdgeError):
        raise found
    return found


def prepared(tree: Tree, to: str, packet: SessionPacket, transfer: str = "t") -> Arrival:
    """Bring a packet up to where the source is asked for the session."""
    return staged(tree, to, packet, transfer, complete=packet.version)


def ask_for(packet: SessionPacket, transfer: str = "t") -> Ask:
    """Give what a destination asks that holds a packet."""
    token = packet.token
    return Ask(token.session, transfer, token.epoch, *packet.offer, packet.version)


def handed_over(tree: Tree, packet: SessionPacket, to: str, transfer: str = "t") -> Answer:
    """Let the source hand a session over, whether or not there is somebody to take it."""
    asked, token = ask_for(packet, transfer), packet.token
    source = tree.node(token.current_location).store.source
    return source.hand_over([asked], {token.session: token}, to)[token.session]
