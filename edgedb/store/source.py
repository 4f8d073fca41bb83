"""The steps of a move at its source: page, hold, hand over (docs/protocol.md#the-hand-over)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgedb.errors import EdgeError, NotFound, NotResident, OfferEnded, SessionBusy, TooLarge
from edgedb.settings import Settings
from edgedb.store import keys
from edgedb.store.changes import ChangedList, Changes
from edgedb.store.codec import list_number, text
from edgedb.store.durability import Disk
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts, Step
from edgedb.times import milliseconds
from edgedb.waiting import attempts
from edgedb.wire.hand_over import Answer, Ask, Changed, Ended, Handed
from edgedb.wire.items import ListPart, in_one_piece
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import NO_OFFER, PAGE_BYTES, Cursor, Offer, SessionPacket, Within
from edgedb.wire.pieces import decode

PAGE_ITEMS = 4096
PAGE_ELEMENTS = 16_384  # of one list; more take the destination too long to stage
PACKET_BYTES = 64 * 2**20  # the most that one packet without pages carries
PACKET_ITEMS = 2**20
SMALL_BYTES = 64 * 1024  # so much of a session travels with its offer
SMALL_ITEMS = 512
WHOLE_ATTEMPTS = 5
NAMINGS = 8  # how often a session's lists are named anew because there are others meanwhile
WHOLE_LIST_BYTES = 8 * 1024  # a changed list up to this size is sent whole: no second call for it


class SourceStore:
    """One method per step."""

    def __init__(self, scripts: Scripts, settings: Settings, disk: Disk) -> None:
        self._scripts = scripts
        self._disk = disk
        self._location = settings.location
        self._hold_ms = milliseconds(settings.freeze_timeout)

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
            newer = self._changes(session, NO_OFFER, 0, 1, 0)
            if newer.version == packet.version:
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

    def small(self, session: str) -> SessionPacket:
        """Read all of a session if it is small, else only what it is.

        Raises:
            ConfigurationError: it is to be on disk once it is given away, which cannot be known.
            NotFound, NotResident: as :meth:`page`.

        """
        self._disk.require()
        packet = self._page(session, NO_OFFER, 0, SMALL_BYTES, SMALL_ITEMS)
        is_all = packet.next is None and not any(_is_cut(item) for item in packet.items)
        return packet if is_all and packet.size <= SMALL_BYTES else packet.without_content()

    def _changes(
        self, session: str, offer: Offer, since: int, most_bytes: int, most: int
    ) -> Changes:
        answer = self._scripts.run(
            "page", SessionKeys(session).parts, self._location, *offer, since, most_bytes, most
        )
        if answer[0] == b"unknown":
            raise NotFound(f"session {session!r} is not known at {self._location}")
        if answer[0] == b"elsewhere":
            raise NotResident(f"session {session!r} is at {text(answer[1])}, not here")
        if answer[0] == b"ended":
            raise OfferEnded(f"session {session!r} is not as it was offered any more")
        return Changes.from_answer(session, self._location, answer[1:])

    def _page(
        self, session: str, offer: Offer, since: int, most_bytes: int, most: int
    ) -> SessionPacket:
        """Read what has changed, and what is new in the lists in one more round trip."""
        found = self._changes(session, offer, since, most_bytes, most)
        where, limits = SessionKeys(session), (0, most_bytes, max(most, PAGE_ELEMENTS))
        reads: list[Step] = [
            ([where.list(each.number)], [_newer_than(since, each), *limits]) for each in found.lists
        ]
        tails = self._scripts.read_each("tail", reads)
        parts = [_part(each.name, tail) for each, tail in zip(found.lists, tails, strict=True)]
        return SessionPacket(
            token=found.token,
            version=found.version,
            items=(*found.items, *(part for part in parts if part is not None)),
            replies=found.replies,
            offer=found.offer,
            next=found.last if found.more else None,
            floor=found.floor,
        )

    def _list_page(self, session: str, offer: Offer, cursor: Within) -> SessionPacket:
        """Read a part of one list; none if there is no such list (any more)."""
        found, where = self._changes(session, offer, 0, 1, 0), SessionKeys(session)
        packet = SessionPacket(found.token, found.version, offer=found.offer, floor=found.floor)
        entry = self._scripts.ask("HGET", where.lists, cursor.key)
        if entry is None:
            return packet
        key = where.list(list_number(entry))
        part = _part(
            cursor.key,
            self._scripts.run("tail", [key], 0, cursor.start, PAGE_BYTES, PAGE_ELEMENTS),
        )
        return packet if part is None else replace(packet, items=(part,))

    def hold(self, ask: Ask) -> None:
        """Let new requests wait while the destination fetches what it lacks, for a limited time.

        Once for each version that a destination says it holds.
        """
        self._scripts.run(
            "hold",
            [SessionKeys(ask.session).meta],
            self._scripts.now(),
            self._location,
            ask.offer.stay,
            ask.version,
            self._hold_ms,
        )

    def hand_over(
        self,
        asks: Sequence[Ask],
        tokens: Mapping[str, SessionToken],
        destination: str,
        *,
        is_last_try: bool = False,
    ) -> dict[str, Answer]:
        """Give sessions away, or say why not: the commit point of a move, for each by itself.

        ``is_last_try``: where a request is running, what was offered has ended.

        Raises:
            ConfigurationError: it is to be on disk, which cannot be known here.
            OutcomeUnknown: the server is silent, or it is not on disk where that is asked for.

        """
        self._disk.require()
        another_stay = secrets.token_hex(8) if is_last_try else ""
        answers, left = dict[str, Answer](), list(asks)
        for _ in attempts(NAMINGS):
            places = [SessionKeys(ask.session) for ask in left]
            steps = [
                self._hand_over(ask, where, lists, tokens[ask.session], destination, another_stay)
                for ask, where, lists in zip(
                    left, places, self._scripts.lists_of(places), strict=True
                )
            ]
            found = dict(zip(left, self._disk.run_each("hand_over", steps), strict=True))
            answers |= {ask.session: self._answer(ask, answer) for ask, answer in found.items()}
            left = [ask for ask, answer in found.items() if answer == [b"again"]]
            if not left:
                break
        return answers

    def _hand_over(
        self,
        ask: Ask,
        where: SessionKeys,
        lists: list[str],
        token: SessionToken,
        destination: str,
        another_stay: str,
    ) -> Step:
        names = where.parts + keys.books(token.proprietary_location) + lists
        asked = (ask.session, ask.transfer, destination, ask.epoch, *ask.offer, ask.version)
        return names, [self._scripts.now(), self._location, *asked, another_stay]

    def _answer(self, ask: Ask, answer: Any) -> Answer:  # noqa: ANN401
        if isinstance(answer, EdgeError):
            return answer
        kind, *rest = answer
        match kind:
            case b"handed":
                return Handed(rest[0])
            case b"changed":
                return Changed(rest[0], is_running=bool(rest[1]))
            case b"ended":
                return Ended(text(rest[0]), rest[1])
            case b"unknown":
                return NotFound(f"session {ask.session!r} is not known at {self._location}")
        return SessionBusy(f"session {ask.session!r} gets new lists all the time; try again")


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
    return ListPart(name, born, start, tuple(decode(e) for e in elements), is_cut)


def _is_cut(item: object) -> bool:
    return isinstance(item, ListPart) and item.more
