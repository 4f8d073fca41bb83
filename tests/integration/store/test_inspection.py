"""To look is to see one moment and to change nothing; each mending step looks again itself."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from edgedb.errors import Conflict, SessionBusy
from edgedb.store import keys
from edgedb.store.inspection import State
from edgedb.store.keys import SessionKeys, split
from edgedb.store.limits import REMEMBERED_MS
from tests.integration.store.steps import Place
from tests.support.threads import at_once

PARTS = ["meta", "scalars", "lists", "versions", "gone", "replies", "reply-index", "arrival"]
SEEN = [*PARTS, "list:0", "list:1", "unknown"]
INDEXES = [keys.BY_SIZE, keys.ARRIVALS, keys.residents_of("edge-a"), keys.residents_of("city")]


@pytest.mark.parametrize("session", ["s", "a}:b", "}:", "{", "edge:{s}:meta", "ü 🛒"])
def test_a_key_says_whose_part_it_is(session: str) -> None:
    where = SessionKeys(session)
    for part in PARTS:
        assert split(where.part(part)) == (session, part)
    assert split(where.list(7)) == (session, "list:7")


@pytest.mark.parametrize("name", [keys.BY_SIZE, keys.ARRIVALS, keys.OUTBOX, keys.STATUS, "edge:{"])
def test_a_key_of_no_session_is_told_from_one(name: str) -> None:
    assert split(name) is None


def look(place: Place, session: str = "s") -> State:
    """Look at a session all of whose parts have been seen."""
    (state,) = place.store.inspection.look({session: SEEN})
    return state


def mend(place: Place, session: str = "s") -> None:
    """Take every step, whether it is due or not."""
    for index in INDEXES:
        place.store.mending.reindex(index, [session])
    place.store.mending.set_aside(session, SEEN[1:])
    place.store.mending.recount()


def test_what_is_in_order_is_not_mended(edge: Place, city: Place) -> None:
    edge.write({"a": "1"}, {"list": ["x"]}, key="k", reply=b"r")
    edge.write({"a": "1"}, session="left")
    edge.give_away("city", session="left")
    city.take(edge)
    for place in (edge, city):
        before = place.dump()
        for session in ("s", "left", "nobody's"):
            assert not [*look(place, session).misplaced(), *look(place, session).unowned()]
        counted, true = place.store.inspection.total() or (0, 1)
        assert counted == true
        for session in ("s", "left", "nobody's"):
            mend(place, session)
        assert place.dump() == before


def test_a_new_session_is_not_indexed_before_its_first_commit(edge: Place) -> None:
    edge.run()
    assert not look(edge).misplaced()
    mend(edge)
    assert edge.client.zcard(keys.BY_SIZE) == 0


def test_a_list_that_an_arrival_does_not_name_is_set_aside(edge: Place, city: Place) -> None:
    edge.write({"a": "1"}, {"list": ["x"]})
    city.take(edge)
    city.client.rpush("edge:{s}:list:1", "lost")
    assert look(city).unowned() == ["list:1"]
    mend(city)
    assert not look(city).unowned()
    _, (aside,) = city.store.aside.listed()
    assert city.client.lrange(f"edge-aside:{aside.id}:{{s}}:list:1", 0, -1) == [b"lost"]
    assert city.client.exists("edge:{s}:scalars", "edge:{s}:list:0") == 2


def test_a_full_node_is_put_in_order_too(edge: Place) -> None:
    edge.write({"a": "1"})
    edge.client.zadd(keys.BY_SIZE, {"s": 99})
    edge.client.config_set("maxmemory", 1)
    try:
        edge.store.mending.reindex(keys.BY_SIZE, ["s"])
    finally:
        edge.client.config_set("maxmemory", 0)
    assert not look(edge).misplaced()


def test_a_copy_is_adopted_once(edge: Place, city: Place) -> None:
    edge.write({"a": "1"})
    arrival = city.take(edge)
    token = arrival.token.moved_to("city")
    assert city.store.destination.adopt(arrival) == token
    assert city.store.destination.adopt(arrival) is None
    assert city.content() == ({"a": "1"}, {})
    assert city.store.residents.load().sessions == 1
    assert not look(city).misplaced()
    assert city.token() == token


def test_a_copy_of_another_version_or_transfer_is_not_adopted(edge: Place, city: Place) -> None:
    edge.write({"a": "1"})
    arrival = city.take(edge)
    before = city.dump()
    for other in (replace(arrival, version=99), replace(arrival, transfer="x")):
        assert city.store.destination.adopt(other) is None
    assert city.dump() == before


def test_a_copy_is_not_adopted_where_a_later_owner_is_known(edge: Place, city: Place) -> None:
    edge.write({"a": "1"})
    arrival = city.take(edge)
    later = {"current": "cloud", "proprietary": "edge-a", "epoch": arrival.token.epoch + 1}
    city.client.hset("edge:{s}:meta", mapping=later)
    before = city.dump()
    assert city.store.destination.adopt(arrival) is None
    assert city.dump() == before


@pytest.mark.parametrize("change", [{"current_location": "cloud"}, {"epoch": 7}])
def test_only_the_pointer_that_was_found_is_changed(edge: Place, change: dict[str, str]) -> None:
    edge.write({"a": "1"})
    edge.give_away("city")
    found, before, repoint = edge.token(), edge.dump(), edge.store.mending.repoint
    with pytest.raises(Conflict):
        repoint(changed(found, **change), None)
    assert edge.dump() == before
    repoint(found, changed(found, current_location="cloud", epoch=5))
    assert (edge.token().current_location, edge.token().epoch) == ("cloud", 5)
    repoint(edge.token(), None)
    assert edge.store.residents.token("s") is None
    _, (aside,) = edge.store.aside.listed()
    assert aside.token == changed(found, current_location="cloud", epoch=5)
    kept = [keys.ASIDES, keys.STATUS, f"edge-aside:{aside.id}:{{s}}:meta", "edge:{s}:meta"]
    assert edge.keys() == sorted(kept)


def test_of_a_session_that_was_forgotten_its_epoch_is_kept_for_a_day(edge: Place) -> None:
    edge.write({"a": "1"})
    edge.give_away("city")
    edge.store.mending.repoint(edge.token(), None)
    assert edge.client.hgetall("edge:{s}:meta") == {b"epoch": b"2"}
    assert 0 < edge.client.pttl("edge:{s}:meta") <= REMEMBERED_MS


def test_what_is_here_or_arrives_is_no_pointer_to_forget(edge: Place, city: Place) -> None:
    edge.write({"a": "1"})
    with pytest.raises(Conflict):
        edge.store.mending.repoint(edge.token(), None)
    city.move_from(edge)
    edge.take(city, "home")
    with pytest.raises(Conflict):
        edge.store.mending.repoint(edge.token(), None)


def test_what_changes_while_it_is_looked_at_is_in_order_and_stays_so(edge: Place) -> None:
    """Sessions are written while they are looked at, put in order, and added up."""
    names = [f"s{n}" for n in range(3)]

    def work(n: int) -> None:
        for size in range(50):
            if n < len(names):
                edge.write({"a": "y" * size}, session=names[n])
                continue
            assert not any(
                s.misplaced() for s in edge.store.inspection.look(dict.fromkeys(names, ()))
            )
            counted, true = edge.store.inspection.total() or (0, 0)
            assert counted == true
            edge.store.mending.reindex(keys.BY_SIZE, names)
            with suppress(SessionBusy):
                edge.store.mending.recount()

    at_once(4, work)
    counted, true = edge.store.inspection.total() or (0, 1)
    assert counted == true > 0


def test_a_wrong_total_is_given_with_the_true_one(edge: Place) -> None:
    edge.write({"ab": "cd"})
    edge.client.hset(keys.STATUS, "bytes", 1000)
    true = int(edge.client.zscore(keys.BY_SIZE, "s") or 0)
    assert edge.store.inspection.total() == (1000, true)
    edge.store.mending.recount()
    assert edge.store.inspection.total() == (true, true)
    assert edge.client.hget(keys.STATUS, "bytes") == str(true).encode()


def test_a_total_that_cannot_be_added_up_is_not_said_to_be_mended(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgedb.store.inspection.WEIGHINGS", 0)
    assert edge.store.inspection.total() is None
    with pytest.raises(SessionBusy):
        edge.store.mending.recount()
