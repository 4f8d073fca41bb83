"""The destination's half of a move: it takes what is offered, one session or many.

docs/protocol.md#the-hand-over has the messages, the states and why it is safe.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from edgedb.errors import (
    Conflict,
    EdgeError,
    OutcomeUnknown,
    PeerUnavailable,
    SessionBusy,
)
from edgedb.moving.admission import check_path
from edgedb.moving.copying import Copy, Restart
from edgedb.moving.recovery import ask, over, settle_session
from edgedb.node import Node
from edgedb.store.arrival import Arrival, NotOpen
from edgedb.waiting import Deadline
from edgedb.wire.choices import Hold
from edgedb.wire.fates import Fate
from edgedb.wire.hand_over import Answer, Changed, Ended
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import SessionPacket, Since

log = logging.getLogger(__name__)

ROUNDS = 8
"""How often a session that changes is brought up to date."""
ATTEMPTS = 3
"""How often a copy may begin anew."""


@dataclass
class _Move:
    """One session on its way; ``packet`` is to be staged, ``arrival`` was."""

    copy: Copy
    packet: SessionPacket | None
    arrival: Arrival | None = None
    is_over: bool = True
    """Nothing that the source was asked for can be given any more."""

    @property
    def session(self) -> str:
        return self.copy.token.session


def pull(node: Node, offered: Iterable[SessionPacket]) -> dict[str, Fate]:
    """Move sessions that are offered to this node; gives the new token of each, or why it stays.

    Each has its own fate; of those errors

    * OutcomeUnknown, PeerUnavailable say that the next tick finds it out,
    * all others that the session is where it was.
    """
    fates, by_source = dict[str, Fate](), dict[str, list[_Move]]()
    for packet in offered:
        try:
            check_path(node, packet.token)
        except EdgeError as error:
            fates[packet.token.session] = error
        else:
            move = _Move(Copy(node, packet), packet)
            by_source.setdefault(packet.token.current_location, []).append(move)
    for moves in by_source.values():
        fates |= _Moves(node, moves).run()
    return fates


class _Moves:
    """Some sessions of one source, and what becomes of them."""

    def __init__(self, node: Node, moves: Sequence[_Move]) -> None:
        self._node = node
        self._source = moves[0].copy.token.current_location
        self._left = {move.session: move for move in moves}
        self._fates = dict[str, Fate]()
        self._deadline = Deadline(node.settings.move_timeout)

    def run(self) -> dict[str, Fate]:
        """Bring all of them to their ends.

        Those that nobody writes to together; each of the others by itself, so that those who write
        to it wait for no other.
        """
        if len(self._left) > 1:
            self._round([*self._left.values()], Hold.NO)
        for move in [*self._left.values()]:
            for hold in self._holds(move):
                self._round([move], hold)
        for move in [*self._left.values()]:
            self._fail(move, SessionBusy(f"session {move.session!r} changes all the time"))
        return self._fates

    def _holds(self, move: _Move) -> Iterator[Hold]:
        """Give a round after the other, as long as they are of use."""
        for round_ in range(ROUNDS):
            if move.session in self._left and not self._deadline.is_over:
                yield Hold.ANY if round_ == ROUNDS - 1 else Hold.SMALL

    def _round(self, moves: Sequence[_Move], hold: Hold) -> None:
        """Stage what there is to stage, and ask for what is here completely."""
        whole = [(m, m.packet) for m in moves if m.packet is not None and m.packet.is_whole]
        others = [(m, m.packet) for m in moves if m.packet is not None and not m.packet.is_whole]
        self._stage(whole)
        for move, packet in others:
            self._copy(move, partial(move.copy.run, packet))
        here = [(m, m.arrival) for m in moves if m.arrival is not None and m.session in self._left]
        if here:
            self._ask(here, hold)

    def _stage(self, whole: Sequence[tuple[_Move, SessionPacket]]) -> None:
        """Stage packets that complete a version, in one step of the store's."""
        stagings = []
        for move, packet in whole:
            try:
                stagings.append((move, *move.copy.staging(packet)))
            except (EdgeError, Restart) as error:
                self._meet(move, error)
        if not stagings:
            return
        try:
            found = self._node.store.destination.stage([staging for _, staging, _ in stagings])
        except EdgeError as error:
            found = [error] * len(stagings)
        for (move, staging, gaps), staged in zip(stagings, found, strict=True):
            if isinstance(staged, EdgeError):
                self._meet(move, staged)
            elif gaps:
                self._copy(move, partial(move.copy.complete, staging.packet, gaps))
            else:
                move.arrival, move.packet = staged, None

    def _copy(self, move: _Move, copied: Callable[[], Arrival]) -> None:
        """Stage a packet and all that follow it."""
        try:
            move.arrival, move.packet = copied(), None
        except (EdgeError, Restart) as error:
            self._meet(move, error)

    def _meet(self, move: _Move, error: EdgeError | Restart) -> None:
        """Deal with what keeps a session from being copied: begin anew, or leave it."""
        if not isinstance(error, NotOpen | Restart):
            self._fail(move, error)
        elif move.copy.attempt == ATTEMPTS:
            self._fail(move, SessionBusy(f"session {move.session!r} cannot be copied; try again"))
        else:
            self._begin_anew(move, error)

    def _begin_anew(self, move: _Move, error: NotOpen | Restart) -> None:
        """Give up this copy for another one."""
        try:
            if isinstance(error, Restart):
                self._abandon(move)
            else:
                settle_session(self._node, move.session)
            packet = move.copy.page(Since())
        except EdgeError as failure:
            self._fail(move, failure)
        else:
            move.copy = Copy(self._node, packet, move.copy.attempt + 1)
            move.packet, move.arrival = packet, None
            self._copy(move, partial(move.copy.run, packet))

    def _ask(self, here: Sequence[tuple[_Move, Arrival]], hold: Hold) -> None:
        """Ask the source for what is here, and see what it says."""
        for move, _ in here:
            move.is_over = False
        try:
            found = ask(self._node, self._source, [arrival for _, arrival in here], hold)
        except EdgeError as error:
            found = dict.fromkeys((move.session for move, _ in here), error)
        for move, arrival in here:
            self._hear(move, arrival, found[move.session])

    def _hear(self, move: _Move, arrival: Arrival, answer: SessionToken | Answer) -> None:
        if isinstance(answer, SessionToken):
            log.info("session %r moved from %s", move.session, self._source)
            self._end(move, answer)
        elif isinstance(answer, Ended):
            self._end(move, over(arrival, answer))
        elif isinstance(answer, EdgeError):
            self._end(move, _unknown(answer))
        elif isinstance(answer, Changed) and answer.version > arrival.version:
            move.is_over = True
            move.packet = answer.difference or _head(arrival, answer.version)

    def _end(self, move: _Move, fate: Fate) -> None:
        self._fates[move.session] = fate
        del self._left[move.session]

    def _fail(self, move: _Move, error: EdgeError) -> None:
        """Leave a session where it is, if that is certain."""
        is_certain = move.is_over and self._abandon(move)
        self._end(move, error if is_certain else _unknown(error))

    def _abandon(self, move: _Move) -> bool:
        """Drop what is staged; what cannot be dropped now, a tick will find, and may go on with."""
        copy, known = move.copy, (move.arrival, move.packet)
        staged = Arrival(copy.token, copy.transfer, copy.offer, 0, "")
        for version in {0, *(each.version for each in known if each is not None)}:
            try:
                self._node.store.destination.discard(replace(staged, version=version))
            except EdgeError as error:
                log.warning("transfer %s is not cleaned up yet: %s", copy.transfer, error)
                return False
        return True


def _unknown(error: EdgeError) -> EdgeError:
    """Say that a copy is prepared, and that what came then was not final: a tick will mend it."""
    if isinstance(error, Conflict | PeerUnavailable | OutcomeUnknown):
        return error
    return OutcomeUnknown(f"the copy is prepared, the next tick goes on: {error}")


def _head(arrival: Arrival, version: int) -> SessionPacket:
    """Give a packet after which all that is newer than the arrival has to be read."""
    return SessionPacket(arrival.token, version, offer=arrival.offer, next=arrival.version)
