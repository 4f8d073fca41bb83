"""What is in the way of a session is set aside, never deleted, and can be had back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from edgedb.errors import Conflict, NotFound, SessionLost, StaleToken, TooLarge
from edgedb.store import aside as asides, keys
from edgedb.store.aside import Aside
from edgedb.store.limits import ASIDE_MS, REMEMBERED_MS
from edgedb.wire.items import ListPart, Scalar
from edgedb.wire.model import SessionToken
from tests.integration.store.steps import Place, changes, packet

KEPT = SessionToken("s", "edge-a", "city", "cart", 5)
"""Where the session is kept, in the place of the one that is here."""


@pytest.fixture
def written(edge: Place) -> Place:
    """Give a node with a session that has something of everything."""
    edge.write({"a": "1", "b": b"\xff"}, {"list": ["x", "y"], "other": ["z"]}, key="k", reply=b"r")
    edge.write({"a": None}, {"list": ["more"]})
    return edge


def names(place: Place, part: str) -> list[str]:
    """Name the keys that have a part in their name."""
    found = place.keys()
    return [name for name in found if part in name]


def only(place: Place) -> Aside:
    """Give the only thing that is set aside."""
    position, (aside,) = place.store.aside.listed()
    assert position == 0
    return aside


def test_a_session_that_is_ceded_is_set_aside_whole_and_leaves_a_pointer(written: Place) -> None:
    before, version = written.token(), written.page().version
    content = written.content()
    ids = written.store.aside.cede([KEPT], "why")
    assert written.token() == KEPT
    aside = only(written)
    assert ids == [aside.id]
    assert (aside.token, aside.version, aside.why) == (before, version, "why")
    assert aside.since_ms == written.clock()
    assert aside.bytes > 500
    shown = written.store.aside.content(aside)
    assert (shown.scalars, shown.lists) == content
    assert names(written, "edge:{") == ["edge:{s}:meta"]
    kept = names(written, f"edge-aside:{aside.id}:{{s}}:")
    assert len(kept) == 9
    assert all(0 < written.client.pttl(name) <= ASIDE_MS for name in (*kept, keys.ASIDES))


def test_what_is_ceded_is_in_no_book_any_more(written: Place) -> None:
    written.store.aside.cede([KEPT], "why")
    load = written.store.residents.load()
    assert load.sessions == 0
    counted, true = written.store.inspection.total() or (0, 1)
    assert counted == true == 0
    assert int(written.client.hget(keys.STATUS, "pointers") or 0) > 0


def test_a_repeated_step_says_so_again_and_changes_nothing(written: Place) -> None:
    written.store.aside.cede([KEPT], "why")
    before = written.dump()
    assert written.store.aside.cede([KEPT], "why") == [""]
    assert written.dump() == before


def test_a_session_that_is_retired_leaves_its_epoch(written: Place) -> None:
    token = written.token()
    assert written.store.aside.retire([token], "why") == [only(written).id]
    assert written.client.hgetall("edge:{s}:meta") == {b"epoch": b"1"}
    assert 0 < written.client.pttl("edge:{s}:meta") <= REMEMBERED_MS
    assert written.store.aside.retire([token], "why") == [""]
    written.write({"a": "anew"})
    assert written.token().epoch == 2


@pytest.mark.parametrize("epoch", [0, 1])
def test_what_is_no_older_is_not_ceded(written: Place, epoch: int) -> None:
    before = written.dump()
    (answer,) = written.store.aside.cede([replace(KEPT, epoch=epoch)], "why")
    assert isinstance(answer, StaleToken)
    (answer,) = written.store.aside.retire([replace(KEPT, epoch=epoch + 2)], "why")
    assert isinstance(answer, StaleToken)
    assert written.dump() == before


def test_the_session_of_another_location_is_not_ceded(written: Place) -> None:
    before = written.dump()
    (answer,) = written.store.aside.cede([replace(KEPT, proprietary_location="edge-b")], "why")
    assert isinstance(answer, Conflict)
    assert written.dump() == before


def test_a_pointer_follows_and_what_is_not_known_gets_one(written: Place) -> None:
    written.give_away("city")
    cloud = replace(KEPT, current_location="cloud")
    new = replace(cloud, session="new")
    assert written.store.aside.cede([cloud, new], "why") == ["", ""]
    assert written.store.residents.tokens(["s", "new"]) == [cloud, new]
    assert written.store.aside.listed() == (0, [])
    spent = sum(int(written.client.hget(f"edge:{{{s}}}:meta", "size") or 0) for s in ("s", "new"))
    assert int(written.client.hget(keys.STATUS, "pointers") or 0) == spent


def test_a_request_that_runs_meanwhile_writes_nothing(written: Place) -> None:
    run = written.run()
    written.store.aside.cede([KEPT], "why")
    with pytest.raises(SessionLost):
        written.store.requests.commit(run, changes({"a": "lost"}))
    assert written.token() == KEPT


def test_a_session_that_nobody_was_told_of_leaves_nothing(edge: Place) -> None:
    edge.run()
    assert edge.store.aside.cede([KEPT], "why") == [""]
    assert (edge.token(), edge.store.aside.listed()) == (KEPT, (0, []))
    assert edge.client.pttl("edge:{s}:meta") == -1


def test_a_full_node_cedes_too(written: Place) -> None:
    written.client.config_set("maxmemory", 1)
    try:
        assert written.store.aside.cede([KEPT], "why") == [only(written).id]
    finally:
        written.client.config_set("maxmemory", 0)


def test_many_lists_are_set_aside_too(edge: Place) -> None:
    for first in range(0, 9000, 3000):
        edge.write(None, {f"{n}": ["x"] for n in range(first, first + 3000)})
    edge.store.aside.cede([KEPT], "why")
    assert len(edge.store.aside.content(only(edge)).lists) == 9000


def ceded(place: Place) -> Aside:
    place.store.aside.cede([KEPT], "why")
    return only(place)


def test_what_is_restored_is_a_session_like_any_other(written: Place) -> None:
    content, version = written.content(), written.page().version
    token = written.store.aside.restore(ceded(written), "again", "edge-a")
    assert token == written.token("again") == SessionToken("again", "edge-a", "edge-a", "cart", 2)
    assert written.content("again") == content
    assert written.page(session="again").version == version
    assert written.store.aside.listed() == (0, [])
    assert not names(written, "edge-aside")
    (state,) = written.store.inspection.look({"again": ()})
    assert not state.misplaced()
    counted, true = written.store.inspection.total() or (0, 1)
    assert counted == true
    assert type(written.begin("again", idempotency_key="k")).__name__ == "Replay"
    written.write({"a": "2"}, {"list": ["z"]}, session="again")
    assert written.content("again")[1]["list"] == ("x", "y", "more", "z")


def test_a_copy_that_was_set_aside_is_restored(city: Place) -> None:
    city.stage(packet(Scalar("x", b"s1"), ListPart("a", 1, 0, (b"se",))), complete=9)
    assert city.store.destination.set_aside(city.arrival(), "why")
    token = city.store.aside.restore(only(city), "s", "edge-a")
    assert token == SessionToken("s", "edge-a", "city", "cart", 2)
    assert city.content() == ({"x": "1"}, {"a": ("e",)})


def resident(place: Place) -> None:
    place.write({"a": "1"}, session="again")


def pointer(place: Place) -> None:
    resident(place)
    place.give_away("city", "again")


def arriving(place: Place) -> None:
    token = SessionToken("again", "edge-a", "city", "cart", 2)
    place.stage(replace(packet(Scalar("x", b"s1")), token=token))


@pytest.mark.parametrize("take", [resident, pointer, arriving])
def test_nothing_is_overwritten(written: Place, take: Callable[[Place], None]) -> None:
    aside = ceded(written)
    take(written)
    before = written.dump()
    with pytest.raises(Conflict):
        written.store.aside.restore(aside, "again", "edge-a")
    assert written.dump() == before


def test_data_without_a_session_can_be_shown_and_not_restored(edge: Place) -> None:
    edge.client.hset("edge:{s}:scalars", mapping={"x": "s1"})
    edge.store.mending.set_aside("s", ["scalars"])
    aside = only(edge)
    assert edge.store.aside.content(aside).scalars == {"x": "1"}
    with pytest.raises(NotFound):
        edge.store.aside.restore(aside, "again", "edge-a")
    assert only(edge) == aside


def test_a_pointer_that_was_set_aside_is_no_session(written: Place) -> None:
    written.give_away("city")
    written.store.mending.repoint(written.token(), None)
    with pytest.raises(NotFound):
        written.store.aside.restore(only(written), "again", "edge-a")


def test_what_is_over_its_time_is_not_listed(written: Place) -> None:
    ceded(written)
    written.clock.advance(ASIDE_MS / 1000)
    assert written.store.aside.listed() == (0, [])


def test_what_is_not_there_is_not_known(edge: Place) -> None:
    with pytest.raises(NotFound):
        edge.store.aside.known("none")


def test_what_is_too_large_is_not_shown(written: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asides, "SHOWN_BYTES", 100)
    with pytest.raises(TooLarge):
        written.store.aside.content(ceded(written))


def test_what_is_kept_is_in_a_later_epoch(written: Place) -> None:
    content, kept = written.content(), replace(KEPT, current_location="edge-a")
    for _ in range(2):
        written.store.aside.keep(kept)
        assert (written.token(), written.content()) == (kept, content)


@pytest.mark.parametrize("change", [{"epoch": 0}, {"proprietary_location": "edge-b"}])
def test_only_what_is_here_is_kept(written: Place, change: dict[str, str]) -> None:
    before = written.dump()
    with pytest.raises(Conflict):
        written.store.aside.keep(replace(KEPT, **change))
    assert written.dump() == before
    written.give_away("city")
    with pytest.raises(Conflict):
        written.store.aside.keep(KEPT)
