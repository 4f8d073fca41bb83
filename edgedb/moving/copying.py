"""Copies a session page by page while its source keeps serving (docs/protocol.md#the-copy).

::

    version at the source   1 ……………… began ………… 40 …… 52 …… 53
    Since(v)                |--page--|--page--|-------|         each page: what is newer, in order
    Within(list, n)              |--|--|                         elements that a page has left out
    complete                                          52         nothing newer was there

What changes while it is copied gets a higher version and comes up again at the end, so a page after
which nothing newer is there completes the version that it names, and the session can be asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from edgedb.errors import BadRequest, EdgeError, PeerUnavailable, SessionBusy
from edgedb.node import Node
from edgedb.store.arrival import Arrival, Staging
from edgedb.store.staging import ListLedger
from edgedb.waiting import Deadline
from edgedb.wire.choices import Hold
from edgedb.wire.hand_over import Ask
from edgedb.wire.model import VERSION_LIMIT
from edgedb.wire.packet import Cursor, SessionPacket, Since, Within

TAKEN_LIMIT = VERSION_LIMIT // 2
"""No higher epoch or version is taken from a source: from here it is far to VERSION_LIMIT."""


class Restart(Exception):
    """The source has forgotten deletions that the copy would need."""


class Copy:
    """One transfer's copy of the session that a packet offers."""

    def __init__(self, node: Node, offered: SessionPacket, attempt: int = 1) -> None:
        self._node = node
        self.attempt = attempt
        self.token = offered.token
        self.offer = offered.offer
        self.transfer = str(uuid.uuid4())
        self._began = offered.version
        self._packets = 0
        self._complete = 0
        self._ledger = ListLedger()
        self._deadline = Deadline(node.settings.move_timeout)

    def staging(self, packet: SessionPacket) -> tuple[Staging, list[Within]]:
        """Give what staging a packet takes, and what it leaves out.

        Raises:
            Restart: what is staged is of no use any more.
            PeerUnavailable: the packet is of another session, or of another time.
            BadRequest: its numbers would soon be none that nodes can read.

        """
        if max(packet.token.epoch, packet.version) >= TAKEN_LIMIT:
            raise BadRequest(f"session {self.token.session!r} has an epoch or a version too high")
        if (packet.token, packet.offer) != (self.token, self.offer):
            raise PeerUnavailable(f"{self.token.current_location} answered with something else")
        if packet.floor > self._began:
            raise Restart
        lists, gaps = self._ledger.stage(packet.items)
        self._packets += 1
        complete = packet.version if packet.next is None and not gaps else 0
        number = self._packets
        staging = Staging(self.token, self.offer, self.transfer, number, packet, lists, complete)
        return staging, gaps

    def run(self, packet: SessionPacket) -> Arrival:
        """Stage a packet, and those that follow it, until a version is here completely.

        Each page is asked for while the one before it is staged. What is written faster than it can
        be copied is followed for as many pages again as there were; then requests have to wait.

        Raises:
            Restart: what is staged is of no use any more.
            SessionBusy: it takes too long.
            EdgeError: the source or this node's store refused.
            OfferEnded: the source has not any more what it offered.

        """
        began, pages = packet.version, 1
        while True:
            following = self._ahead(packet)
            arrival, gaps = self._stage(packet)
            for gap in gaps:
                self._fill(gap)
            if arrival.version:
                self._complete = arrival.version
                return arrival
            if packet.next is not None and packet.next >= began:
                pages -= 1
                if pages == 0:
                    self._slow_down()
            else:
                pages += 1
            packet = following()

    def complete(self, packet: SessionPacket, gaps: Sequence[Within]) -> Arrival:
        """Do the rest where a packet that is staged has gaps; raises as :meth:`run`."""
        for gap in gaps:
            self._fill(gap)
        return self.run(replace(packet, items=(), replies=()))

    def _ahead(self, packet: SessionPacket) -> Callable[[], SessionPacket]:
        """Begin to read what follows a packet; after the last one only its gaps are left."""
        if packet.next is None:
            return lambda: replace(packet, items=(), replies=())
        return self._node.ahead(partial(self.page, Since(packet.next)))

    def page(self, cursor: Cursor) -> SessionPacket:
        """Ask for a page; a source that never comes to an end is given up."""
        if self._deadline.is_over:
            raise SessionBusy(f"session {self.token.session!r} takes too long to copy")
        source, session = self.token.current_location, self.token.session
        return self._node.peers.page(source, session, cursor, self.offer)

    def _stage(self, packet: SessionPacket) -> tuple[Arrival, Sequence[Within]]:
        staging, gaps = self.staging(packet)
        (staged,) = self._node.store.destination.stage([staging])
        if isinstance(staged, EdgeError):
            raise staged
        return staged, gaps

    def _fill(self, gap: Within) -> None:
        """Ask for elements of a list that a page has left out."""
        gaps: Sequence[Within] = [gap]
        while gaps:
            # not complete with this, whatever it says
            page = replace(self.page(gaps[0]), next=0)
            _, gaps = self._stage(page)

    def _slow_down(self) -> None:
        """Let the source's requests wait, for a moment."""
        ask = Ask(self.token.session, self.transfer, self.token.epoch, *self.offer, self._complete)
        self._node.peers.hand_over(self.token.current_location, [ask], Hold.ANY)
