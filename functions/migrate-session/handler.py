"""``migrate-session``: give a session away, step by step (docs/api.md#migrate-session)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from edgedb import Endpoint, Request, Response
from edgedb.access import require_itself, require_path, require_relative
from edgedb.errors import BadRequest
from edgedb.moving.source import freeze
from edgedb.node import Node
from edgedb.wire.choices import Phase
from edgedb.wire.headers import PACKET
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import Cursor, SessionPacket


def read(node: Node, request: Request) -> Response:
    """Give a session, or a page of it, to a location above or below; it goes on being served."""
    caller = require_relative(node, request)
    session = request.required_session()
    if caller is not None:
        require_path(node, session, caller)
    return _packet(request, _read(node, request, session))


def migrate(node: Node, request: Request) -> Response:
    """Serve one step of a transfer to a location above or below."""
    caller = require_relative(node, request)
    session, destination = request.required_session(), _parameter(request, "to")
    require_itself(caller, destination)
    if not node.is_relative(destination):
        raise BadRequest(f"{destination:.80} is neither above nor below {node.location}")
    token = require_path(node, session, destination)
    return PHASES[request.choice("phase", Phase)](node, request, token)


def _read(node: Node, request: Request, session: str) -> SessionPacket:
    page = request.query.get("page")
    if page is None:
        return node.store.source.whole(session, request.number("since", 0))
    try:
        cursor = Cursor.from_json(json.loads(page))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"page is not JSON: {error}") from error
    return node.store.source.page(session, cursor)


def _freeze(node: Node, request: Request, token: SessionToken) -> Response:
    """Stop serving once the running request has ended, and answer what is new."""
    asked = replace(token, epoch=request.number("epoch", 0))
    transfer, since = _parameter(request, "transfer"), request.number("since", 0)
    is_final = request.query.get("final") == "1"
    return _packet(request, freeze(node, asked, transfer, since, is_final=is_final))


def _packet(request: Request, packet: SessionPacket) -> Response:
    """Answer in the form that is asked for; JSON is everyone's."""
    if request.accepts(PACKET):
        return Response(packet.to_msgpack(), headers=(("Content-Type", PACKET),))
    return Response.json(packet.to_json())


def _hand_over(node: Node, request: Request, token: SessionToken) -> Response:
    """Give the session away under a grant that is in force: the commit point of a move."""
    destination, grant = _parameter(request, "to"), _parameter(request, "grant")
    node.store.source.hand_over(token, grant, destination)
    return Response.json({})


def _thaw(node: Node, request: Request, token: SessionToken) -> Response:
    """Serve again; the transfer's grant is never honoured after this."""
    node.store.source.thaw(token.session, _parameter(request, "transfer"))
    return Response.json({})


def _parameter(request: Request, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise BadRequest(f"the parameter {name} is missing")
    return value


PHASES: dict[Phase, Callable[[Node, Request, SessionToken], Response]] = {
    Phase.FREEZE: _freeze,
    Phase.HAND_OVER: _hand_over,
    Phase.THAW: _thaw,
}

handle = Endpoint({"GET /": read, "POST /": migrate})
