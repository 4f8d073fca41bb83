"""Copies a session page by page while its source keeps serving, until the source is frozen.

docs/protocol.md#versions-and-cursors says why a page may end anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from edgedb.errors import SessionBusy
from edgedb.node import Node
from edgedb.store.staging import ListGap, ListLedger
from edgedb.waiting import Deadline
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import Cursor, SessionPacket

ROUNDS = 8
"""Live copies before the difference is sent frozen, however large it still is."""


class Restart(Exception):
    """The source has forgotten deletions that the copy would need."""


class Copy:
    """One transfer's copy of the session in ``token``."""

    def __init__(self, node: Node, token: SessionToken, transfer: str) -> None:
        self._node = node
        self._token = token
        self._transfer = transfer
        self._ledger = ListLedger()
        self._deadline = Deadline(node.settings.move_timeout)
        self.packets = 0
        """How many packets were staged."""

    def run(self) -> SessionPacket:
        """Stage everything; gives the last packet, which has the grant and the version.

        Raises:
            Restart: what is staged is of no use any more.
            SessionBusy: the session changes faster than it can be copied.
            EdgeError: the source or this node's store refused.

        """
        since = 0
        for left in reversed(range(ROUNDS)):
            packet = self._freeze(since, is_final=left == 0)
            since = self._stage_all(packet)
            if packet.grant is not None:
                return replace(packet, version=since)
        raise SessionBusy(f"session {self._token.session!r} could not be frozen")

    def _freeze(self, since: int, *, is_final: bool) -> SessionPacket:
        return self._node.peers.freeze(self._token, self._transfer, since, is_final=is_final)

    def _page(self, cursor: Cursor) -> SessionPacket:
        """Ask for the next page; a source that never comes to an end is given up."""
        if self._deadline.is_over:
            raise SessionBusy(f"session {self._token.session!r} takes too long to copy")
        return self._node.peers.page(self._token.current_location, self._token.session, cursor)

    def _stage_all(self, packet: SessionPacket) -> int:
        """Stage a packet and the pages that follow it; gives the version reached.

        Each page is asked for while the one before it is staged. A walk is to reach the version
        at which it began; what is written faster than it can be copied it follows for as many
        pages again, the rest is left to the next round.
        """
        began, pages, beyond = packet.version, 0, 0
        while (cursor := packet.next) is not None:
            if cursor.key is None and cursor.after >= began:
                beyond += 1
            if beyond > max(pages, 1):
                self._fill(self._stage(packet), packet.version)
                return cursor.after
            pages += not beyond
            following = self._node.ahead(partial(self._page, cursor))
            self._fill(self._stage(packet), packet.version)
            packet = following()
        self._fill(self._stage(packet), packet.version)
        return packet.version

    def _stage(self, packet: SessionPacket) -> list[ListGap]:
        if packet.restart:
            raise Restart
        lists, gaps = self._ledger.stage(packet.items)
        self.packets += 1
        self._node.store.destination.stage(
            self._token.session, self._transfer, self.packets, packet, lists
        )
        return gaps

    def _fill(self, gaps: Sequence[ListGap], began: int) -> None:
        """Ask for the older elements of lists of which only the newer end came."""
        for gap in gaps:
            cursor: Cursor | None = Cursor(began=began, key=gap.key, start=gap.start)
            while cursor is not None and cursor.key is not None:
                page = self._page(cursor)
                self._stage(page)
                cursor = page.next
