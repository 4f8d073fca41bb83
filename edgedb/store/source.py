"""The steps of a move at its source: page, freeze, thaw, hand over (docs/protocol.md#messages)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgedb.errors import Conflict, GrantRefused, NotFound, NotResident, SessionBusy, TooLarge
from edgedb.settings import Settings
from edgedb.store import keys
from edgedb.store.changes import ChangedList, Changes
from edgedb.store.codec import list_number, text
from edgedb.store.durability import Disk
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts
from edgedb.times import milliseconds
from edgedb.waiting import attempts
from edgedb.wire.items import ListPart, in_one_piece
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import PAGE_BYTES, Cursor, SessionPacket
from edgedb.wire.pieces import decode

PAGE_ITEMS = 4096
PAGE_ELEMENTS = 16_384  # of one list; more take the destination too long to stage
PACKET_BYTES = 64 * 2**20  # the most that one packet without pages carries
PACKET_ITEMS = 2**20
WHOLE_ATTEMPTS = 5
WHOLE_LIST_BYTES = 64 * 1024  # lists up to this size are sent whole while a walk is under way


@dataclass(frozen=True)
class Frozen:
    """A session that is not served: its grant, and the version that it has meanwhile."""

    grant: str
    version: int


class SourceStore:
    """One method per step."""

    def __init__(self, scripts: Scripts, settings: Settings, disk: Disk) -> None:
        self._scripts = scripts
        self._disk = disk
        self._location = settings.location
        self._freeze_timeout_ms = milliseconds(settings.freeze_timeout)

    def whole(self, session: str, since: int) -> SessionPacket:
        """Read all that changed after a version, as of one moment.

        Raises:
            NotFound, NotResident: as :meth:`page`.
            TooLarge: it is over ``PACKET_BYTES``; read it page by page.
            SessionBusy: it is written to faster than it can be read.

        """
        for _ in attempts(WHOLE_ATTEMPTS):
            cursor = Cursor(since, since, since)
            packet = self.page(session, cursor, PACKET_BYTES, PACKET_ITEMS)
            if packet.next is not None:
                raise TooLarge(f"the packet would be over {PACKET_BYTES} bytes; ask for pages")
            newer = self._changes(session, Cursor(), 1, 0)
            if newer.version == packet.version:
                return replace(packet, items=in_one_piece(packet.items))
        raise SessionBusy(f"session {session!r} is written to faster than it can be read")

    def page(
        self, session: str, cursor: Cursor, most_bytes: int = 0, most: int = 0
    ) -> SessionPacket:
        """Read the next part of a copy (0: as much as a page has); the session keeps serving.

        A value may be newer than the cursor that follows it: then it comes again, later.

        Raises:
            NotFound: the session is not known here.
            NotResident: it lives elsewhere.

        """
        most_bytes, most = most_bytes or PAGE_BYTES, most or PAGE_ITEMS
        named = self._changes(session, cursor, most_bytes, 0 if cursor.key else most)
        if named.restart:
            return SessionPacket(named.token, named.version, restart=True)
        if not cursor.began:
            cursor = replace(cursor, began=named.version)
        if cursor.key is not None:
            return self._list_page(session, cursor, named)
        return self._packet(session, cursor, named, most_bytes, max(most, PAGE_ELEMENTS))

    def _changes(self, session: str, cursor: Cursor, most_bytes: int, most: int) -> Changes:
        answer = self._scripts.run(
            "page",
            SessionKeys(session).parts,
            self._location,
            max(cursor.since, cursor.after),
            cursor.began,
            most_bytes,
            most,
        )
        self._refuse(session, answer)
        return Changes.from_answer(session, self._location, answer[1:])

    def _refuse(self, session: str, answer: Sequence[Any]) -> None:
        if answer[0] == b"unknown":
            raise NotFound(f"session {session!r} is not known at {self._location}")
        if answer[0] == b"elsewhere":
            raise NotResident(f"session {session!r} is at {text(answer[1])}, not here")

    def _packet(
        self, session: str, cursor: Cursor, named: Changes, most_bytes: int, most: int
    ) -> SessionPacket:
        """Add what is new in the lists, in one round trip."""
        where, found = SessionKeys(session), []
        if named.lists:
            found = self._scripts.run_each(
                "tail",
                [
                    ([where.list(c.number)], [_since(cursor, c), 0, most_bytes, most])
                    for c in named.lists
                ],
            )
        parts = [_part(c.name, tail) for c, tail in zip(named.lists, found, strict=True)]
        return SessionPacket(
            token=named.token,
            version=named.version,
            items=(*named.items, *(part for part, _ in parts if part is not None)),
            replies=named.replies,
            next=_next(cursor, named, [part if cut else None for part, cut in parts]),
        )

    def _list_page(self, session: str, cursor: Cursor, named: Changes) -> SessionPacket:
        """Go on inside one list."""
        where, name = SessionKeys(session), cursor.key or ""
        after = replace(cursor, key=None, start=0, until=0, after=cursor.until)
        packet = SessionPacket(named.token, named.version, next=after)
        with self._scripts.asking():
            entry = self._scripts.client.hget(where.lists, name)
        if not isinstance(entry, bytes):
            return packet
        key = where.list(list_number(entry))
        limits = (PAGE_BYTES, PAGE_ELEMENTS)
        part, cut = _part(name, self._scripts.run("tail", [key], 0, cursor.start, *limits))
        if part is None:
            return packet
        going_on = replace(cursor, start=part.start + len(part.values)) if cut else after
        return replace(packet, items=(part,), next=going_on)

    def freeze(self, session: str, transfer: str, epoch: int) -> Frozen | None:
        """Stop serving a session for a transfer of the token with that epoch.

        None while a request is still running: new ones wait already, call again.

        Raises:
            NotFound: the session is not known here.
            NotResident: it lives elsewhere.
            SessionBusy: it is frozen for another transfer.
            Conflict: this transfer was thawed, or is of an earlier epoch; its time is over.
            ConfigurationError: the hand-over is to be on disk, which cannot be known here.

        """
        self._disk.require()
        answer = self._scripts.run(
            "freeze",
            [SessionKeys(session).meta],
            self._scripts.now(),
            self._location,
            transfer,
            self._freeze_timeout_ms,
            secrets.token_urlsafe(12),
            epoch,
        )
        self._refuse(session, answer)
        if answer[0] == b"refused":
            raise Conflict(f"the time of transfer {transfer} is over; start another")
        if answer[0] == b"busy":
            raise SessionBusy(f"session {session!r} is frozen for another transfer")
        return Frozen(text(answer[1]), answer[2]) if answer[0] == b"frozen" else None

    def thaw(self, session: str, transfer: str) -> None:
        """End the freeze for a transfer, and its grant for ever."""
        self._scripts.run("thaw", [SessionKeys(session).meta], self._location, transfer)

    def hand_over(self, token: SessionToken, grant: str, destination: str) -> None:
        """Give the session away: the commit point of a move.

        Raises:
            GrantRefused: the grant is not in force; that is final.
            OutcomeUnknown: the server is silent, or it is not on disk where that is asked for.

        """
        where = SessionKeys(token.session)
        names = where.parts + keys.books(token.proprietary_location)
        arguments = (self._scripts.now(), self._location, token.session, grant, destination)
        answer = self._scripts.naming_lists(
            where, lambda lists: self._disk.run("hand_over", names + lists, *arguments)
        )
        if answer != b"ok":
            raise GrantRefused(f"grant {grant} is not in force for {token.session!r}")


def _since(cursor: Cursor, change: ChangedList) -> int:
    """Say which elements of a list to send: those newer than this version.

    Between two complete states only the new tail. While a walk is under way the destination may
    lack older elements too: of a large list it asks for them, a small one is sent whole.
    """
    is_walking = cursor.after > cursor.since
    if is_walking and change.size > WHOLE_LIST_BYTES:
        return cursor.after
    return cursor.since


def _part(name: str, tail: Sequence[Any]) -> tuple[ListPart | None, bool]:
    """Give a list's part, and whether the page ends before the list does."""
    born, start, length, *elements = tail
    if not length:
        return None, False
    part = ListPart(name, born, start, tuple(decode(e) for e in elements))
    return part, start + len(elements) < length


def _next(cursor: Cursor, named: Changes, cut: Sequence[ListPart | None]) -> Cursor | None:
    """Say where the copy goes on: inside the list that was cut, after the last item, or not."""
    for changed, part in zip(named.lists, cut, strict=True):
        if part is not None:
            start, at = part.start + len(part.values), changed.version
            return replace(cursor, key=changed.name, start=start, after=at - 1, until=at)
    return replace(cursor, after=named.last) if named.more else None
