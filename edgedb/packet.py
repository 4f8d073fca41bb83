"""A session on the wire: its items, and the packets that carry them (design section 3).

The seed's ``session_data`` is a list of ``{"key", "data"}``; here ``data`` may also be a list,
bytes are marked with ``"encoding": "base64"``, and a key may be reported as deleted. A large value
travels in its pieces, ``{"key", "piece", "data"}``, of which all but the last are marked with
``"unfinished": true``. Between nodes the same travels as MessagePack, which has bytes and needs no
name for each key and value: a page of a thousand small ones takes a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped]

from edgedb.errors import BadRequest
from edgedb.model import (
    SessionToken,
    encodable,
    key_of,
    member,
    number,
    text,
    value_from_json,
    value_to_json,
)
from edgedb.pieces import PIECES_LIMIT, Piece, Unfinished, joined, scalars_of


class Scalar(NamedTuple):
    """A key with one value, or with the piece of it that has this number.

    A tuple, not a dataclass: a page has thousands, and they are made three times as fast.
    """

    key: str
    value: Piece
    piece: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether this is all of the value."""
        return not self.piece and not isinstance(self.value, Unfinished)

    def to_json(self, *, is_binary: bool = False) -> dict[str, Any]:
        """Give the seed's ``{"key", "data"}``, of a piece with its number."""
        document = {"key": self.key, **_piece_to_json(self.value, is_binary=is_binary)}
        return document if self.is_whole else document | {"piece": self.piece}

    @classmethod
    def from_json(cls, document: object) -> Scalar:
        """Read the wire form; raises BadRequest."""
        return cls(key_of(document), _piece_from_json(document), _piece_number(document))


@dataclass(frozen=True, slots=True)
class ListPart:
    """Consecutive elements of a list, from index ``start``; of large ones their pieces.

    ``born`` is the version at which the list was created: a part with another ``born`` than
    what is staged belongs to a new list under the old name and replaces it.
    """

    key: str
    born: int
    start: int
    values: tuple[Piece, ...]

    def to_json(self, *, is_binary: bool = False) -> dict[str, Any]:
        """Give ``{"key", "born", "start", "data": [...]}``; what is no text is an object."""
        as_it_is = str | bytes if is_binary else str
        data = [
            v if isinstance(v, as_it_is) else _piece_to_json(v, is_binary=is_binary)
            for v in self.values
        ]
        return {"key": self.key, "born": self.born, "start": self.start, "data": data}

    @classmethod
    def from_json(cls, document: object) -> ListPart:
        """Read the wire form; raises BadRequest."""
        elements = member(document, "data", list)
        values = tuple(map(_element, elements))
        return cls(key_of(document), number(document, "born"), number(document, "start"), values)


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key that is there no more; ``kind`` is ``scalar``, of which ``piece``, or ``list``."""

    key: str
    kind: str
    piece: int = 0

    def to_json(self, *, is_binary: bool = False) -> dict[str, Any]:  # noqa: ARG002
        """Give ``{"key", "deleted": "scalar" | "list"}``."""
        document = {"key": self.key, "deleted": self.kind}
        return document | {"piece": self.piece} if self.piece else document

    @classmethod
    def from_json(cls, document: object) -> Deleted:
        """Read the wire form; raises BadRequest."""
        kind = member(document, "deleted", str)
        if kind not in {"scalar", "list"}:
            raise BadRequest(f"'deleted' must be 'scalar' or 'list', got {kind!r:.40}")
        return cls(key_of(document), kind, _piece_number(document))


Item = Scalar | ListPart | Deleted


def _piece_to_json(piece: Piece, *, is_binary: bool) -> dict[str, Any]:
    if isinstance(piece, Unfinished):
        return {**value_to_json(piece.value, is_binary=is_binary), "unfinished": True}
    return {**value_to_json(piece, is_binary=is_binary)}


def _piece_from_json(document: object) -> Piece:
    value = value_from_json(document)
    is_unfinished = isinstance(document, Mapping) and document.get("unfinished") is True
    return Unfinished(value) if is_unfinished else value


def _piece_number(document: object) -> int:
    found = (
        number(document, "piece") if isinstance(document, Mapping) and "piece" in document else 0
    )
    if found >= PIECES_LIMIT:
        raise BadRequest(f"'piece' must be below {PIECES_LIMIT}, got {found}")
    return found


def _element(document: object) -> Piece:
    if isinstance(document, bytes):
        return document
    return encodable(document) if isinstance(document, str) else _piece_from_json(document)


def item_from_json(document: object) -> Item:
    """Read one entry of ``session_data``; raises BadRequest."""
    if not isinstance(document, dict):
        raise BadRequest("an entry of 'session_data' must be an object")
    if "deleted" in document:
        return Deleted.from_json(document)
    return (ListPart if isinstance(document.get("data"), list) else Scalar).from_json(document)


def in_one_piece(items: Iterable[Item]) -> tuple[Item, ...]:
    """Put the pieces of values together; those whose first piece is not there stay as they are."""
    kept: list[Item] = []
    cut: list[Scalar] = []
    for item in items:
        if isinstance(item, Scalar):
            (kept if item.is_whole else cut).append(item)
        elif isinstance(item, ListPart):
            kept.append(replace(item, values=tuple(joined(item.values))))
        elif not item.piece:
            kept.append(item)
    values = scalars_of((key, piece, value) for key, value, piece in cut)
    whole = (Scalar(key, value) for key, value in values.items())
    return (*kept, *whole, *(scalar for scalar in cut if scalar.key not in values))


@dataclass(frozen=True, slots=True)
class StoredReply:
    """The reply kept under an ``Idempotency-Key``, opaque to everyone but its writer."""

    key: str
    blob: bytes

    def to_json(self) -> dict[str, Any]:
        """Give ``{"key", "data", "encoding": "base64"}``."""
        return {"key": self.key, **value_to_json(self.blob)}

    @classmethod
    def from_json(cls, document: object) -> StoredReply:
        """Read the wire form; raises BadRequest."""
        blob = value_from_json(document)
        if isinstance(blob, str):
            raise BadRequest("a stored reply must be base64")
        return cls(key_of(document), blob)


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
    """A session's data, or what changed in it since a version (design section 3, step 1).

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
        """Give the document of :meth:`to_json` as MessagePack, where bytes need no base64.

        Whole scalars and the replies are lists of keys and values in turn.
        """
        whole = [i for i in self.items if isinstance(i, Scalar) and i.is_whole]
        others = [i for i in self.items if not (isinstance(i, Scalar) and i.is_whole)]
        document = self._head() | {
            "scalars": [part for scalar in whole for part in scalar[:2]],
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
        """Give the wire form: the token, and the seed's ``session_data``."""
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
