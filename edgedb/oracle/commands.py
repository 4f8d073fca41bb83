"""What an oracle can ask of a node, and what a node does by itself (design section 4)."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from edgedb.delivery import deliver
from edgedb.errors import Conflict, EdgeError, NotFound, NotResident, Unavailable
from edgedb.moving.pull import pull, settle_all
from edgedb.node import Node
from edgedb.wire.choices import Policy
from edgedb.wire.model import SessionToken

log = logging.getLogger(__name__)

CANDIDATES = 8  # tried in turn where another mover has been faster
MOVES_PER_TICK = 100


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
    token = node.store.residents.token(session)
    if token is None:
        raise NotFound(f"session {session!r} is not known at {node.location}")
    if token.current_location != node.location:
        raise NotResident(f"session {session!r} is at {token.current_location}")
    return token


def force_onload(node: Node, session: str | None = None, count: int = 1) -> list[SessionToken]:
    """Bring up to ``count`` sessions of this subtree home from above; gives their new tokens.

    Raises:
        BadRequest: this is the root.
        NotFound: a named session is not above.
        EdgeError: why the last one failed, if none could be moved.

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
        raise failures[-1]
    return moved


@dataclass(frozen=True)
class Tick:
    """What one tick did: how many arrivals, messages and sessions it dealt with."""

    settled: int
    delivered: int
    offloaded: int
    onloaded: int

    def to_json(self) -> dict[str, int]:
        """Give the JSON form."""
        return asdict(self)


def tick(node: Node) -> Tick:
    """Finish what is unfinished; then, where thresholds are set, keep the node within them."""
    settled = settle_all(node)
    delivered = deliver(node, is_retry=True)
    offloaded = _relieve(node)
    onloaded = 0 if offloaded else _bring_home(node)
    return Tick(settled, delivered, offloaded, onloaded)


def _relieve(node: Node) -> int:
    """Above the high threshold: offload until below the low one."""
    above, below = node.settings.offload_above, node.settings.offload_below
    if above is None or node.parent is None or node.store.residents.load().size <= above:
        return 0
    moved, goal = 0, above if below is None else below
    while moved < MOVES_PER_TICK and node.store.residents.load().size > goal:
        try:
            force_offload(node)
        except EdgeError as error:
            log.warning("offloading stopped: %s", error)
            break
        moved += 1
    return moved


def _bring_home(node: Node) -> int:
    """Below the onload threshold: bring sessions back, one by one."""
    below = node.settings.onload_below
    if below is None or node.parent is None:
        return 0
    moved = 0
    while moved < MOVES_PER_TICK and node.store.residents.load().size < below:
        try:
            if not force_onload(node):
                break
        except EdgeError as error:
            log.warning("onloading stopped: %s", error)
            break
        moved += 1
    return moved
