"""The packets in which a session, or what changed in it, is sent (docs/protocol.md#messages).

Everyone is answered with JSON. Nodes ask each other for MessagePack, which has bytes
and needs no name for each key and value: a page of a thousand small ones takes a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgpack  # type: ignore[import-untyped]

from edgedb.errors import BadRequest
from edgedb.wire.items import Item, Scalar, StoredReply, item_from_json
from edgedb.wire.model import SessionToken, key_of, member, number, text

PAGE_BYTES = 2**20  # a page ends with the item that reaches it


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a destination has come in copying a session.

    ``since``: everything up to this version is there, completely. ``after``: this walk has seen
    the items up to this version. ``began``: the session's version when the walk began (0: it is
    to begin). ``key`` and ``start``: it stopped inside this list, before the
    element with this index, and ``after`` becomes ``until`` when the list is done.
    """

    since: int = 0
    began: int = 0
    after: int = 0
    key: str | None = None
    start: int = 0
    until: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give the members that differ from a walk's beginning."""
        position = {"since": self.since, "began": self.began, "after": self.after}
        if self.key is None:
            return position
        return {**position, "key": self.key, "start": self.start, "until": self.until}

    @classmethod
    def from_json(cls, document: object) -> Cursor:
        """Read the wire form; raises BadRequest."""
        since, began, after = (number(document, name) for name in ("since", "began", "after"))
        walk = cls(since, began, after)
        if not isinstance(document, Mapping) or "key" not in document:
            return walk
        start, until = number(document, "start"), number(document, "until")
        return replace(walk, key=key_of(document), start=start, until=until)


@dataclass(frozen=True, slots=True)
class SessionPacket:
    """A session's data, or what changed in it since a version (docs/protocol.md#messages).

    ``version``: of the session when this was read. ``next``: where to go on; None when nothing
    newer was there. ``restart``: what the destination has staged is of no use (deletions it
    would need to hear of are forgotten), this packet begins anew. ``grant``: set when the
    packet answers a freeze.
    """

    token: SessionToken
    version: int
    items: tuple[Item, ...] = ()
    replies: tuple[StoredReply, ...] = ()
    next: Cursor | None = None
    restart: bool = False
    grant: str | None = None

    def to_msgpack(self) -> bytes:
        """Give the form that nodes send each other, of the type :data:`edgedb.wire.headers.PACKET`.

        As :meth:`to_json`, but bytes are bytes; whole scalars, as ``"scalars"``, and the replies
        are lists of keys and values in turn.
        """
        whole = [i for i in self.items if isinstance(i, Scalar) and i.is_whole]
        others = [i for i in self.items if not (isinstance(i, Scalar) and i.is_whole)]
        document = self._head() | {
            "scalars": [part for scalar in whole for part in (scalar.key, scalar.value)],
            "session_data": [item.to_json(is_binary=True) for item in others],
            "replies": [part for reply in self.replies for part in (reply.key, reply.blob)],
        }
        packed: bytes = msgpack.packb(document)
        return packed

    @classmethod
    def from_msgpack(cls, body: bytes) -> SessionPacket:
        """Read :meth:`to_msgpack`; raises BadRequest, or ValueError if it is none at all."""
        document = msgpack.unpackb(body)
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
        document: dict[str, Any] = {"token": self.token.to_json(), "version": self.version}
        if self.next is not None:
            document["next"] = self.next.to_json()
        if self.restart:
            document["restart"] = True
        if self.grant is not None:
            document["grant"] = self.grant
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
            next=Cursor.from_json(optional["next"]) if "next" in optional else None,
            restart=bool(optional.get("restart", False)),
            grant=text(document, "grant") if "grant" in optional else None,
        )


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
