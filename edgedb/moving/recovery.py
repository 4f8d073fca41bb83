"""Brings a transfer to its end: by its mover, or after it by a request, a tick, an operator.

``docs/protocol.md`` has the failure rules and why they are safe.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from edgedb.delivery import deliver_soon
from edgedb.errors import Conflict, EdgeError, GrantRefused, PeerUnavailable
from edgedb.logs import log_context
from edgedb.node import Node
from edgedb.store.destination import Arrival, is_home_an_end
from edgedb.wire.model import SessionToken

log = logging.getLogger(__name__)


def finish(node: Node, arrival: Arrival) -> SessionToken:
    """Take over a prepared arrival and make it live; gives the session's new token.

    Repeating it is safe: the source honours a grant once and says so again when asked again.

    Raises:
        GrantRefused: the source has ended the grant; what was staged is discarded.
        EdgeError: it does not answer, or not to the point; the arrival stays prepared.

    """
    if arrival.token is None or arrival.grant is None:
        raise Conflict(f"transfer {arrival.transfer} is not prepared")
    try:
        node.peers.hand_over(arrival.source, arrival.session, arrival.transfer, arrival.grant)
    except GrantRefused:
        node.store.destination.discard(arrival.session, arrival.transfer, arrival.grant)
        raise
    token = arrival.token.moved_to(node.location)
    if node.store.destination.activate(arrival, token):
        if not is_home_an_end(arrival, token):
            deliver_soon(node)
        return token
    known = node.store.residents.token(arrival.session)
    if known is None or known.epoch < token.epoch:
        raise Conflict(f"transfer {arrival.transfer} was dealt with by somebody else")
    return known


def abandon(node: Node, arrival: Arrival) -> None:
    """Give up a transfer that is not prepared: drop what is staged, let the source serve.

    Neither may succeed now; then the tick does the one and the freeze timeout the other.
    """
    session, transfer = arrival.session, arrival.transfer
    for step in (
        lambda: node.store.destination.discard(session, transfer),
        lambda: node.peers.thaw(arrival.source, session, transfer),
    ):
        try:
            step()
        except EdgeError as error:
            log.warning("transfer %s is not cleaned up yet: %s", transfer, error)


def settle(node: Node, arrival: Arrival) -> bool:
    """Bring an unfinished arrival to its end, whatever that is.

    False if that cannot be known yet: the source does not answer.
    """
    try:
        return _settle(node, arrival)
    except PeerUnavailable as error:
        log.warning("the arrival stays prepared: %s", error)
        return False


def _settle(node: Node, arrival: Arrival) -> bool:
    """Do what :func:`settle` does; raises PeerUnavailable."""
    with log_context(session=arrival.session, transfer=arrival.transfer):
        if arrival.grant is None:
            if node.store.destination.discard_idle(arrival.session, arrival.transfer):
                abandon(node, arrival)
            return True
        try:
            finish(node, arrival)
        except GrantRefused:
            log.info("the arrival from %s was refused and is discarded", arrival.source)
        except PeerUnavailable:
            raise
        except EdgeError as error:
            log.warning("the arrival stays prepared: %s", error)
            return False
        return True


def settle_session(node: Node, session: str) -> None:
    """Settle the open arrival of a session, if there is one."""
    arrival = node.store.destination.arrival(session)
    if arrival is not None:
        settle(node, arrival)


def settle_all(node: Node, sessions: Iterable[str]) -> int:
    """Settle the unfinished arrivals of some sessions at this node; gives how many could be.

    A source that has not answered for one is not asked for the others: each would take its time.
    """
    settled, silent = 0, set[str]()
    for session in sessions:
        arrival = node.store.destination.arrival(session)
        if arrival is None or arrival.source in silent:
            continue
        try:
            settled += _settle(node, arrival)
        except PeerUnavailable as error:
            log.warning("prepared arrivals stay: %s", error)
            silent.add(arrival.source)
    return settled
