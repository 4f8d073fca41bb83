"""``migrate-session``: give sessions away, step by step (docs/api.md#migrate-session)."""

from __future__ import annotations

import re
from contextlib import suppress

from edgedb import Endpoint, Request, Response
from edgedb.access import require_itself, require_on_path, require_path, require_relative
from edgedb.errors import BadRequest, EdgeError, NotFound, Rejoining
from edgedb.moving.recovery import abandon
from edgedb.moving.source import hand_over
from edgedb.node import Node
from edgedb.wire.choices import Hold, Phase
from edgedb.wire.hand_over import Answer, Ask, answers_to_msgpack, asks_from_json
from edgedb.wire.headers import NODE, PACKET
from edgedb.wire.identity import NodeIdentity
from edgedb.wire.model import SESSIONS, SessionToken, read as read_json
from edgedb.wire.packet import Cursor, Offer, SessionPacket, Since, Within, to_msgpack


def read(node: Node, request: Request) -> Response:
    """Give a session, or a page of it, to a location above or below; it goes on being served."""
    caller = require_relative(node, request)
    session = request.required_session()
    if caller is not None:
        require_path(node, session, caller)
    packet = _read(node, request, session)
    if request.accepts(PACKET):
        return Response(to_msgpack([packet]), headers=(("Content-Type", PACKET),))
    return Response.json(packet.to_json())


def _read(node: Node, request: Request, session: str) -> SessionPacket:
    cursor = _cursor(request)
    if cursor is None:
        return node.store.source.whole(session, request.number("since", 0))
    offer = Offer(request.query.get("stay", ""), request.query.get("run", ""))
    return node.store.source.page(session, cursor, offer)


def _cursor(request: Request) -> Cursor | None:
    """Say where to read on; None: all of it, in one packet."""
    key = request.query.get("list")
    if key is not None:
        return Within(key, request.number("start", 0))
    return Since(request.number("page", 0)) if "page" in request.query else None


def migrate(node: Node, request: Request) -> Response:
    """Hand sessions over to a location above or below: the commit point of their moves."""
    caller = require_relative(node, request)
    destination = _parameter(request, "to")
    require_itself(caller, destination)
    if not node.is_relative(destination):
        raise BadRequest(f"{destination:.80} is neither above nor below {node.location}")
    request.choice("phase", Phase)
    hold = request.choice("hold", Hold, Hold.NO)
    answers = _handed_over(node, asks_from_json(request.body), destination, hold)
    return Response(answers_to_msgpack(answers), headers=(("Content-Type", PACKET),))


def _handed_over(node: Node, asks: list[Ask], destination: str, hold: Hold) -> dict[str, Answer]:
    """Answer for each session by itself."""
    tokens, answers = dict[str, SessionToken](), dict[str, Answer]()
    known = node.store.residents.tokens(ask.session for ask in asks)
    for ask, token in zip(asks, known, strict=True):
        try:
            if token is None:
                raise NotFound(f"session {ask.session!r} is not known at {node.location}")
            require_on_path(node, token, destination)
            tokens[ask.session] = token
        except EdgeError as error:
            answers[ask.session] = error
    allowed = [ask for ask in asks if ask.session in tokens]
    return answers | (hand_over(node, allowed, tokens, destination, hold) if allowed else {})


def known(node: Node, request: Request) -> Response:
    """Say what is known here of sessions that caller and node are both on the path of."""
    caller, here, topology = require_relative(node, request), node.location, node.topology
    is_below = caller is not None and topology.is_below(caller, here)
    homes = topology.subtree(caller) if caller and is_below else topology.homes(here)
    sessions = read_json(SESSIONS, request.body)
    return Response.json(node.store.residents.witnessed(sessions, homes))


def seen(node: Node, request: Request) -> Response:
    """Say what is known here of the caller's store, whether or not this node serves."""
    return Response.json(node.store.relatives.seen(_asker(node, request)))


def tokens(node: Node, request: Request) -> Response:
    """Say where sessions are that caller and node are both on the path of, some at a time.

    Before the first, what was to arrive here from the caller is set aside: it is not asked for it
    any more, and an answer of its that is late makes nothing live.
    """
    asker, position = _asker(node, request), request.query.get("position", "")
    if not position:
        with suppress(Rejoining):  # then nothing goes live here
            abandon(node, asker)
    if not re.fullmatch(r"[0-9]{0,20}", position):
        raise BadRequest(f"there is no position {position!r:.60}")
    lower = asker if node.topology.is_below(asker, node.location) else node.location
    homes = node.topology.subtree(lower)
    return Response.json(node.store.relatives.tokens(position or "0", homes))


def _asker(node: Node, request: Request) -> str:
    """Give the location that wants to know about itself."""
    caller = require_relative(node, request, or_behind=True)
    node.store.admission.waiting()  # the answer says who this is now
    named = request.header(NODE)
    if caller is None and named is None:
        raise BadRequest(f"{NODE} is missing: who wants to know?")
    return caller or NodeIdentity.read(named or "").location


def _parameter(request: Request, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise BadRequest(f"the parameter {name} is missing")
    return value


handle = Endpoint(
    {
        "GET /": read,
        "POST /": migrate,
        "POST /known": known,
        "GET /seen": seen,
        "GET /tokens": tokens,
    }
)
