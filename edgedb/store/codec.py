"""How names, lists and scalars are read from Redis; values are in :mod:`edgedb.pieces`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgedb.wire.model import Value
from edgedb.wire.pieces import decode, joined, read_field, scalars_of

VERSION_BYTES = 8  # before each element of a list


def values_of(stored: Sequence[bytes]) -> tuple[Value, ...]:
    """Read the pieces of some values that follow each other."""
    return tuple(joined(map(decode, stored)))


def elements_of(stored: Sequence[bytes]) -> tuple[Value, ...]:
    """Read a list, whose elements begin with their version."""
    return tuple(joined(decode(element[VERSION_BYTES:]) for element in stored))


def scalars_in(found: Iterable[tuple[bytes, bytes]]) -> dict[str, Value]:
    """Read the fields of a scalars' hash."""
    return scalars_of((*read_field(name), decode(stored)) for name, stored in found)


def text(stored: bytes | None) -> str:
    """Give a name as text."""
    return "" if stored is None else stored.decode()


def list_number(entry: bytes) -> int:
    """Give the number in a lists hash entry ``<number> <bytes>``."""
    return int(entry.split(b" ", 1)[0])
