"""What is staged at the destination of a move: all of the session, and nothing of it is live."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from edgedb.errors import Conflict, EdgeError, SessionBusy
from edgedb.store.arrival import Staging
from edgedb.store.requests import Redirect, Replay
from edgedb.store.staging import ListLedger
from edgedb.wire.items import Deleted, ListPart, Scalar
from edgedb.wire.model import Value
from edgedb.wire.packet import Within
from tests.integration.store.steps import TOKEN, Place, packet
from tests.support import snapshot, strategies

names = strategies.texts


@strategies.quick
@given(
    st.dictionaries(names, strategies.values, max_size=4),
    st.dictionaries(names, st.lists(strategies.values, min_size=1, max_size=4), max_size=4),
    st.binary(max_size=20),
)
def test_everything_a_session_has_arrives(
    edge: Place,
    city: Place,
    scalars: dict[str, Value],
    lists: dict[str, list[Value]],
    reply: bytes,
) -> None:
    edge.empty()
    city.empty()
    edge.write(scalars, lists, key="key", reply=reply)
    before, version = edge.store.residents.load(), edge.page().version
    assert city.move_from(edge) == replace(TOKEN, current_location="city", epoch=2)
    assert city.content() == (scalars, {name: tuple(values) for name, values in lists.items()})
    assert city.begin(idempotency_key="key") == Replay(reply)
    after = city.store.residents.load()
    assert after.sessions == before.sessions
    # either server allocates in its own way: it is some hundred bytes for the smallest
    assert after.size == pytest.approx(before.size, rel=0.1, abs=512)
    assert city.page().version >= version


def test_what_is_staged_is_not_live(city: Place) -> None:
    city.staged(Scalar("x", b"s1"), ListPart("words", 1, 0, (b"sone",)))
    assert city.begin() == city.begin(lock="") == Redirect("edge-a")
    assert city.store.residents.token("s") is None
    assert city.store.residents.load().sessions == 0


def test_a_packet_that_is_staged_again_stages_the_same(city: Place) -> None:
    items = (Scalar("x", b"s1"), ListPart("words", 1, 0, (b"sone", b"stwo")))
    city.staged(*items)
    city.stage(packet(*items))
    state = snapshot.read(city.client).sessions["s"]
    assert city.client.llen("edge:{s}:list:0") == 2
    assert state.books.items() <= state.arrival.items()


def test_packets_are_staged_in_their_order_and_a_late_repetition_changes_nothing(
    city: Place,
) -> None:
    city.staged(Scalar("x", b"s1"))
    city.stage(packet(Scalar("x", b"s2")), number=2)
    before = city.dump()
    for number in (1, 4):
        with pytest.raises(Conflict):
            city.stage(packet(Scalar("x", b"slate")), number=number)
    assert city.dump() == before


def test_a_later_packet_changes_what_is_staged(city: Place) -> None:
    ledger, first = ListLedger(), ListPart("gone", 1, 0, (b"sg",))
    packets = (
        packet(
            Scalar("x", b"s1"), Scalar("y", b"s1"), first, ListPart("a", 2, 0, (b"sa0", b"sa1"))
        ),
        packet(Scalar("x", b"s2"), Deleted("y", "scalar"), Deleted("gone", "list")),
        packet(ListPart("a", 2, 1, (b"sa1", b"sa2")), ListPart("b", 5, 0, (b"sb0",))),
        packet(ListPart("b", 7, 0, (b"sanew",)), Deleted("never", "list"), Deleted("n", "scalar")),
    )
    for number, one in enumerate(packets, start=1):
        lists, gaps = ledger.stage(one.items)
        assert gaps == []
        complete = 9 if number == len(packets) else 0
        city.store.destination.stage(
            [Staging(one.token, one.offer, "t", number, one, lists, complete)]
        )
    assert city.store.destination.activate([city.arrival()]) == [TOKEN.moved_to("city")]
    assert city.content() == ({"x": "2"}, {"a": ("a0", "a1", "a2"), "b": ("anew",)})
    state = snapshot.read(city.client).sessions["s"]
    assert state.books.items() <= state.meta.items()


def test_a_part_of_a_list_that_does_not_join_on_is_a_gap() -> None:
    ledger = ListLedger()
    ledger.stage([ListPart("a", 1, 0, (b"sa0", b"sa1"))])
    _, gaps = ledger.stage([ListPart("a", 1, 3, (b"sa3",)), ListPart("b", 2, 1, (b"sb1",))])
    assert gaps == [Within("a", 2), Within("b", 0)]
    _, gaps = ledger.stage([ListPart("a", 9, 2, (b"sanew",))])
    assert gaps == [Within("a", 0)]


def test_a_part_of_a_list_that_goes_on_leaves_a_gap_after_it() -> None:
    ledger = ListLedger()
    _, gaps = ledger.stage([ListPart("a", 1, 0, (b"sa0", b"sa1"), more=True)])
    assert gaps == [Within("a", 2)]
    _, gaps = ledger.stage([ListPart("a", 1, 2, (b"sa2",))])
    assert gaps == []


@pytest.mark.parametrize(
    ("state", "error"), [("none", Conflict), ("other", SessionBusy), ("discarded", Conflict)]
)
def test_only_the_first_packet_opens_an_arrival(
    city: Place, state: str, error: type[EdgeError]
) -> None:
    if state == "other":
        city.stage(packet(), "other")
    if state == "discarded":
        assert city.store.destination.discard(city.staged(Scalar("x", b"s1")))
    before = city.dump()
    with pytest.raises(error):
        city.stage(packet(Scalar("x", b"s2")), number=2)
    assert city.dump() == before
