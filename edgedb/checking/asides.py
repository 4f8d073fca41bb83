"""What an operator decides of sessions in two places: which is kept, what is had back."""

from __future__ import annotations

from edgedb.checking.tracing import path
from edgedb.errors import BadRequest, Conflict, EdgeError
from edgedb.node import Node
from edgedb.wire.model import SessionToken, checked_session_id

WHY = "another one was kept: edgectl resolve"


def keep(node: Node, token: SessionToken) -> str:
    """Let a session be where its token says; what is resident here instead is set aside.

    Gives the id under which, or ''. It may be repeated.

    Raises:
        BadRequest: this node, or the token's location, is not on the session's path.
        StaleToken: the same epoch or a higher one is known here.
        Conflict: it is known here as another location's, or is not resident where it is kept.

    """
    topology, home = node.topology, token.proprietary_location
    for place in (node.location, token.current_location):
        if home not in topology or not topology.in_subtree(home, place):
            raise BadRequest(f"{place:.80} is not on the path from {home:.80} to the root")
    if token.current_location == node.location:
        node.store.aside.keep(token)
        return ""
    (answer,) = node.store.aside.cede([token], WHY)
    if isinstance(answer, EdgeError):
        raise answer
    return answer


def restore(node: Node, id_: str, name: str | None) -> SessionToken:
    """Make what is set aside a session again; gives its token.

    By its old name, or ``name``: one that no node on its path knows. Who was declared lost is not
    asked.

    Raises:
        NotFound: nothing is set aside by that id, or values only.
        Conflict: the name is in use.
        EdgeError: a node on the path does not answer.

    """
    aside = node.store.aside.known(id_)
    session, home = name or aside.token.session, aside.token.proprietary_location
    if home not in node.topology or not node.topology.in_subtree(home, node.location):
        home = node.location
    for place in path(node, home):
        if node.store.inspection.is_gone(place):
            continue
        if node.peers.known(place, [checked_session_id(session)]):
            raise Conflict(f"{place} knows a session {session!r}; restore it under another name")
    return node.store.aside.restore(aside, session, home)
