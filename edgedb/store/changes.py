"""What a page of a copy reads (docs/protocol.md#the-copy)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgedb.store.codec import text, token_of
from edgedb.wire.items import Deleted, Item, Scalar, StoredReply
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import Offer
from edgedb.wire.pieces import read_field


@dataclass(frozen=True)
class ChangedList:
    """A list that has changed, at which version; how many bytes it takes, under which number."""

    name: str
    version: int
    size: int
    number: int


@dataclass(frozen=True)
class Changes:
    """What *page* reads: the changes after a version up to ``last``, and whether there are more."""

    token: SessionToken
    version: int
    offer: Offer
    floor: int
    more: bool
    last: int
    items: tuple[Item, ...]
    replies: tuple[StoredReply, ...]
    lists: tuple[ChangedList, ...]

    @classmethod
    def from_answer(cls, session: str, here: str, answer: Sequence[Any]) -> Changes:
        """Read what ``page.lua`` answers after ``ok``."""
        proprietary, function, epoch, stay, run, version, floor, more, last, *groups = answer
        scalars, unset, dropped, replies, lists = groups
        items: list[Item] = [_scalar(name, stored) for name, stored in _grouped(scalars, 2)]
        items += [Deleted(text(name), "scalar") for name in unset]
        items += [Deleted(text(name), "list") for name in dropped]
        return cls(
            token=token_of(session, proprietary, here, function, epoch),
            version=version,
            offer=Offer(text(stay), text(run)),
            floor=floor,
            more=bool(more),
            last=last,
            items=tuple(items),
            replies=tuple(StoredReply(text(key), blob) for key, blob in _grouped(replies, 2)),
            lists=tuple(ChangedList(text(name), *rest) for name, *rest in _grouped(lists, 4)),
        )


def _scalar(name: bytes, stored: bytes) -> Scalar:
    key, piece = read_field(name)
    return Scalar(key, stored, piece)


def _grouped(found: Sequence[Any], count: int) -> Iterator[tuple[Any, ...]]:
    return zip(*[iter(found)] * count, strict=True)
