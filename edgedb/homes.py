"""Sessions that a client says exist: ``X-session-home`` names where they were created.

An answer about a session that is committed has the header; a client that sends it along means that
session and no new one, and finds it from any node of the tree (docs/api.md#a-session-that-exists).
"""

from __future__ import annotations

from urllib.parse import quote

from edgedb.errors import BadRequest, EdgeError, SessionBusy, SessionGone, Unavailable
from edgedb.node import Node
from edgedb.request import Request
from edgedb.response import Response
from edgedb.store.requests import Redirect
from edgedb.topology.document import LOCATION_ID
from edgedb.wire.headers import SESSION, SESSION_HOME

COOKIE_ATTRIBUTES = "Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly"


def home_of(node: Node, request: Request, session: str) -> str:
    """Give the home that a request says its session has, by its id; empty if it says nothing.

    Where a cookie names the session, another may name its home, for that session only.

    Raises:
        BadRequest: it is no location's id.

    """
    home = request.header(SESSION_HOME)
    if home is None:
        home, _, of = _home_cookie(request, node.settings.session_cookie).partition(":")
        return home if of == session and LOCATION_ID.fullmatch(home) else ""
    if not LOCATION_ID.fullmatch(home):
        raise BadRequest(f"{SESSION_HOME} names a location, not {home!r:.80}")
    return node.topology[home].id if home in node.topology else home


def _home_cookie(request: Request, cookie: str, by_header: str = "") -> str:
    """Give what that cookie says; ``by_header`` where the session is named by a header."""
    if not cookie or SESSION in request.headers:
        return by_header
    return request.cookie(f"{cookie}-home") or ""


def with_home(response: Response, home: str) -> Response:
    """Let an answer say where its session was created, whatever the handler says of that."""
    kept = [pair for pair in response.headers if pair[0].lower() != SESSION_HOME.lower()]
    named = [(SESSION_HOME, home)] if home else []
    return Response(response.body, response.status, (*kept, *named))


def with_home_cookie(response: Response, request: Request, session: str, cookie: str) -> Response:
    """Let a client whose session is named by a cookie remember the home by another."""
    home = dict(response.headers).get(SESSION_HOME)
    value = f"{home}:{session}"
    if not cookie or home is None or _home_cookie(request, cookie, value) == value:
        return response
    set_cookie = "Set-Cookie", f"{cookie}-home={quote(value, safe='')}; {COOKIE_ATTRIBUTES}"
    others = [pair for pair in response.headers if pair != set_cookie]  # of who it was carried to
    return Response(response.body, response.status, (*others, set_cookie))


def whereabouts(node: Node, session: str, home: str) -> Redirect:
    """Say where to look for a session that is not known here; this location: here, once more.

    A home that is not below this node is none of its sessions': whoever is above both knows more.
    One that is below is asked, and so is whom it names, until one has the session or has no
    pointer: that node decides. So a ring of pointers leads no client round and round.

    Raises:
        SessionGone: its home does not know it, or no location of the tree is called so.
        SessionBusy: it moves faster than it can be followed.
        Unavailable: a node on its way does not answer, or rejoins.

    """
    here, tree = node.location, node.topology
    if not (tree.is_below(home, here) or tree.was_on_path(home, here)):
        return Redirect(home) if home in tree else _above(node, session, home)
    place = home
    for _ in tree.levels:
        pointer = _pointer(node, place, session, home)
        if pointer is None or not node.is_relative(pointer):  # it is here, or answers others only
            return Redirect(pointer or place, home)
        place = pointer
    raise SessionBusy(f"session {session!r} moves faster than it can be followed; try again")


def _above(node: Node, session: str, home: str) -> Redirect:
    parent = node.parent
    if parent is None:
        raise SessionGone(f"session {session!r}: no location of this tree is called {home!r}")
    return Redirect(parent.id)


def _pointer(node: Node, place: str, session: str, home: str) -> str | None:
    """Ask a node where it leads to; None: it has the session, or leads nowhere."""
    try:
        known = node.peers.known(place, [session]).get(session)
    except Unavailable:
        raise
    except EdgeError as error:
        raise Unavailable(f"where session {session!r} is cannot be told: {error}") from error
    if known is None or known.token.proprietary_location != home:
        if place == home:
            raise gone(session, home)
        return None
    location = known.token.current_location
    return None if location == place else location


def gone(session: str, home: str) -> SessionGone:
    """Say that a session is not where it should be."""
    return SessionGone(f"session {session!r} of {home} is lost, or was removed")
