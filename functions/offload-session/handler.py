"""``offload-session``: take sessions from below, or pass them on (docs/api.md#offload-session)."""

from __future__ import annotations

from collections.abc import Sequence

from edgedb import Endpoint, Request, Response
from edgedb.access import require_descendant, require_its_subtree
from edgedb.errors import Conflict, EdgeError
from edgedb.moving.admission import check_path, offer_of
from edgedb.moving.pull import pull
from edgedb.moving.recovery import moved_here
from edgedb.node import Node
from edgedb.wire import fates
from edgedb.wire.choices import OffloadStatus
from edgedb.wire.fates import Fate
from edgedb.wire.headers import PACKET
from edgedb.wire.model import TOKEN, SessionToken, read
from edgedb.wire.packet import SessionPacket, from_msgpack, to_msgpack


def offload_session(node: Node, request: Request) -> Response:
    """Accept sessions here, or relay the parent's answer; the root always accepts."""
    caller = require_descendant(node, request)
    if request.headers.get("Content-Type") == PACKET:
        packets = from_msgpack(request.body)
        for packet in packets:
            require_its_subtree(node, caller, packet.token.current_location)
        return Response.json(fates.as_told(_offloaded(node, packets)))
    token = read(TOKEN, request.body)
    check_path(node, token)
    require_its_subtree(node, caller, token.current_location)
    fate = _fate(node, token)
    if isinstance(fate, EdgeError):
        raise fate
    return Response.json(fate)


def _fate(node: Node, token: SessionToken) -> Fate:
    """Take a session of which only the token came."""
    try:
        packet = offer_of(node, token)
    except Conflict as error:
        return moved_here(node, [token]).get(token.session, error)
    return _offloaded(node, [packet])[token.session]


def _offloaded(node: Node, packets: Sequence[SessionPacket]) -> dict[str, Fate]:
    """Take sessions, or have the parent take them; a repeated call hears what the first did."""
    parent = node.parent
    if parent is not None and node.store.residents.status() is not OffloadStatus.ACCEPT:
        return node.peers.pass_on(parent.id, to_msgpack(packets))
    fates = pull(node, packets)
    stay = [each.token for each in packets if isinstance(fates[each.token.session], Conflict)]
    return fates | moved_here(node, stay)


handle = Endpoint({"POST /": offload_session})
