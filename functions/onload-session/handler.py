"""``onload-session``: name sessions that may go down to a location (docs/api.md#onload-session)."""

from __future__ import annotations

from edgedb import Endpoint, Request, Response
from edgedb.access import require_descendant, require_its_subtree
from edgedb.errors import BadRequest
from edgedb.moving.source import offers
from edgedb.node import Node
from edgedb.wire.choices import Policy
from edgedb.wire.headers import ONLOAD_LOCATION, PACKET
from edgedb.wire.model import COUNT_LIMIT
from edgedb.wire.packet import SessionPacket, to_msgpack

OFFERED_BYTES = 4 * 2**20
"""How much content one answer has."""


def onload_session(node: Node, request: Request) -> Response:
    """Look here for sessions of the asking location's subtree, then at the parent."""
    below = _asking_location(node, request)
    session, count = request.session_parameter(), request.number("count", 1, COUNT_LIMIT)
    packets = _offered_to_subtree(node, below, session, count)
    if not packets and node.parent is not None:
        packets = node.peers.onload_session(node.parent.id, below, session, count)
    if request.accepts(PACKET):
        return Response(to_msgpack(packets), headers=(("Content-Type", PACKET),))
    return Response.json([packet.token for packet in packets])


def _asking_location(node: Node, request: Request) -> str:
    """Give ``X-onload-location``; a caller names itself or somebody below it."""
    caller = require_descendant(node, request)
    below = request.header(ONLOAD_LOCATION)
    if below is None or not node.topology.is_below(below, node.location):
        raise BadRequest(f"{ONLOAD_LOCATION} must name a location below {node.location}")
    require_its_subtree(node, caller, below)
    return below


def _offered_to_subtree(
    node: Node, below: str, session: str | None, count: int
) -> list[SessionPacket]:
    subtree, residents = node.topology.subtree(below), node.store.residents
    names = [session] if session else residents.choose(Policy.MOST_RECENT, count, subtree)
    return [
        packet
        for packet in offers(node, names, OFFERED_BYTES).values()
        if isinstance(packet, SessionPacket) and packet.token.proprietary_location in subtree
    ]


handle = Endpoint({"GET /": onload_session, "POST /": onload_session})
