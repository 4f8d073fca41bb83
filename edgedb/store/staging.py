"""What a destination has staged of each list, and what a packet's part adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgedb.store.scripts import Argument
from edgedb.wire.items import Deleted, Item, ListPart
from edgedb.wire.pieces import Piece, encode


@dataclass(frozen=True)
class Staged:
    """What is staged of one list: its number here, its birth version and its length."""

    number: int
    born: int
    length: int


@dataclass(frozen=True)
class ListGap:
    """Elements of a list are missing here from index ``start``; the source is to be asked."""

    key: str
    start: int


class ListStage:
    """The lists of one packet as arguments of ``stage.lua``."""

    def __init__(self) -> None:
        self._deleted: list[tuple[str, int]] = []
        self._extended: list[tuple[int, list[Argument]]] = []

    def delete(self, key: str, staged: Staged) -> None:
        """Note a list to delete."""
        self._deleted.append((key, staged.number))

    def extend(self, key: str, number: int, values: Sequence[Piece], *, is_cleared: bool) -> None:
        """Note elements to append to a list, emptied first if ``is_cleared``."""
        head: list[Argument] = [key, number, int(is_cleared), len(values)]
        self._extended.append((number, [*head, *(encode(v) for v in values)]))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the lists, in the order of the arguments."""
        return [number for _, number in self._deleted] + [number for number, _ in self._extended]

    @property
    def arguments(self) -> list[Argument]:
        """The two counted groups: lists to delete, lists to extend."""
        extended = [argument for _, group in self._extended for argument in group]
        deleted = [key for key, _ in self._deleted]
        return [len(deleted), *deleted, len(self._extended), *extended]


class ListLedger:
    """What one transfer has staged of each list; decides what a part adds to it."""

    def __init__(self) -> None:
        self._lists: dict[str, Staged] = {}
        self._next_number = 0

    def stage(self, items: Sequence[Item]) -> tuple[ListStage, list[ListGap]]:
        """Give what to write for the lists among ``items``, and the parts that do not fit yet."""
        stage, gaps = ListStage(), []
        for item in items:
            if isinstance(item, Deleted) and item.kind == "list" and item.key in self._lists:
                stage.delete(item.key, self._lists.pop(item.key))
            elif isinstance(item, ListPart):
                gap = self._extend(stage, item)
                if gap is not None:
                    gaps.append(gap)
        return stage, gaps

    def _extend(self, stage: ListStage, part: ListPart) -> ListGap | None:
        known = self._lists.get(part.key)
        is_new = known is None or known.born != part.born
        length = 0 if known is None or is_new else known.length
        if part.start > length:
            return ListGap(part.key, length)
        staged = Staged(
            self._next_number if known is None else known.number,
            part.born,
            max(length, part.start + len(part.values)),
        )
        self._next_number = max(self._next_number, staged.number + 1)
        added = part.values[length - part.start :]
        stage.extend(part.key, staged.number, added, is_cleared=is_new)
        self._lists[part.key] = staged
        return None
