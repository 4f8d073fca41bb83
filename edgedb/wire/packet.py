"""The packets in which a session, or what changed in it, is sent (docs/protocol.md#messages).

Everyone is answered with JSON. Nodes ask each other for MessagePack, which has bytes
and needs no name for each key and value: a page of a thousand small ones takes a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped]

from edgedb.errors import BadRequest
from edgedb.wire.items import Item, ListPart, Scalar, StoredReply, item_from_json
from edgedb.wire.model import SessionToken, member, number, text

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


@dataclass(frozen=True, slots=True)
class SessionPacket:
    """A session's data, or what changed in it since a version (docs/protocol.md#messages).

    ``version``: of the session when this was read. ``next``: the version to go on from; None where
    that is all. ``floor``: deletions up to this version are forgotten, so a copy that began before
    must begin anew.
    """

    token: SessionToken
    version: int
    items: tuple[Item, ...] = ()
    replies: tuple[StoredReply, ...] = ()
    offer: Offer = NO_OFFER
    next: int | None = None
    floor: int = 0

    @property
    def size(self) -> int:
        """About how many bytes its content takes."""
        items = sum(_size(item) for item in self.items)
        return items + sum(len(reply.blob) for reply in self.replies)

    def without_content(self) -> SessionPacket:
        """Give the head of an offer, whose content is to be read."""
        return replace(self, items=(), replies=(), next=0)

    def to_binary(self) -> dict[str, Any]:
        """Give :meth:`to_json` for a format that has bytes, which go as they are.

        Whole scalars, as ``"scalars"``, and the replies are lists of keys and values in turn.
        """
        whole = [i for i in self.items if isinstance(i, Scalar) and i.is_whole]
        others = [i for i in self.items if not (isinstance(i, Scalar) and i.is_whole)]
        return self._head() | {
            "scalars": [part for scalar in whole for part in (scalar.key, scalar.value)],
            "session_data": [item.to_json(is_binary=True) for item in others],
            "replies": [part for reply in self.replies for part in (reply.key, reply.blob)],
        }

    @classmethod
    def from_binary(cls, document: object) -> SessionPacket:
        """Read :meth:`to_binary`; raises BadRequest."""
        scalars = map(Scalar, *_columns(document, "scalars", str, bytes))
        items = (*scalars, *map(item_from_json, member(document, "session_data", list)))
        replies = tuple(map(StoredReply, *_columns(document, "replies", bytes)))
        return cls._from_head(document, items, replies)

    def to_json(self) -> dict[str, Any]:
        """Give the wire form: the token, and ``session_data``."""
        return self._head() | {
            "session_data": [item.to_json() for item in self.items],
            "replies": [reply.to_json() for reply in self.replies],
        }

    @classmethod
    def from_json(cls, document: object) -> SessionPacket:
        """Read the wire form; raises BadRequest."""
        items = tuple(item_from_json(i) for i in member(document, "session_data", list))
        replies = tuple(StoredReply.from_json(r) for r in member(document, "replies", list))
        return cls._from_head(document, items, replies)

    def _head(self) -> dict[str, Any]:
        document = {"token": self.token.to_json(), "version": self.version, **self.offer._asdict()}
        if self.next is not None:
            document["next"] = self.next
        if self.floor:
            document["floor"] = self.floor
        return document

    @classmethod
    def _from_head(
        cls, document: object, items: tuple[Item, ...], replies: tuple[StoredReply, ...]
    ) -> SessionPacket:
        fields = [(item.key, item.piece) for item in items if isinstance(item, Scalar)]
        if len(set(fields)) != len(fields):
            raise BadRequest("a packet has one scalar twice")
        token = SessionToken.from_json(member(document, "token", dict))
        optional = document if isinstance(document, Mapping) else {}
        return cls(
            token=token,
            version=number(document, "version"),
            items=items,
            replies=replies,
            offer=Offer(text(document, "stay"), text(document, "run")),
            next=number(document, "next") if "next" in optional else None,
            floor=number(document, "floor") if "floor" in optional else 0,
        )


def to_msgpack(packets: Sequence[SessionPacket]) -> bytes:
    """Give the form that nodes send each other, of the type :data:`edgedb.wire.headers.PACKET`."""
    packed: bytes = msgpack.packb([packet.to_binary() for packet in packets])
    return packed


def packets_of(body: bytes) -> list[SessionPacket]:
    """Read the packets that a caller has sent; raises BadRequest."""
    try:
        return from_msgpack(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body holds no packets: {error}") from error


def from_msgpack(body: bytes) -> list[SessionPacket]:
    """Read :func:`to_msgpack`; raises BadRequest, or ValueError if it is none at all."""
    document = msgpack.unpackb(body)
    if not isinstance(document, list):
        raise BadRequest("packets must be a list")
    return [SessionPacket.from_binary(each) for each in document]


def _size(item: Item) -> int:
    if isinstance(item, Scalar):
        return len(item.key) + len(item.value)
    return sum(map(len, item.values)) if isinstance(item, ListPart) else len(item.key)


def _columns(document: object, name: str, *kinds: type) -> tuple[Sequence[str], Sequence[Any]]:
    """Read a list of keys and values in turn; raises BadRequest."""
    found = member(document, name, list)
    keys, values = found[::2], found[1::2]
    if len(keys) != len(values) or not all(type(key) is str for key in keys):
        raise BadRequest(f"{name!r} must be keys and values in turn")
    if not all(type(value) in kinds for value in values):
        raise BadRequest(
            f"{name!r} has a value that is not {' or '.join(k.__name__ for k in kinds)}"
        )
    return keys, values
