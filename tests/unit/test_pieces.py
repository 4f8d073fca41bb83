"""Large values are cut into pieces, and put together again as they were."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from edgedb.wire import pieces
from edgedb.wire.model import Value
from edgedb.wire.pieces import (
    decode,
    encoded,
    field,
    joined,
    read_field,
    scalars_of,
)
from tests.support import strategies

SMALL = 4


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", SMALL)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("", [b"s"]),
        ("abcd", [b"sabcd"]),
        ("abcde", [b"Sabcd", b"se"]),
        (b"abcdefghi", [b"Babcd", b"Befgh", b"bi"]),
        ("ab\u20ac", [b"Sab", b"s\xe2\x82\xac"]),
        ("\U0001f6d2" * 2, [b"S\xf0\x9f\x9b\x92", b"s\xf0\x9f\x9b\x92"]),
        (b"\x80" * 5, [b"B" + b"\x80" * 4, b"b\x80"]),
    ],
)
def test_a_value_is_cut_where_a_piece_is_full_but_never_inside_a_character(
    value: Value, stored: list[bytes]
) -> None:
    assert encoded(value) == stored


@strategies.quick
@given(st.lists(strategies.values, max_size=4))
@example(["\U0001f6d2\u20aca", b"", "", b"\xff" * 9])
def test_values_in_pieces_that_follow_each_other_are_told_apart(values: list[Value]) -> None:
    stored = [piece for value in values for piece in encoded(value)]
    found = list(map(decode, joined(stored)))
    assert found == values
    assert list(map(type, found)) == list(map(type, values))
    assert all(len(piece) <= 1 + SMALL for piece in stored)


@pytest.mark.parametrize("stored", [b"", b"x", b"xyz", b"\xff", b"s\xff", b"S\xed\xa0\x80"])
def test_what_nobody_has_stored_is_no_value(stored: bytes) -> None:
    with pytest.raises(ValueError, match=r"no value|codec"):
        decode(stored)


@pytest.mark.parametrize("number", [0, 1, 255, 256, pieces.PIECES_LIMIT - 1])
@pytest.mark.parametrize("key", ["", "k", "\u20ac", "\u00ff"])
def test_the_fields_of_pieces_are_told_apart_from_keys(key: str, number: int) -> None:
    name = field(key, number)
    stored = name.encode() if isinstance(name, str) else name
    assert read_field(stored) == (key, number)


def test_scalars_are_put_together_by_their_numbers_whatever_their_order() -> None:
    found = [
        ("long", 2, b"sc"),
        ("short", 0, b"sx"),
        ("long", 0, b"Sa"),
        ("long", 1, b"Sb"),
        ("headless", 1, b"bleft behind"),
        ("gap", 2, b"bleft behind"),
        ("gap", 0, b"Bx"),
    ]
    assert scalars_of(found) == {"short": b"sx", "long": b"sabc", "gap": b"bx"}


def test_what_another_node_has_cut_badly_is_taken_as_far_as_it_goes() -> None:
    assert list(joined([b"Sa", b"b\xff"])) == [b"ba\xff"]
    assert list(joined([b"sx", b"Sa"])) == [b"sx", b"sa"]
