"""The source's half of a move: what it offers, and to whom it hands over.

It serves until it hands over. A request that runs then is waited for, if one session is asked for;
among many, nobody waits for one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from edgedb.errors import EdgeError
from edgedb.node import Node
from edgedb.waiting import Deadline
from edgedb.wire.choices import Hold
from edgedb.wire.hand_over import Answer, Ask, Changed
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import PAGE_BYTES, Offer, SessionPacket, Since

POLL_S = 0.002  # at most: new requests wait meanwhile


def offers(
    node: Node, sessions: Sequence[str], room: float = math.inf
) -> dict[str, SessionPacket | EdgeError]:
    """Offer sessions that are resident here, the small ones with all that they consist of.

    As long as there is ``room`` for so many bytes; the others are to be read.
    """
    offered = dict[str, SessionPacket | EdgeError]()
    for session, packet in zip(sessions, node.store.source.offers(sessions), strict=True):
        if isinstance(packet, SessionPacket):
            room -= packet.size
            offered[session] = packet if room >= 0 else packet.without_content()
        else:
            offered[session] = packet
    return offered


def hand_over(
    node: Node,
    asks: Sequence[Ask],
    tokens: Mapping[str, SessionToken],
    destination: str,
    hold: Hold,
) -> dict[str, Answer]:
    """Give sessions to who holds the version that they have; say what the others lack.

    Raises:
        ConfigurationError, OutcomeUnknown: as
            :meth:`~edgedb.store.source.SourceStore.hand_over`.

    """
    answers = node.store.source.hand_over(asks, tokens, destination)
    room = PAGE_BYTES
    for ask in asks:
        answer = answers[ask.session]
        if isinstance(answer, Changed):
            answer = _held(node, ask, answer, hold, room)
            if len(asks) == 1 and hold is not Hold.NO and answer.is_running:
                answer = _when_it_has_ended(node, ask, tokens, destination)
            answers[ask.session] = answer
            if isinstance(answer, Changed) and answer.difference is not None:
                room -= answer.difference.size
    return answers


def _held(node: Node, ask: Ask, answer: Changed, hold: Hold, room: int) -> Changed:
    """Let new requests wait if that may be; say what the destination lacks, if it is little."""
    found = _with_difference(node, ask, answer, room)
    is_little = answer.version == ask.version or found.difference is not None
    if hold is Hold.ANY or (hold is Hold.SMALL and is_little):
        node.store.source.hold(ask)
        found = _with_difference(node, ask, answer, room)
    return found


def _with_difference(node: Node, ask: Ask, answer: Changed, room: int) -> Changed:
    if answer.version == ask.version or room <= 0:
        return answer
    try:
        packet = node.store.source.page(ask.session, Since(ask.version), Offer(ask.stay, ask.run))
    except EdgeError:
        return answer
    is_little = packet.next is None
    return replace(answer, version=packet.version, difference=packet) if is_little else answer


def _when_it_has_ended(
    node: Node, ask: Ask, tokens: Mapping[str, SessionToken], destination: str
) -> Answer:
    """Try again once the running request has ended; new ones wait meanwhile."""
    give = partial(node.store.source.hand_over, [ask], tokens, destination)
    for _ in Deadline(node.settings.lock_wait).attempts(POLL_S):
        answer = give()[ask.session]
        if not isinstance(answer, Changed):
            return answer
        if not answer.is_running:
            return _with_difference(node, ask, answer, PAGE_BYTES)
    return give(is_last_try=True)[ask.session]
