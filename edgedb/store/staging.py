"""What a destination has staged of each list, and what a packet's part adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgedb.store.codec import Argument, counted_lists
from edgedb.wire.items import Deleted, Item, ListPart
from edgedb.wire.packet import Within


@dataclass(frozen=True)
class Staged:
    """What is staged of one list: its number here, its birth version and its length."""

    number: int
    born: int
    length: int


class ListStage:
    """The lists of one packet as arguments of ``stage.lua``."""

    def __init__(self) -> None:
        self._changed: list[tuple[str, int, bool, Sequence[bytes]]] = []

    def change(
        self, key: str, number: int, values: Sequence[bytes] = (), *, is_replaced: bool = True
    ) -> None:
        """Note elements to append to a list, emptied first or deleted if ``is_replaced``."""
        self._changed.append((key, number, is_replaced, values))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the lists, in the order of the arguments."""
        return [number for _, number, _, _ in self._changed]

    @property
    def arguments(self) -> list[Argument]:
        """The counted group of lists to change."""
        return counted_lists(self._changed)


class ListLedger:
    """What one transfer has staged of each list; decides what a part adds to it."""

    def __init__(self) -> None:
        self._lists: dict[str, Staged] = {}
        self._next_number = 0

    def stage(self, items: Sequence[Item]) -> tuple[ListStage, list[Within]]:
        """Give what to write for the lists among ``items``, and where elements are missing then.

        Older ones, where only the newer end of a list came, or newer ones, where it was cut.
        """
        stage, gaps = ListStage(), list[Within]()
        for item in items:
            if isinstance(item, Deleted) and item.kind == "list" and item.key in self._lists:
                stage.change(item.key, self._lists.pop(item.key).number)
            elif isinstance(item, ListPart):
                gap = self._extend(stage, item)
                if gap is not None:
                    gaps.append(gap)
        return stage, gaps

    def _extend(self, stage: ListStage, part: ListPart) -> Within | None:
        known = self._lists.get(part.key)
        is_new = known is None or known.born != part.born
        length = 0 if known is None or is_new else known.length
        if part.start > length:
            return Within(part.key, length)
        staged = Staged(
            self._next_number if known is None else known.number,
            part.born,
            max(length, part.end),
        )
        self._next_number = max(self._next_number, staged.number + 1)
        added = part.values[length - part.start :]
        stage.change(part.key, staged.number, added, is_replaced=is_new)
        self._lists[part.key] = staged
        return Within(part.key, staged.length) if part.more else None
