"""The checker finds one fault in thousands of operations, within seconds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from .checker import check
from .history import Kind, Operation, Value
from .shorthand import append, listed, read, write

pytestmark = pytest.mark.timeout(30)


@dataclass(frozen=True)
class Effect:
    """When and whether an operation of a simulated run takes effect."""

    moment: float
    operation: Operation


OPERATIONS = (write, write, read, read, append, append, listed)


def simulated(seed: int, count: int = 4000, clients: int = 8) -> list[Operation]:
    """Let clients use one register and one list, each call with an effect somewhere inside.

    One call in twenty has no answer; half of those never take effect, half do, perhaps later.
    """
    chance = random.Random(seed)
    effects = []
    for client in range(clients):
        now = chance.random()
        for n in range(count // clients):
            lasts, is_lost = chance.expovariate(1), chance.random() < 0.05
            called, now = now, now + lasts
            late = chance.expovariate(0.1) if is_lost else 0
            operation = replace(
                chance.choice(OPERATIONS)("", called, now),
                value=f"{client}-{n}",
                returned=None if is_lost else now,
            )
            if not is_lost or chance.random() < 0.5:
                effects.append(Effect(called + chance.random() * lasts + late, operation))
            now += chance.expovariate(5)
    return observed(sorted(effects, key=lambda effect: effect.moment))


def observed(effects: Sequence[Effect]) -> list[Operation]:
    """Give the operations with what each of them would have read."""
    history = []
    value: Value = None
    elements: tuple[Value, ...] = ()
    for effect in effects:
        operation = effect.operation
        if operation.kind is Kind.WRITE:
            value = operation.value
        elif operation.kind is Kind.READ:
            operation = replace(operation, value=value)
        elif operation.kind is Kind.APPEND:
            elements += (operation.value,)
        else:
            operation = replace(operation, elements=elements)
        history.append(operation)
    return history


@pytest.mark.parametrize("seed", range(4))
def test_a_long_run_is_accepted_and_one_fault_in_it_is_found(seed: int) -> None:
    history = simulated(seed)
    assert check(history) == []
    answered = [o for o in history if o.returned]
    first = min((o for o in answered if o.kind is Kind.WRITE), key=lambda o: o.called)
    stale = max((o for o in answered if o.kind is Kind.READ), key=lambda o: o.called)
    [violation] = check([replace(o, value=first.value) if o is stale else o for o in history])
    assert violation.key == stale.key
    lost = next(o for o in answered if o.kind is Kind.APPEND)
    [violation] = check([without(lost.value, o) for o in history])
    assert violation.key == lost.key


def without(value: Value, operation: Operation) -> Operation:
    """Give an operation as it would be if an element had never been in the list."""
    elements = operation.elements
    kept = None if elements is None else tuple(e for e in elements if e != value)
    return replace(operation, elements=kept)


def test_concurrent_appends_seen_only_at_the_end_need_no_guessing() -> None:
    words = [f"{n}" for n in range(3000)]
    appends = [append(word, n // 8, n // 8 + 0.5) for n, word in enumerate(words)]
    order = [word for n in range(0, 3000, 8) for word in reversed(words[n : n + 8])]
    end = replace(listed("", 400, 401), elements=tuple(order))
    assert check([*appends, end]) == []
    swapped = (*order[8:16], *order[:8], *order[16:])
    assert len(check([*appends, replace(end, elements=swapped)])) == 1
