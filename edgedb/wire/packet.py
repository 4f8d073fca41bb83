"""The packets in which a session, or what changed in it, is sent (docs/protocol.md#messages).

Everyone is answered with JSON. Nodes ask each other for MessagePack, which has bytes: values are
sent as they are stored, and nobody on the way looks what they say.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct, to_builtins
from msgspec.structs import replace

from edgedb.errors import BadRequest
from edgedb.wire.items import AS_SENT, MANY, Item, ListPart, Scalar, StoredReply, stored_in
from edgedb.wire.model import COUNT_LIMIT, Number, SessionToken, read
from edgedb.wire.pieces import KINDS, decode

PAGE_BYTES = 2**20  # a page ends with the item that reaches it


class Offer(NamedTuple):
    """What a copy is of: the stay of the session at its source, the run of the source's server.

    Versions are told apart within both only. The copy of another is of no use.
    """

    stay: str = ""
    run: str = ""


NO_OFFER = Offer()


class Since(NamedTuple):
    """Where a copy goes on: with what is newer than this version."""

    version: int = 0


class Within(NamedTuple):
    """Where a copy goes on: inside this list, with the element of this index."""

    key: str
    start: int


Cursor = Since | Within


class SessionPacket(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A session's data, or what changed in it since a version (docs/protocol.md#messages).

    ``version``: of the session when this was read. ``next``: the version to go on from; None where
    that is all. ``floor``: deletions up to this version are forgotten, so a copy that began before
    must begin anew.
    """

    token: SessionToken
    version: Number
    items: Annotated[tuple[Item, ...], Meta(max_length=MANY)] = ()
    replies: Annotated[tuple[StoredReply, ...], Meta(max_length=MANY)] = ()
    offer: Offer = NO_OFFER
    next: Number | None = None
    floor: Number = 0

    @property
    def size(self) -> int:
        """About how many bytes its content takes on its way."""
        keys = sum(len(each.key) for each in (*self.items, *self.replies))
        stored = [*itertools.chain.from_iterable(map(stored_in, self.items))]
        values = [*map(len, stored), *(len(reply.blob) for reply in self.replies)]
        return keys + sum(values) + AS_SENT * len(values)

    @property
    def is_whole(self) -> bool:
        """Whether a version is complete with it, if the one that it goes on from was."""
        cut = (isinstance(item, ListPart) and item.more for item in self.items)
        return self.next is None and not any(cut)

    def without_content(self) -> SessionPacket:
        """Give the head of an offer, whose content is to be read."""
        return replace(self, items=(), replies=(), next=0)

    def to_json(self) -> dict[str, Any]:
        """Give what everyone reads: the token, and ``session_data``."""
        optional = {"next": self.next, "floor": self.floor or None}
        return {
            "token": to_builtins(self.token),
            "version": self.version,
            **self.offer._asdict(),
            **{name: number for name, number in optional.items() if number is not None},
            "session_data": [item.to_json() for item in self.items],
            "replies": [reply.to_json() for reply in self.replies],
        }


_PACKETS: msgspec.msgpack.Decoder[list[SessionPacket]] = msgspec.msgpack.Decoder(
    Annotated[list[SessionPacket], Meta(max_length=COUNT_LIMIT)]
)


def to_msgpack(packets: Sequence[SessionPacket]) -> bytes:
    """Give the form that nodes send each other, of the type :data:`edgedb.wire.headers.PACKET`."""
    return msgspec.msgpack.encode(packets)


def from_msgpack(body: bytes) -> list[SessionPacket]:
    """Read :func:`to_msgpack`; raises BadRequest."""
    packets = read(_PACKETS, body)
    for packet in packets:
        check(packet)
    return packets


def check(packet: SessionPacket) -> None:
    """See whether what another node has sent can be kept; raises BadRequest."""
    scalars = [item for item in packet.items if isinstance(item, Scalar)]
    if len({(s.key, s.piece) if s.piece else s.key for s in scalars}) != len(scalars):
        raise BadRequest("a packet has one scalar twice")
    try:
        for stored in itertools.chain.from_iterable(map(stored_in, packet.items)):
            if stored[:1] not in KINDS or not stored.isascii():  # all else can be read
                decode(stored)
    except ValueError as error:
        raise BadRequest(f"a packet has a value that is none: {error}") from error
