"""How a value is kept in Redis and sent: tagged as text or bytes, and in pieces if it is large.

A server does one command after the other, so one that reads or writes a value of 8 MiB lets
everybody else wait for tens of milliseconds. In pieces a value is copied a bit at a time: no item
of a session is larger than a piece, whatever its values are.

The stored form of a piece begins with a letter: ``s`` text, ``b`` bytes, in capitals if the value
goes on in the next piece. The pieces of a list's element follow each other in the list. Those of a
scalar are fields of the same hash: the first under the key itself, the others under a name that
no key has, since it is no UTF-8. Text is cut between characters.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator

from edgedb.wire.model import Value

PIECE_BYTES = 256 * 1024
PIECES_LIMIT = 2**16  # of one value; what a field's two bytes can count

KINDS = frozenset({b"s", b"S", b"b", b"B"})
"""What a stored form begins with."""

_FIELD = struct.Struct(">cH")
_MARK = b"\xff"


def is_unfinished(stored: bytes) -> bool:
    """Say whether the value of a piece goes on in the next one."""
    return stored[:1].isupper()


def decode(stored: bytes) -> Value:
    """Read the stored form of a value, or of one of its pieces.

    Raises:
        ValueError: nobody has written that.

    """
    match stored[:1]:
        case b"s" | b"S":
            return stored[1:].decode()
        case b"b" | b"B":
            return stored[1:]
    raise ValueError(f"{stored!r:.40} is no value")


def encoded(value: Value) -> list[bytes]:
    """Give the stored forms of all the pieces of a value; of a small one there is one."""
    tag, data = (b"s", value.encode()) if isinstance(value, str) else (b"b", value)
    if len(data) <= PIECE_BYTES:
        return [tag + data]
    ends = list(_ends(data, is_text=tag == b"s"))
    pieces = [data[begin:end] for begin, end in itertools.pairwise([0, *ends])]
    return [*(tag.upper() + piece for piece in pieces[:-1]), tag + pieces[-1]]


def _ends(data: bytes, *, is_text: bool) -> Iterator[int]:
    end = PIECE_BYTES
    while end < len(data):
        while is_text and data[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        yield end
        end += PIECE_BYTES
    yield len(data)


def joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Put pieces that follow each other together; gives the stored forms of the values."""
    begun: list[bytes] = []
    for piece in pieces:
        if is_unfinished(piece):
            begun.append(piece)
        elif begun:
            yield _whole([*begun, piece])
            begun = []
        else:
            yield piece
    if begun:  # no node writes that, but another one may send it
        yield _whole(begun)


def _whole(pieces: list[bytes]) -> bytes:
    is_text = all(piece[:1] in b"sS" for piece in pieces)
    return (b"s" if is_text else b"b") + b"".join(piece[1:] for piece in pieces)


def field(key: str, number: int) -> str | bytes:
    """Give the name in the scalars' hash of one piece of a value, counted from 0."""
    return _FIELD.pack(_MARK, number) + key.encode() if number else key


def read_field(name: bytes) -> tuple[str, int]:
    """Read :func:`field`."""
    if name[:1] != _MARK:
        return name.decode(), 0
    _, number = _FIELD.unpack_from(name)
    return name[_FIELD.size :].decode(), number


def scalars_of(pieces: Iterable[tuple[str, int, bytes]]) -> dict[str, bytes]:
    """Give the whole values by their keys; pieces without the one before are left out."""
    whole, cut = dict[str, bytes](), list[tuple[str, int, bytes]]()
    for key, number, piece in pieces:
        if number or is_unfinished(piece):
            cut.append((key, number, piece))
        else:
            whole[key] = piece
    cut.sort(key=lambda one: one[:2])
    for key, group in itertools.groupby(cut, key=lambda one: one[0]):
        following = [piece for place, (_, number, piece) in enumerate(group) if place == number]
        if following:
            whole[key] = next(joined(following))
    return whole
