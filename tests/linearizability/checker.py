"""Checks that what clients saw of a session can have come from one copy of it.

A history is linearizable if every operation can be given one moment between its call and its
return such that, in the order of these moments, all results are those of a single register or
list. Objects can be judged one by one (Herlihy and Wing, "Linearizability", 1990, theorem 1), so
a history is taken apart by session and key.

The search is Wing and Gong's (1993) with Lowe's memory of what was tried ("Testing for
Linearizability", 2017), as in Porcupine: take any operation that no other one precedes, apply it,
go on; step back when stuck; never look twice at the same operations done with the same state.
Porcupine and Knossos are for Go and the JVM; the package index has no such checker for Python.

Two things keep long histories fast. A list only ever grows, so every read of it must be a
beginning of the longest one, and the state of a list is just its length. And an operation whose
outcome is unknown and whose value nobody saw can be left out: it may never have happened.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .history import Kind, Operation, Value


@dataclass(frozen=True)
class Violation:
    """A register or list that cannot have been one copy."""

    session: str
    key: str
    reason: str
    operations: tuple[Operation, ...]
    """Where it goes wrong: none of these can come next, or they contradict each other."""


Step = Callable[[Hashable, Operation], Hashable]
"""Gives the state after an operation, or ILLEGAL if it cannot have had its result then."""
ILLEGAL = object()


def check(history: Iterable[Operation]) -> list[Violation]:
    """Give what is not linearizable, at most one violation for each session and key.

    Raises:
        ValueError: a key is used both as a register and as a list.

    """
    parts = defaultdict[tuple[str, str], list[Operation]](list)
    for operation in history:
        parts[operation.session, operation.key].append(operation)
    found = (_check_object(operations) for operations in parts.values())
    return [violation for violation in found if violation is not None]


def _check_object(operations: Sequence[Operation]) -> Violation | None:
    kinds = {operation.kind for operation in operations}
    if kinds <= {Kind.WRITE, Kind.READ}:
        return _check_register(operations)
    if kinds <= {Kind.APPEND, Kind.LIST}:
        return _check_list(operations)
    raise ValueError(f"{operations[0].key!r} is used both as a register and as a list")


def _check_register(operations: Sequence[Operation]) -> Violation | None:
    seen = {o.value for o in operations if o.kind is Kind.READ and o.returned is not None}
    return _search(_relevant(operations, seen), register)


def register(state: Hashable, operation: Operation) -> Hashable:
    """Take one step of a register; its state is its value."""
    if operation.kind is Kind.WRITE:
        return operation.value
    return state if operation.value == state else ILLEGAL


def _check_list(operations: Sequence[Operation]) -> Violation | None:
    told = [o for o in operations if o.elements is not None and o.returned is not None]
    longest = max(told, key=_length, default=None)
    order = () if longest is None else longest.elements or ()
    for operation in told:
        if longest is not None and operation.elements != order[: _length(operation)]:
            return _violation("two reads of the list contradict each other", (operation, longest))
    return _search(_relevant(operations, set(order)), growing(order))


def growing(order: tuple[Value, ...]) -> Step:
    """Give the step of a list whose longest read is ``order``; its state is its length.

    Up to there an element can only come at its own place; nobody has seen what comes after.
    """

    def step(state: Hashable, operation: Operation) -> Hashable:
        length = state if isinstance(state, int) else 0
        if operation.kind is Kind.APPEND:
            if order[length : length + 1] not in ((), (operation.value,)):
                return ILLEGAL
            length = min(length + 1, len(order) + 1)
        return length if operation.elements is None or _length(operation) == length else ILLEGAL

    return step


def _length(operation: Operation) -> int:
    return len(operation.elements or ())


def _relevant(operations: Sequence[Operation], seen: set[Value]) -> list[Operation]:
    """Leave out what has no known outcome, unless its effect may have been seen."""
    effects = (Kind.WRITE, Kind.APPEND)
    return [
        replace(o, elements=None) if o.returned is None else o
        for o in operations
        if o.returned is not None or (o.kind in effects and o.value in seen)
    ]


class _Progress(NamedTuple):
    """How far an order has come: all operations before ``first`` are done, and those in ``more``.

    Bit i of ``more`` stands for operation ``first + i``; operations are sorted by their call.
    """

    first: int
    more: int
    state: Hashable


def _search(operations: Sequence[Operation], step: Step) -> Violation | None:
    """Look for an order that the steps allow; give where all orders get stuck if there is none."""
    operations = sorted(operations, key=lambda operation: operation.called)
    furthest = _Progress(0, 0, None)
    tried, path = set[_Progress](), [iter([furthest])]
    while path:
        progress = next(path[-1], None)
        if progress is None:
            path.pop()
        elif progress not in tried:
            if _is_complete(operations, progress):
                return None
            tried.add(progress)
            furthest = max(furthest, progress, key=lambda p: p.first + p.more.bit_count())
            path.append(_following(operations, step, progress))
    stuck = tuple(operations[i] for i in _candidates(operations, furthest))
    return _violation("no order of the operations explains what was seen", stuck)


def _following(
    operations: Sequence[Operation], step: Step, progress: _Progress
) -> Iterator[_Progress]:
    """Give every way to go on by one operation, the most urgent first."""
    candidates = _candidates(operations, progress)
    for i in sorted(candidates, key=lambda i: operations[i].deadline):
        state = step(progress.state, operations[i])
        if state is not ILLEGAL:
            yield _with(progress, i, state)


def _candidates(operations: Sequence[Operation], progress: _Progress) -> Iterator[int]:
    """Give the operations left that were called before any of those left had to be over."""
    horizon = math.inf
    for i in range(progress.first, len(operations)):
        if operations[i].called > horizon:
            return
        if not progress.more >> (i - progress.first) & 1:
            yield i
            horizon = min(horizon, operations[i].deadline)


def _with(progress: _Progress, i: int, state: Hashable) -> _Progress:
    more = progress.more | 1 << (i - progress.first)
    done = (~more & (more + 1)).bit_length() - 1  # how many in a row from ``first`` on
    return _Progress(progress.first + done, more >> done, state)


def _is_complete(operations: Sequence[Operation], progress: _Progress) -> bool:
    """Tell whether only operations are left that may never have happened."""
    return all(operations[i].returned is None for i in _candidates(operations, progress))


def _violation(reason: str, operations: tuple[Operation, ...]) -> Violation:
    return Violation(operations[0].session, operations[0].key, reason, operations)
