"""Begin, read, commit, release, renew: a request on a real server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from edgedb.errors import SessionChanged, SessionLost
from edgedb.session import Changes
from edgedb.store.limits import REPLY_TTL_MS
from edgedb.store.requests import Absent, Redirect, Replay, Run, Wait
from edgedb.wire.model import Propagation
from tests.integration.store.steps import LOCK_TTL_S, Place, changes

MESSAGE = Propagation.of("m1", "cloud", "tally", "milk", "edge-a")


def test_an_unknown_session_is_created_here_with_epoch_1(edge: Place) -> None:
    run = edge.run()
    assert (run.token.proprietary_location, run.token.current_location) == ("edge-a", "edge-a")
    assert (run.token.function, run.token.epoch, run.last) == ("cart", 1, "")
    assert (run.snapshot.scalars, run.snapshot.lists) == ({}, {})


def test_reading_an_unknown_session_creates_nothing(edge: Place) -> None:
    assert edge.content() == ({}, {})
    assert edge.keys() == []


@pytest.mark.parametrize("lock", ["a lock", ""])
def test_a_session_that_should_exist_is_not_created(edge: Place, city: Place, lock: str) -> None:
    assert edge.begin(lock=lock, home="edge-a") == Absent()
    assert edge.keys() == []
    edge.run(lock="first")
    before = edge.dump()
    assert edge.begin(lock=lock, home="edge-a") == Absent()
    assert edge.dump() == before
    edge.store.requests.release(edge.run(lock="first"))
    edge.write({"x": "1"})
    before = edge.dump()
    assert edge.begin(lock=lock, home="city") == Absent()
    assert edge.dump() == before
    assert isinstance(edge.begin(lock=lock, home="edge-a"), Run)
    edge.store.requests.release(edge.run(lock="a lock"))
    city.move_from(edge)
    assert isinstance(city.begin(lock=lock, home="edge-a"), Run)
    assert [edge.begin(lock=lock, home=home) for home in ("edge-a", "city")] == [
        Redirect("city"),
        Absent(),
    ]


def test_where_a_session_is_and_its_repeats_are_told_with_its_home(
    edge: Place, city: Place
) -> None:
    edge.write({"x": "1"}, key="key")
    city.take(edge)
    assert city.begin(home="edge-a") == Wait("arriving")
    assert city.begin(home="city") == Absent()
    city.store.destination.discard(city.arrival())
    city.stage(edge.page())
    assert city.begin(home="city") == Absent()
    for outcome in (edge.begin(idempotency_key="key"), city.begin(home="edge-a"), edge.run()):
        assert outcome.home == "edge-a"
    assert edge.run("unknown", lock="").home == ""


def test_a_session_that_was_never_committed_leaves_nothing_behind(edge: Place) -> None:
    edge.store.requests.release(edge.run())
    assert edge.keys() == []
    edge.run("forgotten")
    assert 0 < edge.client.pttl("edge:{forgotten}:meta") <= 2 * LOCK_TTL_S * 1000
    edge.write(session="kept")
    assert edge.client.pttl("edge:{kept}:meta") == -1


def test_a_new_session_outlives_the_lock_of_every_request_that_runs_in_it(edge: Place) -> None:
    edge.run()
    edge.client.pexpire("edge:{s}:meta", 1000)  # the first request hangs, its time goes by
    edge.clock.advance(LOCK_TTL_S)
    edge.run()
    assert edge.client.pttl("edge:{s}:meta") > LOCK_TTL_S * 1000


def test_one_request_at_a_time_has_a_session(edge: Place) -> None:
    run = edge.run()
    assert edge.begin(lock="other") == Wait("locked")
    edge.run("another session")
    edge.store.requests.commit(run, changes())
    edge.run(lock="other")


def test_reading_needs_no_lock_and_sees_what_is_committed(edge: Place) -> None:
    edge.write({"x": "1"})
    edge.run()
    assert edge.content() == ({"x": "1"}, {})


def test_a_repeated_begin_has_the_lock_that_the_first_took(edge: Place) -> None:
    first, again = edge.run(lock="mine"), edge.run(lock="mine")
    assert first == again
    assert edge.begin(lock="other") == Wait("locked")


def test_a_lock_ends_with_its_time_unless_it_is_renewed(edge: Place) -> None:
    run = edge.run()
    edge.clock.advance(LOCK_TTL_S - 0.001)
    assert edge.begin() == Wait("locked")
    assert edge.store.requests.renew(run)
    edge.clock.advance(LOCK_TTL_S - 0.001)
    assert edge.begin(lock="other") == Wait("locked")
    edge.clock.advance(0.001)
    edge.run(lock="other")
    assert not edge.store.requests.renew(run)


def test_a_request_that_lost_its_lock_changes_nothing(edge: Place) -> None:
    edge.write({"x": "1"}, {"words": ["one"]})
    late = edge.run()
    edge.clock.advance(LOCK_TTL_S)
    edge.run()
    before = edge.dump()
    written = Changes({"x": "2"}, changes(appended={"words": ["two"]}).lists, (MESSAGE,))
    with pytest.raises(SessionLost):
        edge.store.requests.commit(late, written, "key", b"reply")
    edge.store.requests.release(late)
    assert edge.dump() == before


def test_a_commit_is_for_the_epoch_its_request_began_in(edge: Place) -> None:
    run, before = edge.run(), edge.dump()
    later = replace(run, token=changed(run.token, epoch=2))
    with pytest.raises(SessionLost):
        edge.store.requests.commit(later, changes({"x": "1"}))
    assert edge.dump() == before


def test_a_released_session_is_as_it_was_and_free(edge: Place) -> None:
    edge.write({"x": "1"})
    before = edge.dump()
    run = edge.run()
    edge.store.requests.release(run)
    edge.store.requests.release(run)
    assert edge.dump() == before


def test_a_commit_applies_everything_and_frees_the_session(edge: Place) -> None:
    edge.write({"keep": "k", "change": "1", "drop": "d"}, {"a": ["a0"], "b": ["b0"], "c": ["c0"]})
    edge.write({"change": b"2", "drop": None}, {"a": ["a1"]}, {"b": [], "c": ["c1"]})
    assert edge.content() == ({"keep": "k", "change": b"2"}, {"a": ("a0", "a1"), "c": ("c1",)})
    assert edge.page().version > 1
    edge.run()


def test_what_a_lock_says_of_itself_is_gone_with_it(edge: Place) -> None:
    edge.write({"x": "1"})
    at_rest = set(edge.client.hkeys("edge:{s}:meta"))
    run = edge.run()
    assert edge.client.hget("edge:{s}:meta", "lock_function") == b"cart"
    assert edge.store.requests.renew(run)
    edge.store.requests.commit(run, changes({"x": "2"}))
    assert set(edge.client.hkeys("edge:{s}:meta")) == at_rest
    edge.run()
    edge.clock.advance(LOCK_TTL_S)
    edge.give_away("city")
    assert not any(name.startswith(b"lock") for name in edge.client.hkeys("edge:{s}:meta"))
    assert not any(name.startswith(b"lock") for name in at_rest)


def test_a_commit_that_is_repeated_takes_effect_once(edge: Place) -> None:
    run = edge.run()
    written = Changes({"x": "1"}, changes(appended={"words": ["one"]}).lists, (MESSAGE,))
    for _ in range(2):
        edge.store.requests.commit(run, written, "key", b"reply")
    assert edge.content() == ({"x": "1"}, {"words": ("one",)})
    assert [entry.message for entry in edge.store.outbox.claim_new()] == [MESSAGE]


@pytest.mark.parametrize("meanwhile", ["other-request", "move"])
def test_a_commit_repeated_too_late_is_not_applied_again(edge: Place, meanwhile: str) -> None:
    run = edge.run()
    written = changes(appended={"words": ["one"]})
    edge.store.requests.commit(run, written)
    if meanwhile == "move":
        edge.give_away("city")
    else:
        edge.write(appended={"words": ["two"]})
    before = edge.dump()
    with pytest.raises(SessionLost):  # the first answer is lost: who repeats needs a key
        edge.store.requests.commit(run, written)
    assert edge.dump() == before


def test_a_reply_is_replayed_for_its_key_until_its_day_is_over(edge: Place) -> None:
    edge.write({"x": "1"}, key="key", reply=b"first\nreply\x00")
    edge.clock.now_ms += REPLY_TTL_MS - 1
    assert edge.begin(idempotency_key="key") == Replay(b"first\nreply\x00")
    edge.clock.now_ms += 1
    edge.run(idempotency_key="key")


def test_a_reply_is_replayed_while_another_request_runs_or_a_move_is_under_way(edge: Place) -> None:
    edge.write(key="key", reply=b"first")
    edge.run()
    assert edge.begin(idempotency_key="key") == Replay(b"first")
    edge.store.source.hold(edge.offer())
    assert edge.begin(idempotency_key="key") == Replay(b"first")
    assert edge.begin(idempotency_key="other") == Wait("held")


def test_replies_that_are_over_their_time_make_room(edge: Place) -> None:
    for n in range(4):
        edge.write(key=f"old-{n}", reply=b"x")
    edge.clock.now_ms += REPLY_TTL_MS
    for n in range(4):
        edge.write(key=f"new-{n}", reply=b"x")
    assert set(edge.client.hkeys("edge:{s}:replies")) == {b"new-%d" % n for n in range(4)}
    assert edge.client.zcard("edge:{s}:reply-index") == 4


def test_a_session_elsewhere_is_redirected_to(edge: Place) -> None:
    edge.write({"x": "1"})
    edge.give_away("city")
    assert edge.begin() == edge.begin(lock="") == Redirect("city")


def test_a_read_of_a_request_that_lost_its_session_is_refused(edge: Place) -> None:
    edge.write({"x": "1"}, {"words": ["one"]})
    late = edge.run()
    edge.clock.advance(LOCK_TTL_S)
    edge.run()
    with pytest.raises(SessionChanged):
        edge.store.requests.scalar(late, "x")
    with pytest.raises(SessionChanged):
        edge.store.requests.elements(late, "words")


def test_a_read_without_a_lock_is_refused_once_the_session_has_changed(edge: Place) -> None:
    edge.write({"x": "1"})
    reading = edge.run(lock="")
    assert edge.store.requests.scalar(reading, "x") == "1"
    edge.write({"y": "2"})
    with pytest.raises(SessionChanged):
        edge.store.requests.scalar(reading, "x")


def test_node_local_state_is_apart_from_sessions_and_in_no_index(edge: Place) -> None:
    edge.write({"x": "session"})
    before = edge.store.residents.load()
    run = edge.run(node_local=True)
    edge.store.requests.commit(run, changes({"x": "local"}))
    assert edge.run(lock="", node_local=True).snapshot.scalars == {"x": "local"}
    assert edge.content() == ({"x": "session"}, {})
    assert edge.store.residents.load() == before
