"""How values and replies are written in Redis."""

from __future__ import annotations

from edgedb.model import Value

_TEXT, _BYTES = b"s", b"b"


def encode(value: Value) -> bytes:
    """Give the stored form: one byte that tells text from bytes, then the value."""
    return _TEXT + value.encode() if isinstance(value, str) else _BYTES + value


def decode(stored: bytes) -> Value:
    """Read :func:`encode`."""
    return stored[1:].decode() if stored[:1] == _TEXT else stored[1:]


def decode_optional(stored: bytes | None) -> Value | None:
    """Read :func:`encode`, or None."""
    return None if stored is None else decode(stored)


def decode_element(stored: bytes) -> Value:
    """Read a list's element: eight bytes of version, then :func:`encode`."""
    if stored[8:9] == _TEXT:
        return stored[9:].decode()
    return stored[9:]


def text(stored: bytes | None) -> str:
    """Give a name as text."""
    return "" if stored is None else stored.decode()


def list_number(entry: bytes) -> int:
    """Give the number in a lists hash entry ``<number> <bytes>``."""
    return int(entry.split(b" ", 1)[0])
