"""What must hold of everything that clients and movers saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgedb.wire.model import SessionToken
from tests.faults.record import WRITES, Record, Seen
from tests.linearizability import checker
from tests.linearizability.history import Kind, Operation

ListName = tuple[str, str]
"""A session and the key of a list in it."""


@dataclass(frozen=True)
class Endings:
    """What is there in the end.

    ``lists``: the names of all elements; ``told``: what the root was told, in its order;
    ``epochs``: that of each session.
    """

    lists: Mapping[ListName, Sequence[str]]
    told: Sequence[str]
    epochs: Mapping[str, int]


def judge(record: Record, endings: Endings) -> list[str]:
    """Give everything that cannot have come from one copy of each session."""
    return [
        *record.oddities,
        *_misplaced(record.seen, endings.lists),
        *_mistold(record.seen, endings.told),
        *_forked(record.tokens, endings.epochs),
        *_not_linearizable(record.seen, endings.lists),
    ]


def _misplaced(seen: Sequence[Seen], lists: Mapping[ListName, Sequence[str]]) -> Iterator[str]:
    """I2, I3: each acknowledged append is there once, in its place; nothing else is."""
    tried = {s.call.name for s in seen if s.call.kind is Kind.APPEND}
    for name, elements in lists.items():
        for element, count in Counter(elements).items():
            if count > 1:
                yield f"I3: {element} is {count} times in {name}"
            if element not in tried:
                yield f"I2: {element} is in {name}, but nobody has appended it"
    for one in seen:
        if one.call.kind is Kind.APPEND and one.returned is not None:
            elements, length = lists[_list_of(one)], int(one.answer["length"])
            if elements[length - 1 : length] != [one.call.name]:
                yield f"I2: {one.call.name} was acknowledged as number {length} of {_list_of(one)}"


def _list_of(seen: Seen) -> ListName:
    return seen.call.subject.session, seen.call.key


def _mistold(seen: Sequence[Seen], told: Sequence[str]) -> Iterator[str]:
    """I2, I3 for propagated values: the root was told once."""
    counts = Counter(told)
    for one in seen:
        if one.call.kind is Kind.APPEND and one.call.is_told:
            count, is_known = counts.pop(one.call.name, 0), one.returned is not None
            if count > 1 or (is_known and count != 1):
                yield f"I3: the root was told {count} times of {one.call.name}"
    for name in counts:
        yield f"I2: the root was told of {name}, which nobody wanted it to be"


def _forked(tokens: Iterable[SessionToken], epochs: Mapping[str, int]) -> Iterator[str]:
    """I1: a session is at one place in each epoch; who has moved it there is told so once."""
    places, moved = dict[tuple[str, int], str](), set[SessionToken]()
    for token in tokens:
        at = places.setdefault((token.session, token.epoch), token.current_location)
        if at != token.current_location:
            yield f"I1: {token.session} was at {at} and {token.current_location} in one epoch"
        elif token in moved:
            yield f"I6: {token.session} was told to have moved to {at} twice in epoch {token.epoch}"
        moved.add(token)
        if token.epoch > epochs.get(token.session, 0):
            yield f"I1: {token.session} is at epoch {epochs.get(token.session)}, not {token.epoch}"


def _not_linearizable(
    seen: Sequence[Seen], lists: Mapping[ListName, Sequence[str]]
) -> Iterator[str]:
    for violation in checker.check(operations(seen, lists)):
        what = "; ".join(map(str, violation.operations))
        yield f"I2: {violation.session} {violation.key}: {violation.reason}: {what:.2000}"


def operations(
    seen: Sequence[Seen], lists: Mapping[ListName, Sequence[str]]
) -> Iterator[Operation]:
    """Give the history as the checker takes it; reads without an answer have shown nothing."""
    for one in seen:
        if one.call.kind in WRITES or one.returned is not None:
            yield Operation(
                one.call.subject.session,
                one.call.key,
                one.call.kind,
                one.called,
                one.returned,
                one.answer.get("value") if one.call.kind is Kind.READ else one.call.name,
                _elements(one, lists),
            )


def _elements(one: Seen, lists: Mapping[ListName, Sequence[str]]) -> tuple[str, ...] | None:
    """Give what a call showed of its list: of an append we know how long the list was then."""
    if one.returned is None:
        return None
    if one.call.kind is Kind.LIST:
        return tuple(one.answer["elements"])
    if one.call.kind is Kind.APPEND:
        return tuple(lists[_list_of(one)][: int(one.answer["length"])])
    return None
