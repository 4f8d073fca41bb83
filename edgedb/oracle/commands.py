"""What an oracle can ask of a node (docs/api.md#for-oracles)."""

from __future__ import annotations

import logging

from edgedb.errors import (
    Conflict,
    EdgeError,
    NotFound,
    NotResident,
    OutcomeUnknown,
    PeerUnavailable,
    Unavailable,
)
from edgedb.moving.pull import pull
from edgedb.node import Node
from edgedb.wire.choices import Policy
from edgedb.wire.model import SessionToken

log = logging.getLogger(__name__)

UNKNOWN = (OutcomeUnknown, PeerUnavailable)  # the session may have moved
CANDIDATES = 8  # tried in turn where another mover has been faster


def force_offload(
    node: Node, session: str | None = None, policy: Policy = Policy.LARGEST
) -> SessionToken:
    """Move one session to the parent, or as far up as parents pass it on; gives its new token.

    Raises:
        BadRequest: this is the root.
        NotFound: the session is not known here, or no session is here at all.
        NotResident: it lives elsewhere.
        EdgeError: why the move failed; the session is where it was.

    """
    parent = node.required_parent()
    if session is not None:
        return node.peers.offload_session(parent.id, _resident(node, session))
    subtree = node.topology.subtree(node.location)
    failure: EdgeError = NotFound(f"{node.location} has no session to offload")
    for candidate in node.store.residents.choose(policy, CANDIDATES, subtree):
        try:
            return node.peers.offload_session(parent.id, _resident(node, candidate))
        except (Conflict, NotFound, Unavailable) as error:
            failure = error
    raise failure


def _resident(node: Node, session: str) -> SessionToken:
    token = node.store.residents.known(session)
    if token.current_location != node.location:
        raise NotResident(f"session {session!r} is at {token.current_location}")
    return token


def force_onload(node: Node, session: str | None = None, count: int = 1) -> list[SessionToken]:
    """Bring up to ``count`` sessions of this subtree home from above; gives their new tokens.

    Raises:
        BadRequest: this is the root.
        NotFound: a named session is not above.
        EdgeError: why the last one failed, if none could be moved; or of which it is not known.

    """
    parent = node.required_parent()
    tokens = node.peers.onload_session(parent.id, node.location, session, count)
    if session is not None and not tokens:
        raise NotFound(f"session {session!r} is not above {node.location}")
    moved, failures = list[SessionToken](), list[EdgeError]()
    for token in tokens:
        try:
            moved.append(pull(node, token))
        except EdgeError as error:
            failures.append(error)
            log.warning("session %r stays: %s", token.session, error)
    if failures and not moved:
        unknown = (error for error in failures if isinstance(error, UNKNOWN))
        raise next(unknown, failures[-1])
    return moved
