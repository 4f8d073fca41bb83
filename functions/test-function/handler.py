"""``test-function``: say whether a session is offloaded, and where to (seed, "Debug").

``GET`` or ``POST`` ``?session=ID``; answers ``offloaded: no`` or ``offloaded: yes (LOCATION)``.
"""

from __future__ import annotations

from edgedb import Endpoint, Request, Response
from edgedb.errors import NotFound, SessionBusy
from edgedb.node import Node

HERE = "offloaded: no"


def test_function(node: Node, request: Request) -> Response:
    """Follow the local pointer and let the node it names confirm."""
    session = request.required_session()
    arrival = node.store.destination.arrival(session)
    if arrival is not None and arrival.grant is not None:
        # the source points here already, the pointer here is older than that: asking it would
        # go round in circles
        raise SessionBusy(f"session {session!r} is arriving at {node.location}; try again")
    token = node.store.residents.token(session)
    if token is None:
        raise NotFound(f"session {session!r} is not known at {node.location}")
    if token.current_location == node.location:
        return Response.text(HERE)
    confirmed = node.peers.test_function(token.current_location, session)
    if confirmed == HERE:
        return Response.text(f"offloaded: yes ({token.current_location})")
    return Response.text(confirmed)


handle = Endpoint(test_function, methods={"GET", "HEAD", "POST"})
