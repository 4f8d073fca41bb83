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
    if not _is_strange(node, token):
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
    above = [p for p in packets if _is_strange(node, p.token)]
    fates = node.peers.offload_session(parent.id, above) if parent and above else {}
    fates |= pull(node, [p for p in packets if p not in above])
    stay = [p.token for p in packets if isinstance(fates.get(p.token.session), Conflict)]
    return fates | moved_here(node, stay)


def _is_strange(node: Node, token: SessionToken) -> bool:
    """Say whether a session's home has another parent now, so that it has to go further up."""
    return node.topology.was_on_path(token.proprietary_location, node.location)


handle = Endpoint({"POST /": offload_session})
