"""Values in pieces on a real server: written over, deleted and copied, none is left behind."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, strategies as st

from edgedb.errors import TooLarge
from edgedb.store import limits
from edgedb.wire import pieces
from edgedb.wire.model import Value
from tests.integration.store.steps import Place
from tests.integration.store.test_pages import collected, walk
from tests.integration.store.test_request_data import opened
from tests.support import strategies

SMALL = 4

names = st.sampled_from(["a", "b", "c"])
writes = st.dictionaries(names, st.none() | strategies.values, min_size=1)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", SMALL)


def kept(written: list[dict[str, Value | None]]) -> dict[str, Value]:
    """Give what is there after some commits."""
    last: dict[str, Value | None] = {}
    for one in written:
        last |= one
    return {name: value for name, value in last.items() if value is not None}


def fields(place: Place) -> set[str | bytes]:
    """Give the fields that the server has."""
    return set(place.client.hkeys("edge:{s}:scalars"))


def expected_fields(values: Mapping[str, Value]) -> set[bytes]:
    """Give the fields that there should be."""
    found = (
        pieces.field(name, number)
        for name, value in values.items()
        for number in range(len(pieces.encoded(value)))
    )
    return {name.encode() if isinstance(name, str) else name for name in found}


@strategies.quick
@given(st.lists(writes, min_size=1, max_size=5))
def test_a_value_written_over_leaves_no_piece_behind(
    edge: Place, written: list[dict[str, Value | None]]
) -> None:
    edge.empty()
    for one in written:
        edge.write(one)
    values = kept(written)
    assert edge.content() == (values, {})
    assert fields(edge) == expected_fields(values)
    edge.write(dict.fromkeys("abc"))
    assert (fields(edge), edge.client.hget("edge:{s}:meta", "valued")) == (set(), b"0")


@strategies.quick
@given(st.lists(writes, min_size=1, max_size=4), st.lists(writes, max_size=4))
def test_a_copy_brought_up_to_date_has_no_piece_of_what_was_there_before(
    edge: Place, city: Place, before: list[dict[str, Value | None]], after: list[dict[str, Value]]
) -> None:
    edge.empty()
    city.empty()
    edge.write({"always": "x"})
    for one in before:
        edge.write(one)
    first = edge.page()
    city.stage(first, number=1)
    for one in after:
        edge.write(one)
    city.stage(edge.page(first.version), number=2)
    values = {"always": "x"} | kept([*before, *after])
    assert fields(city) == expected_fields(values)
    assert fields(edge) == expected_fields(values)


def test_a_large_session_is_read_with_all_the_pieces_of_a_value(edge: Place) -> None:
    long = "\u20ac" * 10_000
    edge.write({"long": long, "short": "x"}, {"words": [long, b"y"]})
    run = edge.run()
    assert run.snapshot.scalars is None
    session = opened(edge, run)
    assert (session.get("long"), session.get("short"), session.get("none")) == (long, "x", None)
    assert session.get_list("words") == [long, b"y"]


def test_pages_end_between_two_pieces(edge: Place) -> None:
    values: dict[str, Value] = {"long": "x" * 50, "bytes": bytes(30)}
    edge.write(values)
    packets = walk(edge, most_items=3)
    assert len(packets) > 6
    assert collected(packets) == (values, {})


def test_what_replaces_pieces_takes_their_room(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "VALUES_LIMIT", 5)
    edge.write({"a": "x" * 5 * SMALL})
    edge.write({"a": "tiny", "b": "y", "c": "z"})
    edge.write({"a": "x" * 3 * SMALL})
    edge.write({"a": None, "d": "x" * 3 * SMALL})
    assert fields(edge) == expected_fields({"b": "y", "c": "z", "d": "x" * 3 * SMALL})


def test_a_deleted_value_is_one_deletion_whatever_its_pieces(edge: Place) -> None:
    edge.write({"a": "x" * 50 * SMALL, "b": "y"})
    edge.write({"a": None})
    assert edge.client.zcard("edge:{s}:gone") == 1
    assert edge.client.zcard("edge:{s}:versions") == 1


def test_pieces_of_another_size_are_replaced_too(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.write({"a": "x" * 10 * SMALL})
    monkeypatch.setattr(pieces, "PIECE_BYTES", 4 * SMALL)
    edge.write({"a": "y" * 5 * SMALL})
    assert fields(edge) == expected_fields({"a": "y" * 5 * SMALL})


def test_pieces_count_as_values_of_the_session(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "VALUES_LIMIT", 5)
    edge.write({"a": "x" * 4 * SMALL, "b": "y"})
    with pytest.raises(TooLarge):
        edge.write({"c": "x"})
    assert fields(edge) == expected_fields({"a": "x" * 4 * SMALL, "b": "y"})
