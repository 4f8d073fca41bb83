"""The destination of a move on a real server: arrive, prepare, activate, discard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgedb.errors import Conflict, EdgeError, SessionBusy, StaleToken
from edgedb.store.destination import Arrival, UnfinishedArrival
from edgedb.store.requests import Redirect, Wait
from edgedb.store.scripts import Scripts
from edgedb.wire.items import ListPart, Scalar
from edgedb.wire.model import SessionToken, Update
from tests.integration.store.steps import FREEZE_TIMEOUT_S, TOKEN, Place, packet

MET = ("current", "proprietary", "epoch")


def test_requests_wait_for_a_prepared_arrival(city: Place) -> None:
    city.prepared()
    assert city.begin() == city.begin(lock="") == Wait("arriving")


def test_an_arrival_is_known_by_its_transfer_and_its_source(city: Place) -> None:
    city.store.destination.arrive(TOKEN, "t")
    assert city.arrival() == Arrival("s", "t", "edge-a", city.clock())
    assert city.store.destination.arrivals() == ["s"]
    city.store.destination.prepare("t", 0, TOKEN, "grant", 9)
    assert city.arrival() == Arrival("s", "t", "edge-a", city.clock(), "grant", TOKEN)


def test_a_session_arrives_once_at_a_time(city: Place) -> None:
    for _ in range(2):
        city.store.destination.arrive(TOKEN, "t")
    with pytest.raises(SessionBusy):
        city.store.destination.arrive(TOKEN, "other")
    city.clock.advance(FREEZE_TIMEOUT_S)
    with pytest.raises(UnfinishedArrival) as caught:
        city.store.destination.arrive(TOKEN, "other")
    assert caught.value.arrival == city.arrival()


def test_a_prepared_arrival_is_finished_before_the_next_begins(city: Place) -> None:
    arrival = city.prepared()
    with pytest.raises(UnfinishedArrival) as caught:
        city.store.destination.arrive(TOKEN, "other")
    assert caught.value.arrival == arrival


@pytest.mark.parametrize(
    ("known", "error"),
    [
        (TOKEN.moved_to("city"), Conflict),
        (replace(TOKEN, proprietary_location="edge-b", current_location="cloud"), Conflict),
        (replace(TOKEN, current_location="cloud", epoch=2), StaleToken),
    ],
    ids=["resident", "stranger", "stale"],
)
def test_what_contradicts_the_nodes_own_knowledge_does_not_arrive(
    city: Place, known: SessionToken, error: type[EdgeError]
) -> None:
    values = (known.current_location, known.proprietary_location, known.epoch)
    city.client.hset("edge:{s}:meta", mapping=dict(zip(MET, values, strict=True)))
    before = city.dump()
    with pytest.raises(error):
        city.store.destination.arrive(TOKEN, "t")
    assert city.dump() == before


def test_a_session_comes_back_over_the_pointer_it_left(edge: Place, city: Place) -> None:
    edge.write({"x": "1"})
    city.move_from(edge)
    city.write({"x": "2"})
    assert edge.move_from(city, "back").epoch == 3
    assert edge.content() == ({"x": "2"}, {})
    assert city.begin() == Redirect("edge-a")


def test_an_arrival_is_prepared_once_and_for_one_grant(city: Place) -> None:
    city.prepared()
    before = city.dump()
    city.store.destination.prepare("t", 1, TOKEN, "grant", 9)
    for transfer, packets, grant in (("t", 1, "other"), ("other", 1, "grant"), ("t", 2, "grant")):
        with pytest.raises(Conflict):
            city.store.destination.prepare(transfer, packets, TOKEN, grant, 9)
    assert city.dump() == before


def test_only_what_is_prepared_becomes_resident_and_only_once(city: Place) -> None:
    city.staged(Scalar("x", "1"))
    token = TOKEN.moved_to("city")
    assert not city.store.destination.activate(city.arrival(), token)
    city.store.destination.prepare("t", 1, TOKEN, "grant", 9)
    arrival = city.arrival()
    for other in (replace(arrival, transfer="other"), replace(arrival, grant="other")):
        assert not city.store.destination.activate(other, token)
    assert city.store.destination.activate(arrival, token)
    before = city.dump()
    assert not city.store.destination.activate(arrival, token)
    assert city.dump() == before
    assert (city.token(), city.residents_of("edge-a")) == (token, ["s"])


@pytest.mark.parametrize(
    ("proprietary", "told"), [("city", []), ("edge-a", []), ("edge-b", ["edge-b"])]
)
def test_a_proprietary_that_took_no_part_in_the_move_is_told(
    city: Place, proprietary: str, told: list[str]
) -> None:
    token = replace(TOKEN, proprietary_location=proprietary)
    city.store.destination.arrive(token, "t")
    city.store.destination.prepare("t", 0, token, "grant", 9)
    moved = token.moved_to("city")
    assert city.store.destination.activate(city.arrival(), moved)
    messages = [entry.message for entry in city.store.outbox.claim_new()]
    assert messages == [Update(to, moved) for to in told]


def test_a_discarded_arrival_leaves_nothing(city: Place) -> None:
    city.staged(Scalar("x", "1"), *(ListPart(name, 1, 0, ("e",)) for name in "abc"))
    assert city.store.destination.discard("s", "t")
    assert city.keys() == []
    assert not city.store.destination.discard("s", "t")


def test_a_prepared_arrival_is_discarded_only_with_the_grant_that_was_refused(city: Place) -> None:
    city.prepared(Scalar("x", "1"))
    before = city.dump()
    for transfer, grant in (("t", ""), ("t", "other"), ("other", "grant"), ("other", "")):
        assert not city.store.destination.discard("s", transfer, grant)
    assert city.dump() == before
    assert city.store.destination.discard("s", "t", "grant")
    assert city.keys() == []


def test_a_resident_session_is_never_discarded(city: Place) -> None:
    assert city.store.destination.activate(city.prepared(Scalar("x", "1")), TOKEN.moved_to("city"))
    before = city.dump()
    for grant in ("", "grant"):
        assert not city.store.destination.discard("s", "t", grant)
    assert city.dump() == before


def test_what_a_mover_still_stages_is_not_idle(city: Place) -> None:
    city.staged()
    city.clock.advance(FREEZE_TIMEOUT_S - 0.001)
    assert not city.store.destination.discard_idle("s", "t")
    city.stage(packet(Scalar("x", "1")), number=2)
    city.clock.advance(0.001)
    assert not city.store.destination.discard_idle("s", "t")
    city.clock.advance(FREEZE_TIMEOUT_S)
    assert city.store.destination.discard_idle("s", "t")


def test_a_discard_names_every_list_before_it_drops_any(
    city: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.staged(*(ListPart(name, 1, 0, ("e",)) for name in "abc"))
    named = [f"edge:{{s}}:list:{number}" for number in range(3)]
    answers = iter([[], named[:2], named])
    monkeypatch.setattr(Scripts, "list_keys", lambda *_: next(answers))
    assert city.store.destination.discard("s", "t")
    assert list(answers) == []
    assert city.keys() == []
