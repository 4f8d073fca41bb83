"""``update-session``: tell a session's home where it is (docs/api.md#update-session)."""

from __future__ import annotations

from edgedb import Endpoint, Request, Response
from edgedb.access import require_ancestor, require_itself
from edgedb.errors import BadRequest
from edgedb.node import Node
from edgedb.wire.model import TOKEN, read


def update_session(node: Node, request: Request) -> Response:
    """Follow a session of this location that has moved further up or down."""
    caller = require_ancestor(node, request)
    token = read(TOKEN, request.body)
    if token.proprietary_location != node.location:
        raise BadRequest(f"the session belongs to {token.proprietary_location}, not here")
    if not node.topology.is_below(node.location, token.current_location):
        raise BadRequest(f"{token.current_location} is not above {node.location}")
    require_itself(caller, token.current_location)
    node.store.destination.update(token)
    return Response.json(token)


handle = Endpoint({"POST /": update_session})
