"""The handler's view of its session: reads see its own writes, nothing leaves before the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from edgedb.errors import BadRequest, EdgeError, InvalidValue, ReadOnlySession, TooLarge
from edgedb.session import KEY_LIMIT, VALUE_LIMIT, Changes, Session, Snapshot
from edgedb.wire.model import Propagation, Value
from tests.support import strategies

SCALARS: dict[str, Value] = {"name": "alice", "photo": b"\xff"}
LISTS: dict[str, tuple[Value, ...]] = {"words": ("one", b"two")}


class Shelf:
    """A reader that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def scalar(self, key: str) -> Value | None:
        self.asked.append(key)
        return SCALARS.get(key)

    def elements(self, key: str) -> tuple[Value, ...]:
        self.asked.append(f"{key}[]")
        return LISTS.get(key, ())


def small() -> Session:
    """Give a session that *begin* brought along; asking the reader would be an error."""
    return Session(Snapshot(SCALARS, LISTS), reader=None)  # type: ignore[arg-type]


def large() -> Session:
    """Give a session that is read key by key."""
    return Session(Snapshot(), Shelf())


sizes = pytest.mark.parametrize("make", [small, large], ids=["small", "large"])
Make = Callable[[], Session]


@sizes
def test_what_is_stored_is_read(make: Make) -> None:
    session = make()
    assert [session.get(key) for key in ("name", "photo", "none")] == ["alice", b"\xff", None]
    assert [session.get_list(key) for key in ("words", "none")] == [["one", b"two"], []]


@sizes
def test_a_read_sees_what_the_request_has_written(make: Make) -> None:
    session = make()
    session.set("name", "bob")
    session.add_to_list("words", "three")
    session.add_to_list("new", b"")
    assert session.get("name") == "bob"
    assert session.get_list("words") == ["one", b"two", "three"]
    assert session.get_list("new") == [b""]


@sizes
def test_what_is_deleted_is_gone_and_can_be_written_anew(make: Make) -> None:
    session = make()
    for key in ("name", "words"):
        session.delete(key)
        assert (session.get(key), session.get_list(key)) == (None, [])
    session.set("name", "carol")
    session.add_to_list("words", "again")
    assert (session.get("name"), session.get_list("words")) == ("carol", ["again"])


@sizes
def test_a_scalar_and_a_list_may_have_the_same_name(make: Make) -> None:
    session = make()
    session.set("words", "many")
    session.add_to_list("name", "n")
    assert (session.get("words"), session.get_list("words")) == ("many", ["one", b"two"])
    assert (session.get("name"), session.get_list("name")) == ("alice", ["n"])


def test_a_large_session_asks_for_each_key_once() -> None:
    shelf = Shelf()
    session = Session(Snapshot(), shelf)
    for _ in range(2):
        session.get("name")
        session.get_list("words")
    assert shelf.asked == ["name", "words[]"]


def test_changing_an_answered_list_changes_nothing() -> None:
    session = small()
    session.get_list("words").append("three")
    assert session.get_list("words") == ["one", b"two"]


def test_reading_changes_nothing() -> None:
    session = small()
    session.get("name")
    session.get_list("words")
    assert session.changes() == Changes({}, {})


def test_the_changes_are_the_last_scalars_and_the_appended_elements() -> None:
    session = small()
    session.set("name", "bob")
    session.set("name", "carol")
    session.delete("photo")
    session.add_to_list("words", "three")
    changes = session.changes()
    assert changes.scalars == {"name": "carol", "photo": None}
    assert (changes.lists["words"].replaced, changes.lists["words"].appended) == (False, ["three"])
    assert changes.lists["photo"].replaced


WRITES: dict[str, Callable[[Session], None]] = {
    "set": lambda session: session.set("k", "v"),
    "delete": lambda session: session.delete("k"),
    "add_to_list": lambda session: session.add_to_list("k", "v"),
    "propagate": lambda session: session.propagate([Propagation.of("1", "to", "f", "v", "here")]),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_read_only_session_refuses_every_write(write: Callable[[Session], None]) -> None:
    session = Session(Snapshot(SCALARS, LISTS), Shelf(), read_only=True)
    with pytest.raises(ReadOnlySession):
        write(session)
    assert session.changes() == Changes({}, {})


BAD_KEYS: list[tuple[Any, type[EdgeError]]] = [
    (1, InvalidValue),
    (None, InvalidValue),
    (b"key", InvalidValue),
    ("\ud800", BadRequest),
    ("é" * (KEY_LIMIT // 2) + "x", TooLarge),
]
USES: dict[str, Callable[[Session, Any], object]] = {
    "get": lambda session, key: session.get(key),
    "get_list": lambda session, key: session.get_list(key),
    "set": lambda session, key: session.set(key, "v"),
    "delete": lambda session, key: session.delete(key),
    "add_to_list": lambda session, key: session.add_to_list(key, "v"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize(("key", "error"), BAD_KEYS, ids=lambda value: repr(value)[:12])
def test_a_key_is_text_of_up_to_1024_bytes(
    use: Callable[[Session, Any], object], key: Any, error: type[EdgeError]
) -> None:
    with pytest.raises(error):
        use(small(), key)


@pytest.mark.parametrize("write", ["set", "add_to_list"])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (1, InvalidValue),
        (None, InvalidValue),
        (["x"], InvalidValue),
        (bytearray(b"x"), InvalidValue),
        ("\ud800", BadRequest),
        (b"\x00" * (VALUE_LIMIT + 1), TooLarge),
    ],
    ids=["int", "none", "list", "bytearray", "surrogate", "too-large"],
)
def test_a_value_is_text_or_bytes_of_up_to_64_mib(
    write: str, value: Any, error: type[EdgeError]
) -> None:
    session = small()
    with pytest.raises(error):
        getattr(session, write)("k", value)
    assert (session.get("k"), session.get_list("k")) == (None, [])


@strategies.quick
@given(st.text(max_size=20), st.text(max_size=20) | st.binary(max_size=20))
def test_any_key_and_any_value_can_be_written_and_read(key: str, value: Value) -> None:
    session = small()
    session.set(key, value)
    assert session.get(key) == value
