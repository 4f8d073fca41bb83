"""Asks other nodes where a session is: whether a pointer leads anywhere, who else knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from edgedb.checking.findings import Finding, Kind
from edgedb.errors import (
    Conflict,
    EdgeError,
    Forbidden,
    NotFound,
    NotResident,
    SessionBusy,
    StoreUnavailable,
    Unavailable,
)
from edgedb.node import Node
from edgedb.waiting import Deadline, attempts
from edgedb.wire.model import VERSION_LIMIT, SessionToken
from edgedb.wire.packet import Since

_NOTHING_NEWER = Since(VERSION_LIMIT - 1)


Answer = TypeVar("Answer")


class Witnesses:
    """The nodes that are asked in one slice; who leaves a question unanswered is asked no more.

    Nor is anybody after ``seconds``.
    """

    def __init__(self, seconds: float) -> None:
        self._silent = dict[str, str]()
        self._until = Deadline(seconds)

    def ask(self, location: str, question: Callable[[], Answer]) -> Answer | None:
        """Ask a node; None also where it cannot tell now: the session is just moving."""
        if self._until.is_over:
            self._silent.setdefault(location, "other nodes were too slow; ask again")
        if location in self._silent:
            return None
        try:
            return question()
        except EdgeError as error:
            if not isinstance(error, Unavailable) or isinstance(error, StoreUnavailable):
                self._silent[location] = str(error)
            return None

    def silences(self) -> Iterator[Finding[None]]:
        """Tell who has not answered."""
        for location, reason in self._silent.items():
            found = f"what is elsewhere could not be checked there: {reason}"
            yield Finding(Kind.SILENT, location, found, None)


def flaw(node: Node, pointer: SessionToken) -> str | None:
    """Say what is wrong with a pointer of this node; None if nothing is.

    It leads somewhere if the node it names has the session, or is about to, or leads on.

    Raises:
        EdgeError: a node on the way does not answer, or not to the point.

    """
    where = pointer.current_location
    if node.store.inspection.is_gone(where):
        return f"leads to {where}, which was declared lost"
    if where not in node.topology:
        return f"leads to {where}, which is not in this node's topology"
    try:
        known = _resident(node, where, pointer)
    except Forbidden:  # an id is the clients' choice: there it is another's by now
        return None
    if known is not None:
        fault = f"in epoch {pointer.epoch}, where it is in epoch {known.epoch} only"
        return f"leads to {where} {fault}" if known.epoch < pointer.epoch else None
    # twice: a session that moves to and fro may look like a ring once
    if any(_leads_on(node, where, pointer.session) for _ in attempts(2)):
        return None
    return f"leads to {where}, from where it leads nowhere, or in a ring"


def has_lost(node: Node, place: str, session: str) -> bool:
    """Say whether a node does not know a session any more; raises EdgeError if it does not answer.

    Who was declared lost is not asked.
    """
    if node.store.inspection.is_gone(place):
        return True
    try:
        node.peers.page(place, session, _NOTHING_NEWER)
    except NotFound:
        return True
    except (Forbidden, NotResident):
        pass
    return False


def require_lost(node: Node, location: str) -> None:
    """Go on only if a store of that location was declared lost.

    A node that does not know what it had may just lack its volume.

    Raises:
        Conflict: it was not.

    """
    if not node.store.inspection.is_lost(location):
        raise Conflict(
            f"{location} may have more to say: put it back, with its store, into the topology; if "
            f"the store is lost for good: edgectl lost {location}"
        )


def holder(node: Node, token: SessionToken) -> SessionToken | None:
    """Find the session on its path, from home to the root, at any other node than this one.

    None: no other node has it or is about to have it, and all of them have said so, but for those
    that were declared lost.

    Raises:
        Conflict: it is moving.
        EdgeError: a node does not answer, or not to the point.

    """
    is_moving, others = False, [*path(node, token.proprietary_location)]
    gone = [place for place in others if node.store.inspection.is_gone(place)]
    for place in others:
        try:
            known = None if place in gone else _resident(node, place, token)
        except Forbidden:
            continue
        if known is not None:
            return known
        is_moving |= place not in gone and _leads_on(node, place, token.session, gone)
    if is_moving:
        raise Conflict(f"session {token.session!r} is moving; try again")
    return None


def path(node: Node, home: str) -> Iterator[str]:
    """Give the other nodes from a home to the root."""
    above = [place.id for place in node.topology.ancestors(home)]
    return (place for place in [home, *above] if place != node.location)


def _resident(node: Node, place: str, token: SessionToken) -> SessionToken | None:
    """Give the token of a session that a node has; None if it has not."""
    try:
        known = node.peers.page(place, token.session, _NOTHING_NEWER).token
    except (NotFound, NotResident):
        return None
    if known.proprietary_location != token.proprietary_location:
        raise Forbidden(f"{place} has a session of that name of {known.proprietary_location}")
    return known


def _leads_on(node: Node, place: str, session: str, gone: Sequence[str] = ()) -> bool:
    """Say whether a node leads to the session somewhere else than here, and than who is gone."""
    try:
        node.peers.test_function(place, session, [node.location, *gone])
    except (NotFound, SessionBusy):
        return False
    return True
