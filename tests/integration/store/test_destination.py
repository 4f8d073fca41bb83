"""The destination of a move on a real server: stage, activate, discard, set aside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from edgedb.errors import Conflict, EdgeError, OutcomeUnknown, SessionBusy, StaleToken
from edgedb.store import keys
from edgedb.store.arrival import Arrival, NotOpen
from edgedb.store.requests import Redirect, Wait
from edgedb.store.scripts import Scripts
from edgedb.wire.items import ListPart, Scalar
from edgedb.wire.model import SessionToken, Update
from tests.integration.store.steps import FREEZE_TIMEOUT_S, OFFER, TOKEN, Place, packet, staging

MET = ("current", "proprietary", "epoch")


def test_requests_wait_for_a_prepared_arrival(city: Place) -> None:
    city.prepared()
    assert city.begin() == city.begin(lock="") == Wait("arriving")


def test_an_arrival_is_known_by_its_transfer_and_what_was_offered(city: Place) -> None:
    run = city.staged().run
    assert city.arrival() == Arrival(TOKEN, "t", OFFER, 0, run, city.clock())
    assert city.store.destination.arrivals() == ["s"]
    city.stage(packet(), number=2, complete=9)
    assert city.arrival() == Arrival(TOKEN, "t", OFFER, 9, run, city.clock())


def test_a_session_arrives_once_at_a_time(city: Place) -> None:
    for _ in range(2):
        city.staged()
    with pytest.raises(SessionBusy):
        city.stage(packet(), "other")
    city.clock.advance(FREEZE_TIMEOUT_S)
    with pytest.raises(NotOpen):
        city.stage(packet(), "other")


def test_a_prepared_arrival_is_finished_before_the_next_begins(city: Place) -> None:
    city.prepared()
    city.clock.advance(FREEZE_TIMEOUT_S)
    with pytest.raises(NotOpen):
        city.stage(packet(), "other")


@pytest.mark.parametrize(
    ("known", "error"),
    [
        (TOKEN.moved_to("city"), Conflict),
        (changed(TOKEN, proprietary_location="edge-b", current_location="cloud"), Conflict),
        (changed(TOKEN, current_location="cloud", epoch=2), StaleToken),
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
        city.staged()
    assert city.dump() == before


def test_a_session_comes_back_over_the_pointer_it_left(edge: Place, city: Place) -> None:
    edge.write({"x": "1"})
    city.move_from(edge)
    city.write({"x": "2"})
    assert edge.move_from(city, "back").epoch == 3
    assert edge.content() == ({"x": "2"}, {})
    assert city.begin() == Redirect("edge-a")


def test_what_is_staged_further_takes_prepared_back(city: Place) -> None:
    city.prepared(Scalar("x", b"s1"))
    city.stage(packet(Scalar("x", b"s2")), number=2)
    assert city.arrival().version == 0
    city.stage(packet(Scalar("x", b"s3")), number=3, complete=11)
    assert city.arrival().version == 11


def test_only_the_version_that_is_prepared_becomes_resident_and_only_once(city: Place) -> None:
    activate = city.store.destination.activate
    unprepared = city.staged(Scalar("x", b"s1"))
    assert activate([unprepared, replace(unprepared, version=9)]) == [None, None]
    city.stage(packet(), number=2, complete=9)
    arrival = city.arrival()
    others = [replace(arrival, transfer="other"), replace(arrival, version=8)]
    assert activate(others) == [None, None]
    assert activate([arrival]) == [TOKEN.moved_to("city")]
    before = city.dump()
    assert activate([arrival]) == [None]
    assert city.dump() == before
    assert (city.token(), city.residents_of("edge-a")) == (TOKEN.moved_to("city"), ["s"])


def test_what_was_asked_for_before_the_server_died_is_asked_for_again(city: Place) -> None:
    arrival, before = city.prepared(Scalar("x", b"s1")), city.dump()
    assert city.store.destination.activate([replace(arrival, run="before")]) == [None]
    assert city.dump() == before


def test_each_stay_has_its_own_id(edge: Place, city: Place) -> None:
    edge.write({"x": "1"})
    stays = {edge.page().offer.stay}
    city.move_from(edge)
    stays.add(city.page().offer.stay)
    edge.move_from(city, "back")
    stays.add(edge.page().offer.stay)
    assert len(stays) == 3


def test_of_many_each_is_staged_by_itself(city: Place) -> None:
    city.prepared()
    city.client.set("edge:{spoilt}:scalars", "no hash")
    spoilt, other = (
        changed(packet(Scalar("x", b"s1")), token=changed(TOKEN, session=name))
        for name in ("spoilt", "other")
    )
    stagings = [staging(packet(), "u"), staging(spoilt), staging(other, complete=9)]
    assert [type(each) for each in city.store.destination.stage(stagings)] == [
        NotOpen,
        OutcomeUnknown,
        Arrival,
    ]
    assert city.arrival("other").version == 9


@pytest.mark.parametrize(
    ("proprietary", "told"), [("city", []), ("edge-a", []), ("edge-b", ["edge-b"])]
)
def test_a_proprietary_that_took_no_part_in_the_move_is_told(
    city: Place, proprietary: str, told: list[str]
) -> None:
    token = changed(TOKEN, proprietary_location=proprietary)
    arrival = city.stage(changed(packet(), token=token), complete=9)
    moved = token.moved_to("city")
    assert city.store.destination.activate([arrival]) == [moved]
    messages = [entry.message for entry in city.store.outbox.claim_new()]
    assert messages == [Update(to, moved) for to in told]


def test_a_discarded_arrival_leaves_nothing(city: Place) -> None:
    arrival = city.staged(Scalar("x", b"s1"), *(ListPart(name, 1, 0, (b"se",)) for name in "abc"))
    assert city.store.destination.discard(arrival)
    assert city.keys() == []
    assert not city.store.destination.discard(arrival)


def test_a_prepared_arrival_is_discarded_only_with_the_version_that_is_over(city: Place) -> None:
    arrival, before = city.prepared(Scalar("x", b"s1")), city.dump()
    for transfer, version in (("t", 0), ("t", 8), ("other", 9), ("other", 0)):
        other = replace(arrival, transfer=transfer, version=version)
        assert not city.store.destination.discard(other)
        assert not city.store.destination.set_aside(other, "why")
    assert city.dump() == before
    assert city.store.destination.discard(arrival)
    assert city.keys() == []


def test_what_is_set_aside_is_kept_under_a_name_of_its_own(city: Place) -> None:
    for transfer in "tu":
        city.stage(packet(Scalar("x", b"s1"), ListPart("a", 1, 0, (b"se",))), transfer, complete=9)
        assert city.store.destination.set_aside(city.arrival(), "why")
    kept = ("arrival", "list:0", "lists", "scalars", "versions")
    names = sorted({*city.keys()} - {keys.ASIDES})
    assert names == sorted(f"edge-aside:{t}:{{s}}:{part}" for t in "tu" for part in kept)
    assert all(0 < city.client.ttl(key) <= 30 * 24 * 3600 for key in names)


def test_a_resident_session_is_never_discarded(city: Place) -> None:
    arrival = city.prepared(Scalar("x", b"s1"))
    city.store.destination.activate([arrival])
    before = city.dump()
    for version in (0, 9):
        assert not city.store.destination.discard(replace(arrival, version=version))
    assert city.dump() == before


def test_what_a_mover_still_stages_is_not_idle(city: Place) -> None:
    discard, arrival = city.store.destination.discard, city.staged()
    city.clock.advance(FREEZE_TIMEOUT_S - 0.001)
    assert not discard(arrival, is_idle=True)
    city.stage(packet(Scalar("x", b"s1")), number=2)
    city.clock.advance(0.001)
    assert not discard(arrival, is_idle=True)
    city.clock.advance(FREEZE_TIMEOUT_S)
    assert discard(arrival, is_idle=True)


def test_a_discard_names_every_list_before_it_drops_any(
    city: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrival = city.staged(*(ListPart(name, 1, 0, (b"se",)) for name in "abc"))
    named = [f"edge:{{s}}:list:{number}" for number in range(3)]
    answers = iter([[], named[:2], named])
    monkeypatch.setattr(Scripts, "list_keys", lambda *_: next(answers))
    assert city.store.destination.discard(arrival)
    assert list(answers) == []
    assert city.keys() == []
