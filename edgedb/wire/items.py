"""What a session consists of, on the wire: scalars, parts of lists, deletions, stored replies.

``session_data`` is a list of ``{"key", "data"}``; here ``data`` may also be a list,
bytes are marked with ``"encoding": "base64"``, and a key may be reported as deleted. A large value
travels in its pieces, ``{"key", "piece", "data"}``, of which all but the last are marked with
``"unfinished": true``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from edgedb.errors import BadRequest
from edgedb.wire.model import encodable, key_of, member, number, value_from_json, value_to_json
from edgedb.wire.pieces import PIECES_LIMIT, Piece, Unfinished, joined, scalars_of


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
        """Give ``{"key", "data"}``, of a piece with its number."""
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
    what is staged belongs to a new list under the old name and replaces it. ``more``: the list goes
    on after it.
    """

    key: str
    born: int
    start: int
    values: tuple[Piece, ...]
    more: bool = False

    @property
    def end(self) -> int:
        """The index after the last element."""
        return self.start + len(self.values)

    def to_json(self, *, is_binary: bool = False) -> dict[str, Any]:
        """Give ``{"key", "born", "start", "data": [...]}``; what is no text is an object."""
        as_it_is = str | bytes if is_binary else str
        data = [
            v if isinstance(v, as_it_is) else _piece_to_json(v, is_binary=is_binary)
            for v in self.values
        ]
        document = {"key": self.key, "born": self.born, "start": self.start, "data": data}
        return document | {"more": True} if self.more else document

    @classmethod
    def from_json(cls, document: object) -> ListPart:
        """Read the wire form; raises BadRequest."""
        elements = member(document, "data", list)
        values = tuple(map(_element, elements))
        more = isinstance(document, Mapping) and document.get("more") is True
        born, start = number(document, "born"), number(document, "start")
        return cls(key_of(document), born, start, values, more)


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key that is there no more, with all its pieces; ``kind`` is ``scalar`` or ``list``."""

    key: str
    kind: str

    def to_json(self, *, is_binary: bool = False) -> dict[str, Any]:  # noqa: ARG002
        """Give ``{"key", "deleted": "scalar" | "list"}``."""
        return {"key": self.key, "deleted": self.kind}

    @classmethod
    def from_json(cls, document: object) -> Deleted:
        """Read the wire form; raises BadRequest."""
        kind = member(document, "deleted", str)
        if kind not in {"scalar", "list"}:
            raise BadRequest(f"'deleted' must be 'scalar' or 'list', got {kind!r:.40}")
        return cls(key_of(document), kind)


Item = Scalar | ListPart | Deleted


def _piece_to_json(piece: Piece, *, is_binary: bool) -> dict[str, Any]:
    if isinstance(piece, Unfinished):
        return value_to_json(piece.value, is_binary=is_binary) | {"unfinished": True}
    return value_to_json(piece, is_binary=is_binary)


def _piece_from_json(document: object) -> Piece:
    value = value_from_json(document)
    is_unfinished = isinstance(document, Mapping) and document.get("unfinished") is True
    return Unfinished(value) if is_unfinished else value


def _piece_number(document: object) -> int:
    if not (isinstance(document, Mapping) and "piece" in document):
        return 0
    found = number(document, "piece")
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
    found = list(items)
    scalars = [item for item in found if isinstance(item, Scalar)]
    values = scalars_of((key, piece, value) for key, value, piece in scalars)
    return (
        *(Scalar(key, value) for key, value in values.items()),
        *(scalar for scalar in scalars if scalar.key not in values),
        *(_in_one_piece(item) for item in found if not isinstance(item, Scalar)),
    )


def _in_one_piece(item: Item) -> Item:
    if isinstance(item, ListPart):
        return replace(item, values=tuple(joined(item.values)))
    return item


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
