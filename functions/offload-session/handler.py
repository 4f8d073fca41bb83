"""``offload-session``: take a session from below, or pass it on (docs/api.md#offload-session)."""

from __future__ import annotations

from edgedb import Endpoint, Request, Response
from edgedb.access import require_descendant, require_its_subtree
from edgedb.moving.pull import check_path, pull
from edgedb.node import Node
from edgedb.wire.choices import OffloadStatus
from edgedb.wire.model import SessionToken


def offload_session(node: Node, request: Request) -> Response:
    """Accept the session here, or relay the parent's answer; the root always accepts."""
    caller = require_descendant(node, request)
    token = SessionToken.from_json(request.json())
    check_path(node, token)
    require_its_subtree(node, caller, token.current_location)
    parent = node.parent
    if parent is None or node.store.residents.status() is OffloadStatus.ACCEPT:
        return Response.json(pull(node, token).to_json())
    return Response.json(node.peers.offload_session(parent.id, token).to_json())


handle = Endpoint({"POST /": offload_session})
