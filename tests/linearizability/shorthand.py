"""Short ways to write the operations of a history: of register ``k`` and list ``l``."""

from __future__ import annotations

from .history import Kind, Operation, Value

NEVER = None
"""When a call without an answer returned."""


def write(value: Value, called: float, returned: float | None) -> Operation:
    return Operation("s", "k", Kind.WRITE, called, returned, value)


def read(value: Value, called: float, returned: float | None) -> Operation:
    return Operation("s", "k", Kind.READ, called, returned, value)


def append(
    value: Value, called: float, returned: float | None, then: str | None = None
) -> Operation:
    elements = None if then is None else tuple(then)
    return Operation("s", "l", Kind.APPEND, called, returned, value, elements)


def listed(elements: str, called: float, returned: float | None) -> Operation:
    return Operation("s", "l", Kind.LIST, called, returned, elements=tuple(elements))
