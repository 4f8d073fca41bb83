"""``test-function``: where a session is, and to which gateway a node redirects for a location.

docs/api.md#test-function
"""

from __future__ import annotations

import threading

from edgedb import Endpoint, Request, Response
from edgedb.errors import SessionBusy, Unavailable
from edgedb.node import Node
from edgedb.wire.whereabouts import offloaded

_QUESTIONS = threading.BoundedSemaphore(8)
"""Half of a process's threads may wait for other nodes; the others answer theirs."""


def test_function(node: Node, request: Request) -> Response:
    """Follow the local pointer and let the node it names confirm."""
    session = request.required_session()
    # before the token: what is not arriving any more has a token
    arrival = node.store.destination.arrival(session)
    if arrival is not None and arrival.version:
        raise Unavailable(f"session {session!r} is just arriving at {node.location}")
    token = node.store.residents.known(session)
    if token.current_location == node.location:
        return Response.text(offloaded(None))
    further = _ask(node, token.current_location, session, request.query.get("from", ""))
    return Response.text(offloaded(further or token.current_location))


def _ask(node: Node, location: str, session: str, waiting: str) -> str | None:
    """Ask another node, unless that one waits for this answer: two nodes never wait in a ring."""
    on_the_way = [*filter(None, waiting.split(",")), node.location]
    if location in on_the_way:
        raise SessionBusy(f"session {session!r} is on its way to {location}")
    if not _QUESTIONS.acquire(blocking=False):
        raise Unavailable("too many questions to other nodes are under way; try again")
    try:
        return node.peers.test_function(location, session, on_the_way)
    finally:
        _QUESTIONS.release()


def gateway(node: Node, request: Request) -> Response:
    """Let a client make sure that a redirect leads to a node of the tree."""
    location = request.query.get("location", "")
    return Response.json({"location": location, "gateway": node.topology[location].gateway})


METHODS = ("GET", "HEAD", "POST")
handle = Endpoint(
    {f"{method} /": test_function for method in METHODS}
    | {f"{method} /gateway": gateway for method in METHODS}
)
