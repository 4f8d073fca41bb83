"""Each look is one atomic step: what is in order now is not touched, whatever was seen before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgedb.store import keys
from edgedb.store.keys import SessionKeys, split
from tests.integration.store.steps import TOKEN, Place
from tests.support.threads import at_once

PARTS = ["meta", "scalars", "lists", "versions", "gone", "replies", "reply-index", "arrival"]


@pytest.mark.parametrize("session", ["s", "a}:b", "}:", "{", "edge:{s}:meta", "ü 🛒"])
def test_a_key_says_whose_part_it_is(session: str) -> None:
    where = SessionKeys(session)
    for part in PARTS:
        assert split(where.part(part)) == (session, part)
    assert split(where.list(7)) == (session, "list:7")


@pytest.mark.parametrize("name", [keys.BY_SIZE, keys.ARRIVALS, keys.OUTBOX, keys.STATUS, "edge:{"])
def test_a_key_of_no_session_is_told_from_one(name: str) -> None:
    assert split(name) is None


def test_a_scan_gives_every_key(edge: Place) -> None:
    for n in range(300):
        edge.write({"a": "1"}, session=f"s{n}")
    found, position = set[str](), 0
    while True:
        position, names = edge.store.examination.scan(position)
        found |= set(names)
        if position == 0:
            break
    assert found == set(edge.keys())


def test_what_is_in_order_is_not_mended(edge: Place) -> None:
    edge.write({"a": "1"}, {"list": ["x"]}, key="k", reply=b"r")
    before, look = edge.dump(), edge.store.examination
    token = edge.token()
    assert not look.is_unindexed(token, mend=True)
    assert not look.is_stranger(keys.BY_SIZE, "s", mend=True)
    assert not look.is_stranger(keys.residents_of("edge-a"), "s", mend=True)
    assert not look.is_stranger(keys.ARRIVALS, "nobody", mend=True)
    assert look.wrong_total(mend=True) is None
    assert not look.is_unlisted("s", mend=True)
    assert not any(look.is_orphaned("s", part, mend=True) for part in [*PARTS[1:], "list:0"])
    assert edge.dump() == before


def test_a_session_that_left_after_it_was_seen_is_not_indexed(edge: Place) -> None:
    edge.write({"a": "1"})
    seen = edge.token()
    edge.give_away("city")
    before = edge.dump()
    assert not edge.store.examination.is_unindexed(seen, mend=True)
    assert edge.dump() == before


def test_a_new_session_is_not_indexed_before_its_first_commit(edge: Place) -> None:
    edge.run()
    assert not edge.store.examination.is_unindexed(TOKEN, mend=True)
    assert edge.client.zcard(keys.BY_SIZE) == 0


def test_data_that_an_arrival_owns_by_now_are_not_set_aside(edge: Place, city: Place) -> None:
    edge.write({"a": "1"}, {"list": ["x"]})
    city.take(edge)
    look = city.store.examination
    assert not any(look.is_orphaned("s", part, mend=True) for part in ["scalars", "list:0"])
    assert look.is_orphaned("s", "list:1", mend=True) is False
    city.client.rpush("edge:{s}:list:1", "lost")
    assert look.is_orphaned("s", "list:1", mend=True)
    assert not look.is_orphaned("s", "list:1", mend=True)


def test_a_copy_is_adopted_once(edge: Place, city: Place) -> None:
    edge.write({"a": "1"})
    arrival = city.take(edge)
    assert arrival.token is not None
    token = arrival.token.moved_to("city")
    assert city.store.examination.adopt(arrival, token)
    assert not city.store.examination.adopt(arrival, token)
    assert city.content() == ({"a": "1"}, {})
    assert city.store.residents.load().sessions == 1
    assert city.store.examination.wrong_total(mend=False) is None
    assert city.token() == token


def test_a_copy_under_another_grant_or_of_another_transfer_is_not_adopted(
    edge: Place, city: Place
) -> None:
    edge.write({"a": "1"})
    arrival = city.take(edge)
    before = city.dump()
    for other in (replace(arrival, grant="x"), replace(arrival, transfer="x")):
        assert not city.store.examination.adopt(other, replace(TOKEN, epoch=2))
    assert city.dump() == before


@pytest.mark.parametrize("change", [{"current_location": "cloud"}, {"epoch": 7}])
def test_only_the_pointer_that_was_found_is_changed(edge: Place, change: dict[str, str]) -> None:
    edge.write({"a": "1"})
    edge.give_away("city")
    found, before = edge.token(), edge.dump()
    assert not edge.store.examination.repoint(replace(found, **change), None)
    assert edge.dump() == before
    assert edge.store.examination.repoint(found, replace(found, current_location="cloud", epoch=5))
    assert (edge.token().current_location, edge.token().epoch) == ("cloud", 5)
    assert edge.store.examination.repoint(edge.token(), None)
    assert edge.keys() == [keys.STATUS]


def test_a_resident_is_no_pointer_to_forget(edge: Place) -> None:
    edge.write({"a": "1"})
    assert not edge.store.examination.repoint(edge.token(), None)
    assert edge.content() == ({"a": "1"}, {})


def test_what_arrives_over_a_pointer_keeps_it(edge: Place, city: Place) -> None:
    edge.write({"a": "1"})
    city.move_from(edge)
    edge.take(city, "home")
    assert not edge.store.examination.repoint(edge.token(), None)


def test_bytes_are_added_up_while_sessions_change(edge: Place) -> None:
    for n in range(50):
        edge.write({"a": "x" * n}, session=f"s{n}")
    found = list[object]()

    def work(n: int) -> None:
        if n == 0:
            found.extend(edge.store.examination.wrong_total(mend=True) for _ in range(50))
        else:
            for size in range(50):
                edge.write({"a": "y" * size}, session=f"s{n}")

    at_once(4, work)
    assert set(found) == {None}
    assert edge.store.examination.wrong_total(mend=False) is None


def test_a_wrong_total_is_given_with_the_true_one(edge: Place) -> None:
    edge.write({"ab": "cd"})
    edge.client.hset(keys.STATUS, "bytes", 1000)
    true = int(edge.client.zscore(keys.BY_SIZE, "s") or 0)
    assert edge.store.examination.wrong_total(mend=False) == (1000, true)
    assert edge.store.examination.wrong_total(mend=True) == (1000, true)
    assert edge.store.residents.load().size == true


def test_without_an_outbox_nobody_delivers_it(edge: Place) -> None:
    assert edge.store.outbox.idle_consumers(0, mend=True) == 0
    assert edge.keys() == []


def test_a_consumer_with_a_claimed_message_is_kept(edge: Place) -> None:
    edge.client.xadd(keys.OUTBOX, {"message": "unreadable"})
    edge.client.xgroup_create(keys.OUTBOX, keys.OUTBOX_GROUP, "0")
    edge.client.xreadgroup(keys.OUTBOX_GROUP, "busy", {keys.OUTBOX: ">"})
    edge.client.xgroup_createconsumer(keys.OUTBOX, keys.OUTBOX_GROUP, "gone")
    assert edge.store.outbox.idle_consumers(60_000, mend=True) == 0
    assert edge.store.outbox.idle_consumers(0, mend=True) == 1
    left = edge.client.xinfo_consumers(keys.OUTBOX, keys.OUTBOX_GROUP)
    assert [consumer["name"] for consumer in left] == [b"busy"]
