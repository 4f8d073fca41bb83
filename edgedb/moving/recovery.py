"""Brings a transfer to its end: by its mover, or after it by a request, a tick, an operator.

``docs/protocol.md`` has the failure rules and why they are safe.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from edgedb.delivery import deliver_soon
from edgedb.errors import Conflict, EdgeError, OfferEnded, PeerUnavailable, SessionBusy
from edgedb.logs import log_context
from edgedb.node import Node
from edgedb.store.arrival import Arrival, is_home_an_end
from edgedb.wire.choices import Hold
from edgedb.wire.hand_over import Answer, Ended, Handed
from edgedb.wire.model import SessionToken

log = logging.getLogger(__name__)


def ask(
    node: Node, source: str, arrivals: Sequence[Arrival], hold: Hold
) -> dict[str, SessionToken | Answer]:
    """Ask a source for what is prepared here, and make live what it gives.

    Repeating it is safe: the source says again what it has given, and to whom. For each session
    there is its new token, or what the source says; an error leaves it prepared. What has ended is
    not here any more.

    Raises:
        EdgeError: the source does not answer, or not to the point; all stay prepared.

    """
    answers = node.peers.hand_over(source, [arrival.ask for arrival in arrivals], hold)
    found = {each.session: _meant(node, each, answers) for each in arrivals}
    given = [each for each in arrivals if isinstance(found[each.session], Handed)]
    return {**found, **_taken_over(node, given)}


def _meant(node: Node, arrival: Arrival, answers: Mapping[str, Answer]) -> Answer:
    """Say what an answer means for an arrival; of what has ended nothing stays."""
    answer = answers.get(arrival.session)
    if answer is None or (isinstance(answer, Handed) and answer.version != arrival.version):
        return PeerUnavailable(f"{arrival.source} has not answered for {arrival.session!r}")
    if isinstance(answer, Ended):
        _drop(node, arrival, answer)
    return answer


def _drop(node: Node, arrival: Arrival, answer: Ended) -> None:
    """Drop what is over; keep a copy where the source may have lost what is in it.

    What cannot be dropped now, the next tick will.
    """
    try:
        if answer.run == arrival.offer.run:
            node.store.destination.discard(arrival)
        else:
            is_at = f"and is at version {answer.version}"
            why = f"{arrival.source} has started anew since it offered this version, {is_at}"
            _set_aside(node, arrival, why)
    except EdgeError as error:
        log.warning("transfer %s is not cleaned up yet: %s", arrival.transfer, error)


def abandon(node: Node, source: str) -> None:
    """Give up what was to arrive from a node that has lost what it did: copies are set aside."""
    for session in node.store.destination.arrivals():
        arrival = node.store.destination.arrival(session)
        if arrival is not None and arrival.source == source:
            if arrival.version:
                _set_aside(node, arrival, f"{source}, from where it was arriving, rejoins")
            else:
                node.store.destination.discard(arrival)


def _set_aside(node: Node, arrival: Arrival, why: str) -> None:
    """Keep a copy that is in the way, and say so."""
    if node.store.destination.set_aside(arrival, why):
        log.error("version %d of %r is set aside: %s", arrival.version, arrival.session, why)


def over(arrival: Arrival, answer: Ended) -> EdgeError:
    """Say why an offer has ended: a request did not, or the session is not there any more."""
    if (answer.run, answer.version) == (arrival.offer.run, arrival.version):
        return SessionBusy(f"a request has session {arrival.session!r} at {arrival.source}")
    return OfferEnded(f"session {arrival.session!r} is not at {arrival.source} as it was offered")


def _taken_over(node: Node, given: Sequence[Arrival]) -> dict[str, SessionToken | EdgeError]:
    """Make live what sources have given."""
    if not given:
        return {}
    tokens = node.store.destination.activate(given)
    taken = zip(given, tokens, strict=True)
    if any(token and not is_home_an_end(token, arrival.source) for arrival, token in taken):
        deliver_soon(node)
    return {
        arrival.session: token or _dealt_with(node, arrival)
        for arrival, token in zip(given, tokens, strict=True)
    }


def _dealt_with(node: Node, arrival: Arrival) -> SessionToken | EdgeError:
    """Say where a session is that somebody else has taken over, as far as is known."""
    known = node.store.residents.token(arrival.session)
    if known is None or known.epoch <= arrival.token.epoch:
        return PeerUnavailable(f"transfer {arrival.transfer} was dealt with by somebody else")
    return known


def moved_here(node: Node, offered: Iterable[SessionToken]) -> dict[str, SessionToken | EdgeError]:
    """Say of sessions that are here, later than they were offered, whether they have moved.

    Their sources are asked: one that has a session still has not given it away, it is in two
    places. Of the others it says nothing.
    """
    by_source = dict[str, list[SessionToken]]()
    for token in offered:
        by_source.setdefault(token.current_location, []).append(token)
    fates = dict[str, SessionToken | EdgeError]()
    for source, tokens in by_source.items():
        here = _here_by_now(node, tokens)
        try:
            told = node.peers.known(source, [*here]) if here else {}
        except EdgeError as error:
            fates |= dict.fromkeys(
                here, PeerUnavailable(f"{source} cannot say it has moved: {error}")
            )
            continue
        for session, token in here.items():
            is_there = session in told and told[session].token.current_location == source
            fates[session] = forked(token, source) if is_there else token
    return fates


def forked(token: SessionToken, other: str) -> Conflict:
    """Say that a session is in two places."""
    at = f"at {token.current_location} in epoch {token.epoch}, and at {other}"
    return Conflict(f"session {token.session!r} is {at} too; ask edgectl doctor")


def _here_by_now(node: Node, offered: Sequence[SessionToken]) -> dict[str, SessionToken]:
    """Give the tokens of those that are here, in a later epoch."""
    known = node.store.residents.tokens(token.session for token in offered)
    return {
        now.session: now
        for then, now in zip(offered, known, strict=True)
        if now is not None
        and now.epoch > then.epoch
        and (now.current_location, now.proprietary_location)
        == (node.location, then.proprietary_location)
    }


def finish(node: Node, arrival: Arrival) -> SessionToken:
    """Take over a prepared arrival and make it live; gives the session's new token.

    Raises:
        OfferEnded: the source has not any more what it offered; nothing is left of it here.
        EdgeError: it does not answer, or not to the point; the arrival stays prepared.

    """
    if not arrival.version:
        raise Conflict(f"transfer {arrival.transfer} is not prepared")
    node.store.destination.sync()
    fate = ask(node, arrival.source, [arrival], Hold.NO)[arrival.session]
    if isinstance(fate, SessionToken):
        return fate
    if isinstance(fate, EdgeError):
        raise fate
    if isinstance(fate, Ended):
        raise OfferEnded(str(over(arrival, fate)))
    if fate.version > arrival.version:
        # its mover, if there is one, begins anew
        node.store.destination.discard(arrival)
        raise OfferEnded(f"session {arrival.session!r} has changed since it was copied")
    raise SessionBusy(f"session {arrival.session!r} is running a request")


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
        if not arrival.version:
            node.store.destination.discard(arrival, is_idle=True)
            return True
        try:
            finish(node, arrival)
        except OfferEnded as ended:
            log.info("the arrival is given up: %s", ended)
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
