"""How names, tokens, lists and scalars are read; values are in :mod:`edgedb.wire.pieces`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from edgedb.wire.model import SessionToken, Value
from edgedb.wire.pieces import decode, joined, read_field, scalars_of

Argument = str | bytes | int

VERSION_BYTES = 8  # before each element of a list, and as many of expiry before a stored reply


def counted(group: Collection[Argument]) -> list[Argument]:
    """Give a group as scripts take it: how many, then each."""
    return [len(group), *group]


def counted_lists(
    lists: Collection[tuple[str, int, bool, Collection[Argument]]],
) -> list[Argument]:
    """Give lists to change as scripts take them: name, number, whether it is replaced, elements."""
    groups: list[Argument] = [len(lists)]
    for name, number, is_replaced, elements in lists:
        groups += [name, number, int(is_replaced), *counted(elements)]
    return groups


def values_of(stored: Sequence[bytes]) -> tuple[Value, ...]:
    """Read the pieces of some values that follow each other."""
    return tuple(map(decode, joined(stored)))


def elements_of(stored: Sequence[bytes]) -> tuple[Value, ...]:
    """Read a list, whose elements begin with their version."""
    return values_of([element[VERSION_BYTES:] for element in stored])


def scalars_in(found: Iterable[tuple[bytes, bytes]]) -> dict[str, Value]:
    """Read the fields of a scalars' hash."""
    whole = scalars_of((*read_field(name), stored) for name, stored in found)
    return {key: decode(stored) for key, stored in whole.items()}


def text(stored: bytes | None) -> str:
    """Give a name as text."""
    return "" if stored is None else stored.decode()


def token_of(
    session: str, proprietary: bytes, current: str, function: bytes, epoch: bytes | int
) -> SessionToken:
    """Read a token."""
    return SessionToken(session, text(proprietary), current, text(function), int(epoch))


def known_token(session: str, fields: Sequence[bytes | None]) -> SessionToken | None:
    """Read what :file:`token.lua` answers; None if the session is not known.

    Nor is it while a first request runs (version 0), which may yet leave nothing behind.
    """
    proprietary, current, function, epoch, version = fields
    if proprietary is None or function is None or epoch is None or version == b"0":
        return None
    return token_of(session, proprietary, text(current), function, epoch)


def list_number(entry: bytes) -> int:
    """Give the number in a lists hash entry ``<number> <bytes>``."""
    return int(entry.split(b" ", 1)[0])
