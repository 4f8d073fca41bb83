"""The 307 that sends a client to where its session is."""

from __future__ import annotations

from edgedb.errors import Unavailable
from edgedb.node import Node
from edgedb.request import Request
from edgedb.response import Response
from edgedb.store.requests import Redirect
from edgedb.wire.headers import SESSION_HOME, SESSION_LOCATION


def redirect_to(node: Node, request: Request, outcome: Redirect) -> Response:
    """Send the client to the same function at another location (docs/protocol.md#a-request).

    Raises:
        Unavailable: this node's topology does not have it (yet): the tree is being changed.

    """
    if outcome.location not in node.topology:
        raise Unavailable(
            f"the session is at {outcome.location}, which is not in the topology here"
        )
    query = b"?" + request.query_string if request.query_string else b""
    gateway, function = node.topology[outcome.location].gateway, node.settings.function
    place = f"{gateway}/function/{function}{request.function_path}{query.decode('latin-1')}"
    return Response(
        status=307,
        headers=(
            ("Location", place),
            (SESSION_LOCATION, outcome.location),
            *(((SESSION_HOME, outcome.home),) if outcome.home else ()),
            ("Cache-Control", "no-store"),
            ("Content-Type", "text/plain; charset=utf-8"),
        ),
    )
