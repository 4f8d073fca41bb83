"""What a session consists of, on the wire: scalars, parts of lists, deletions, stored replies.

Nodes send each other a value's pieces in MessagePack as they keep them. Everyone else reads JSON:
``session_data`` is a list of ``{"key", "data"}``; here ``data`` may also be a list,
bytes are marked with ``"encoding": "base64"``, and a key may be reported as deleted. A large value
travels in its pieces, ``{"key", "piece", "data"}``, of which all but the last are marked with
``"unfinished": true``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from edgedb.wire.model import Number, value_to_json
from edgedb.wire.pieces import PIECES_LIMIT, decode, is_unfinished, joined, scalars_of

MANY = 2**14
"""More items are in no packet, and more elements in no part of a list."""
AS_SENT = 3  # bytes more than a value is long


class Scalar(Struct, frozen=True, array_like=True, tag="s", gc=False):
    """A key with one value, or with the piece of it that has this number, as it is stored."""

    key: str
    value: bytes
    piece: Annotated[int, Meta(ge=0, lt=PIECES_LIMIT)] = 0

    def to_json(self) -> dict[str, Any]:
        """Give ``{"key", "data"}``, of a piece with its number."""
        document = {"key": self.key, **_piece_to_json(self.value)}
        is_whole = not self.piece and not is_unfinished(self.value)
        return document if is_whole else document | {"piece": self.piece}


class ListPart(Struct, frozen=True, array_like=True, tag="l"):
    """Consecutive elements of a list, from index ``start``; of large ones their pieces.

    ``born`` is the version at which the list was created: a part with another ``born`` than
    what is staged belongs to a new list under the old name and replaces it. ``more``: the list goes
    on after it.
    """

    key: str
    born: Number
    start: Number
    values: Annotated[tuple[bytes, ...], Meta(max_length=MANY)]
    more: bool = False

    @property
    def end(self) -> int:
        """The index after the last element."""
        return self.start + len(self.values)

    def to_json(self) -> dict[str, Any]:
        """Give ``{"key", "born", "start", "data": [...]}``; what is no text is an object."""
        elements = map(_piece_to_json, self.values)
        data = [each["data"] if len(each) == 1 else each for each in elements]
        document = {"key": self.key, "born": self.born, "start": self.start, "data": data}
        return document | {"more": True} if self.more else document


class Deleted(Struct, frozen=True, array_like=True, tag="d"):
    """A key that is there no more, with all its pieces."""

    key: str
    kind: Literal["scalar", "list"]

    def to_json(self) -> dict[str, Any]:
        """Give ``{"key", "deleted": "scalar" | "list"}``."""
        return {"key": self.key, "deleted": self.kind}


Item = Scalar | ListPart | Deleted


class StoredReply(Struct, frozen=True, array_like=True):
    """The reply kept under an ``Idempotency-Key``, opaque to everyone but its writer."""

    key: str
    blob: bytes

    def to_json(self) -> dict[str, Any]:
        """Give ``{"key", "data", "encoding": "base64"}``."""
        return {"key": self.key, **value_to_json(self.blob)}


def _piece_to_json(stored: bytes) -> dict[str, Any]:
    document = value_to_json(decode(stored))
    return document | {"unfinished": True} if is_unfinished(stored) else document


def stored_in(item: Item) -> tuple[bytes, ...]:
    """Give what an item has of values."""
    if isinstance(item, Scalar):
        return (item.value,)
    return item.values if isinstance(item, ListPart) else ()


def in_one_piece(items: Sequence[Item]) -> tuple[Item, ...]:
    """Put the pieces of values together; those whose first piece is not there stay as they are."""
    scalars = [item for item in items if isinstance(item, Scalar)]
    values = scalars_of((each.key, each.piece, each.value) for each in scalars)
    parts = [item for item in items if isinstance(item, ListPart)]
    return (
        *(Scalar(key, value) for key, value in values.items()),
        *(scalar for scalar in scalars if scalar.key not in values),
        *(item for item in items if isinstance(item, Deleted)),
        *(replace(part, values=tuple(joined(part.values))) for part in parts),
    )
