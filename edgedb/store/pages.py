"""What a source gives of its sessions: offers, pages, all of one (docs/protocol.md#the-copy)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from edgedb.errors import EdgeError, NotFound, NotResident, OfferEnded, SessionBusy, TooLarge
from edgedb.store.changes import ChangedList, Changes
from edgedb.store.codec import Argument, list_number, text
from edgedb.store.durability import Disk
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts, Step
from edgedb.waiting import attempts
from edgedb.wire.items import ListPart, in_one_piece
from edgedb.wire.packet import NO_OFFER, PAGE_BYTES, Cursor, Offer, SessionPacket, Within

PAGE_ITEMS = 4096
PAGE_ELEMENTS = 16_384  # of one list; more take the destination too long to stage
PACKET_BYTES = 64 * 2**20  # the most that one packet without pages carries
PACKET_ITEMS = 2**20
SMALL_BYTES = 64 * 1024  # so much of a session travels with its offer
SMALL_ITEMS = 512
WHOLE_ATTEMPTS = 5
WHOLE_LIST_BYTES = 8 * 1024  # a changed list up to this size is sent whole: no second call for it


class PageStore:
    """Reads sessions that are resident here, and writes nothing."""

    def __init__(self, scripts: Scripts, location: str, disk: Disk) -> None:
        self._scripts = scripts
        self._disk = disk
        self._location = location

    def whole(self, session: str, since: int) -> SessionPacket:
        """Read all that changed after a version, as of one moment.

        Raises:
            NotFound, NotResident: as :meth:`page`.
            TooLarge: it is over ``PACKET_BYTES``; read it page by page.
            SessionBusy: it is written to faster than it can be read.

        """
        for _ in attempts(WHOLE_ATTEMPTS):
            packet = self._page(session, NO_OFFER, since, PACKET_BYTES, PACKET_ITEMS)
            if packet.next is not None:
                raise TooLarge(f"the packet would be over {PACKET_BYTES} bytes; ask for pages")
            if self._head(session).version == packet.version:
                return replace(packet, items=in_one_piece(packet.items))
        raise SessionBusy(f"session {session!r} is written to faster than it can be read")

    def page(self, session: str, cursor: Cursor, offer: Offer = NO_OFFER) -> SessionPacket:
        """Read the next part of a copy of an offer; the session keeps serving.

        A value may be newer than the version that the packet goes up to: then it comes again.

        Raises:
            NotFound: the session is not known here.
            NotResident: it lives elsewhere.
            OfferEnded: it does not stay here as it was offered.

        """
        if isinstance(cursor, Within):
            return self._list_page(session, offer, cursor)
        return self._page(session, offer, cursor.version, PAGE_BYTES, PAGE_ITEMS)

    def offers(self, sessions: Sequence[str]) -> list[SessionPacket | EdgeError]:
        """Read all of each session that is small, of the others only what they are.

        For each that, or NotFound or NotResident.

        Raises:
            ConfigurationError: it is to be on disk once it is given away, which cannot be known.

        """
        self._disk.require()
        packets = self._pages(sessions, NO_OFFER, 0, SMALL_BYTES, SMALL_ITEMS)
        return [
            p if isinstance(p, EdgeError) or _is_small(p) else p.without_content() for p in packets
        ]

    def _page(
        self, session: str, offer: Offer, since: int, most_bytes: int, most: int
    ) -> SessionPacket:
        (packet,) = self._pages([session], offer, since, most_bytes, most)
        if isinstance(packet, EdgeError):
            raise packet
        return packet

    def _pages(
        self, sessions: Sequence[str], offer: Offer, since: int, most_bytes: int, most: int
    ) -> list[SessionPacket | EdgeError]:
        """Read what has changed, and what is new in the lists in one more round trip."""
        found = self._changes(sessions, offer, since, most_bytes, most)
        limits, reads = (0, most_bytes, max(most, PAGE_ELEMENTS)), list[Step]()
        for session, changes in zip(sessions, found, strict=True):
            where = SessionKeys(session)
            lists = () if isinstance(changes, EdgeError) else changes.lists
            reads += [
                ([where.list(each.number)], [_newer_than(since, each), *limits]) for each in lists
            ]
        tails = iter(self._scripts.read_each("tail", reads))
        return [each if isinstance(each, EdgeError) else _packet(each, tails) for each in found]

    def _changes(
        self, sessions: Sequence[str], offer: Offer, since: int, most_bytes: int, most: int
    ) -> list[Changes | EdgeError]:
        asked: list[Argument] = [self._location, *offer, since, most_bytes, most]
        answers = self._scripts.run_each("page", [(SessionKeys(s).parts, asked) for s in sessions])
        return [self._read(*each) for each in zip(sessions, answers, strict=True)]

    def _read(self, session: str, answer: Any) -> Changes | EdgeError:  # noqa: ANN401
        if isinstance(answer, EdgeError):
            return answer
        match answer[0]:
            case b"unknown":
                return NotFound(f"session {session!r} is not known at {self._location}")
            case b"elsewhere":
                return NotResident(f"session {session!r} is at {text(answer[1])}, not here")
            case b"ended":
                return OfferEnded(f"session {session!r} is not as it was offered any more")
        return Changes.from_answer(session, self._location, answer[1:])

    def _list_page(self, session: str, offer: Offer, cursor: Within) -> SessionPacket:
        """Read a part of one list; none if there is no such list (any more)."""
        where, packet = SessionKeys(session), self._head(session, offer)
        entry = self._scripts.ask("HGET", where.lists, cursor.key)
        if entry is None:
            return packet
        key = where.list(list_number(entry))
        part = _part(
            cursor.key,
            self._scripts.run("tail", [key], 0, cursor.start, PAGE_BYTES, PAGE_ELEMENTS),
        )
        return packet if part is None else replace(packet, items=(part,))

    def _head(self, session: str, offer: Offer = NO_OFFER) -> SessionPacket:
        """Read what a session is, and nothing of it."""
        return replace(self._page(session, offer, 0, 1, 0), items=(), replies=(), next=None)


def _newer_than(since: int, change: ChangedList) -> int:
    """Say which elements of a list to send: those appended after this version.

    Of a list that comes up for the first time in a walk the destination may lack older ones too:
    of a large one it asks for them, a small one is sent whole.
    """
    return since if change.size > WHOLE_LIST_BYTES else 0


def _part(name: str, tail: Sequence[Any]) -> ListPart | None:
    """Give a list's part."""
    born, start, length, *elements = tail
    if not length:
        return None
    is_cut = start + len(elements) < length
    return ListPart(name, born, start, tuple(elements), is_cut)


def _packet(changes: Changes, tails: Iterator[Any]) -> SessionPacket:
    """Put together what has changed; ``tails`` are those of its lists, and of others."""
    parts = [_part(each.name, next(tails)) for each in changes.lists]
    return SessionPacket(
        token=changes.token,
        version=changes.version,
        items=(*changes.items, *(part for part in parts if part is not None)),
        replies=changes.replies,
        offer=changes.offer,
        next=changes.last if changes.more else None,
        floor=changes.floor,
    )


def _is_small(packet: SessionPacket) -> bool:
    """Say whether all of a session is in a packet, and that is not much."""
    return packet.is_whole and packet.size <= SMALL_BYTES
