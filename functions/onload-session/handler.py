"""``onload-session``: name sessions that may go down to a location (docs/api.md#onload-session)."""

from __future__ import annotations

from edgedb import Endpoint, Request, Response
from edgedb.access import require_descendant, require_its_subtree
from edgedb.errors import BadRequest
from edgedb.node import Node
from edgedb.request import COUNT_LIMIT
from edgedb.wire.choices import Policy
from edgedb.wire.headers import ONLOAD_LOCATION
from edgedb.wire.model import SessionToken


def onload_session(node: Node, request: Request) -> Response:
    """Look here for sessions of the asking location's subtree, then at the parent."""
    below = _asking_location(node, request)
    session, count = request.session_parameter(), request.number("count", 1, COUNT_LIMIT)
    tokens = _residents_of_subtree(node, below, session, count)
    if not tokens and node.parent is not None:
        tokens = node.peers.onload_session(node.parent.id, below, session, count)
    return Response.json([token.to_json() for token in tokens])


def _asking_location(node: Node, request: Request) -> str:
    """Give ``X-onload-location``; a caller names itself or somebody below it."""
    caller = require_descendant(node, request)
    below = request.header(ONLOAD_LOCATION)
    if below is None or not node.topology.is_below(below, node.location):
        raise BadRequest(f"{ONLOAD_LOCATION} must name a location below {node.location}")
    require_its_subtree(node, caller, below)
    return below


def _residents_of_subtree(
    node: Node, below: str, session: str | None, count: int
) -> list[SessionToken]:
    subtree, residents = node.topology.subtree(below), node.store.residents
    names = [session] if session else residents.choose(Policy.MOST_RECENT, count, subtree)
    return [
        token
        for token in residents.tokens(names)
        if token is not None
        and token.current_location == node.location
        and token.proprietary_location in subtree
    ]


handle = Endpoint({"GET /": onload_session, "POST /": onload_session})
