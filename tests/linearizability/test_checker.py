"""The checker accepts what one copy can show, and rejects all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings, strategies as st

from .checker import check
from .history import Kind, Operation, Value
from .shorthand import NEVER, append, listed, read, write

ACCEPTED = {
    "nothing happened": [],
    "a register never written": [read(None, 0, 1)],
    "one after the other": [write(1, 0, 1), read(1, 2, 3), write(2, 4, 5), read(2, 6, 7)],
    "a read during a write sees the old": [write(1, 0, 1), write(2, 2, 6), read(1, 3, 4)],
    "a read during a write sees the new": [write(1, 0, 1), write(2, 2, 6), read(2, 3, 4)],
    "concurrent writes in either order": [write(1, 0, 9), write(2, 0, 9), read(2, 10, 11)],
    "reads order concurrent writes": [
        *(write(1, 0, 9), write(2, 0, 9)),
        *(read(2, 1, 2), read(1, 3, 4)),
    ],
    "touching intervals overlap": [write(1, 0, 5), read(None, 5, 6)],
    "a value is written again": [write(1, 0, 1), write(2, 2, 3), write(1, 4, 5), read(1, 6, 7)],
    "an unknown write appears at once": [write(1, 0, NEVER), read(1, 1, 2)],
    "an unknown write appears later": [
        *(write(1, 0, 1), write(2, 2, NEVER)),
        *(read(1, 3, 4), read(1, 5, 6), read(2, 7, 8)),
    ],
    "an unknown write never appears": [write(1, 0, 1), write(2, 2, NEVER), read(1, 3, 4)],
    "a read without an answer": [write(1, 0, 1), read(7, 2, NEVER)],
    "appends one after the other": [append("a", 0, 1), append("b", 2, 3), listed("ab", 4, 5)],
    "concurrent appends in either order": [
        *(append("a", 0, 9), append("b", 0, 9)),
        *(listed("b", 1, 2), listed("ba", 10, 11)),
    ],
    "appends after the last read": [append("a", 0, 1), listed("a", 2, 3), append("b", 4, 5)],
    "appends that tell the list": [append("a", 0, 9, "ba"), append("b", 0, 9, "b")],
    "the same element twice, appended twice": [
        *(append("a", 0, 1), append("a", 2, 3)),
        listed("aa", 4, 5),
    ],
    "an unknown append appears later": [
        *(append("a", 0, NEVER), append("b", 1, 2)),
        *(listed("b", 3, 4), listed("ba", 5, 6)),
    ],
    "an unknown append never appears": [
        append("a", 0, NEVER),
        append("b", 1, 2),
        listed("b", 3, 4),
    ],
    "keys and sessions have nothing to do with each other": [
        write(1, 0, 1),
        replace(read(None, 2, 3), key="another"),
        replace(read(None, 2, 3), session="another"),
    ],
}

REJECTED = {
    "a stale read": [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)],
    "a lost write": [write(1, 0, 1), read(None, 2, 3)],
    "a value from nowhere": [write(1, 0, 1), read(2, 2, 3)],
    "a value from the future": [read(1, 0, 1), write(1, 2, 3)],
    "the new, then the old again": [
        *(write(1, 0, 1), write(2, 2, 9)),
        *(read(2, 3, 4), read(1, 5, 6)),
    ],
    "two copies, each with its own writer": [
        *(write(1, 0, 1), write(2, 2, 3)),
        *(read(1, 4, 5), read(2, 4, 5), read(1, 6, 7)),
    ],
    "an unknown write appears before its call": [read(1, 0, 1), write(1, 2, NEVER)],
    "an unknown write appears and is gone again": [
        *(write(1, 0, 1), write(2, 2, NEVER)),
        *(read(2, 3, 4), read(1, 5, 6)),
    ],
    "a lost append": [append("a", 0, 1), append("b", 2, 3), listed("b", 4, 5)],
    "a lost append, seen before": [
        *(append("a", 0, 1), listed("a", 2, 3)),
        listed("", 4, 5),
    ],
    "all appends lost": [append("a", 0, 1), listed("", 2, 3)],
    "a doubled append": [append("a", 0, 1), listed("aa", 2, 3)],
    "an unknown append applied twice": [append("a", 0, NEVER), listed("aa", 2, 3)],
    "a reordered list": [append("a", 0, 1), append("b", 2, 3), listed("ba", 4, 5)],
    "a list that changes its order": [
        *(append("a", 0, 9), append("b", 0, 9)),
        *(listed("ab", 10, 11), listed("ba", 12, 13)),
    ],
    "a fork: two lists with one beginning": [
        *(append("a", 0, 1), append("b", 2, 3), append("c", 2, 3)),
        *(listed("ab", 4, 5), listed("ac", 4, 5)),
    ],
    "two appends that both came first": [append("a", 0, 9, "a"), append("b", 0, 9, "b")],
    "an append that does not tell itself": [append("a", 0, 1, "")],
    "an element from nowhere": [append("a", 0, 1), listed("ax", 2, 3)],
    "an unknown append appears in the middle of what was read": [
        *(append("a", 0, NEVER), append("b", 1, 2)),
        *(listed("b", 3, 4), listed("ab", 5, 6)),
    ],
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_one_copy_can_show_is_accepted(name: str) -> None:
    assert check(ACCEPTED[name]) == []


@pytest.mark.parametrize("name", REJECTED)
def test_what_one_copy_cannot_show_is_rejected(name: str) -> None:
    assert len(check(REJECTED[name])) == 1


def test_a_violation_says_where_it_goes_wrong() -> None:
    stale = read(1, 4, 5)
    [violation] = check([write(1, 0, 1), write(2, 2, 3), stale, read(2, 6, 7)])
    assert (violation.session, violation.key) == ("s", "k")
    assert violation.operations == (stale,)


def test_each_object_is_judged_by_itself() -> None:
    lost = [write(1, 0, 1), read(None, 2, 3)]
    elsewhere = [replace(operation, session="another") for operation in lost]
    assert {v.session for v in check([*lost, *elsewhere, append("a", 0, 1)])} == {"s", "another"}


def test_a_key_is_a_register_or_a_list() -> None:
    with pytest.raises(ValueError, match="both"):
        check([write(1, 0, 1), replace(append("a", 2, 3), key="k")])


def explained(operations: Sequence[Operation]) -> bool:
    """Try every subset of the unknown operations in every order: slow and obviously right."""
    unknown = [o for o in operations if o.returned is None]
    known = [o for o in operations if o.returned is not None]
    subsets = ([o for i, o in enumerate(unknown) if n >> i & 1] for n in range(2 ** len(unknown)))
    orders = (order for subset in subsets for order in permutations(known + subset))
    return any(in_time(order) and is_sequential(order) for order in orders)


def in_time(order: Sequence[Operation]) -> bool:
    """Tell whether nothing comes after what was called later than it returned."""
    return not any(
        late.returned is not None and late.returned < early.called
        for i, early in enumerate(order)
        for late in order[i + 1 :]
    )


def is_sequential(order: Sequence[Operation]) -> bool:
    """Run the operations one by one on a register and a list."""
    value: Value = None
    elements: tuple[Value, ...] = ()
    for operation in order:
        value = operation.value if operation.kind is Kind.WRITE else value
        elements += (operation.value,) if operation.kind is Kind.APPEND else ()
        if operation.returned is not None:
            is_read = operation.kind is Kind.READ
            if is_read and operation.value != value:
                return False
            if operation.elements is not None and operation.elements != elements:
                return False
    return True


CALLED = st.integers(0, 6)
LASTED = st.one_of(st.none(), st.integers(0, 4), st.integers(0, 4))
VALUES = st.sampled_from("ab")
LISTS = st.text("ab", max_size=3)


@st.composite
def histories(draw: st.DrawFn, kinds: Sequence[Kind]) -> list[Operation]:
    """Draw up to five operations on one object, with results that may or may not fit."""
    operations = []
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=5)):
        called, lasted = draw(CALLED), draw(LASTED)
        returned = None if lasted is None else called + lasted
        tells = kind is Kind.LIST or (kind is Kind.APPEND and draw(st.booleans()))
        value = None if kind is Kind.LIST else draw(VALUES)
        elements = tuple(draw(LISTS)) if tells else None
        operations.append(Operation("s", "x", kind, called, returned, value, elements))
    return operations


@settings(max_examples=500, deadline=None)
@given(histories([Kind.WRITE, Kind.READ]) | histories([Kind.APPEND, Kind.LIST]))
def test_it_agrees_with_trying_every_order(operations: list[Operation]) -> None:
    assert (check(operations) == []) == explained(operations)
