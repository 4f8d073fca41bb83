"""How a value is kept in Redis: tagged as text or bytes, and in pieces if it is large.

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
from dataclasses import dataclass

from edgedb.wire.model import Value

PIECE_BYTES = 256 * 1024
PIECES_LIMIT = 2**16  # of one value; what a field's two bytes can count

_FIELD = struct.Struct(">cH")
_MARK = b"\xff"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A piece of a value that goes on in the next one."""

    value: Value

    def __len__(self) -> int:
        return len(self.value)


Piece = Value | Unfinished
"""A whole value, or the last piece of one, or an earlier piece."""


def encode(piece: Piece) -> bytes:
    """Give the stored form."""
    if isinstance(piece, str):
        return b"s" + piece.encode()
    if isinstance(piece, bytes):
        return b"b" + piece
    stored = encode(piece.value)
    return stored[:1].upper() + stored[1:]


def decode(stored: bytes) -> Piece:
    """Read :func:`encode`."""
    tag = stored[:1]
    if tag == b"s":
        return stored[1:].decode()
    if tag == b"S":
        return Unfinished(stored[1:].decode())
    return Unfinished(stored[1:]) if tag == b"B" else stored[1:]


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


def joined(pieces: Iterable[Piece]) -> Iterator[Value]:
    """Put pieces that follow each other together; gives the values."""
    begun: list[Value] = []
    for piece in pieces:
        if isinstance(piece, Unfinished):
            begun.append(piece.value)
        elif begun:
            yield _whole([*begun, piece])
            begun = []
        else:
            yield piece
    if begun:  # no node writes that, but another one may send it
        yield _whole(begun)


def _whole(parts: list[Value]) -> Value:
    data = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return data.decode() if all(isinstance(part, str) for part in parts) else data


def field(key: str, number: int) -> str | bytes:
    """Give the name in the scalars' hash of one piece of a value, counted from 0."""
    return _FIELD.pack(_MARK, number) + key.encode() if number else key


def read_field(name: bytes) -> tuple[str, int]:
    """Read :func:`field`."""
    if name[:1] != _MARK:
        return name.decode(), 0
    _, number = _FIELD.unpack_from(name)
    return name[_FIELD.size :].decode(), number


def scalars_of(pieces: Iterable[tuple[str, int, Piece]]) -> dict[str, Value]:
    """Give the whole values by their keys; pieces without the one before are left out."""
    whole, cut = dict[str, Value](), list[tuple[str, int, Piece]]()
    for key, number, piece in pieces:
        if number or isinstance(piece, Unfinished):
            cut.append((key, number, piece))
        else:
            whole[key] = piece
    cut.sort(key=lambda one: one[:2])
    for key, group in itertools.groupby(cut, key=lambda one: one[0]):
        following = [piece for place, (_, number, piece) in enumerate(group) if place == number]
        if following:
            whole[key] = next(joined(following))
    return whole
