"""The queue for a session's lock: requests of different processes get it in the order they came."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgedb.store.limits import TICKET_MS
from edgedb.store.requests import Attempt, Replay, Run, Wait
from tests.integration.store.steps import LOCK_TTL_S, Place, attempt, changes

QUEUED = Wait("locked")


@pytest.fixture
def running(edge: Place) -> Run:
    """Let a request run in a session that has been committed to."""
    edge.write({"x": "1"})
    return edge.run(lock="running")


def end(edge: Place, run: Run) -> None:
    """Let a request end."""
    edge.store.requests.commit(run, changes({"x": run.lock}))


def leave(edge: Place, lock: str) -> None:
    """Let a request give up."""
    edge.store.requests.release(attempt(lock=lock))


def test_a_free_session_is_given_to_who_came_first(edge: Place, running: Run) -> None:
    for lock in ("first", "second", "third", "second", "first"):
        assert edge.begin(lock=lock) == QUEUED
    end(edge, running)
    for lock in ("newcomer", "third", "second"):
        assert edge.begin(lock=lock) == QUEUED
    for lock in ("first", "second", "third", "newcomer"):
        end(edge, edge.run(lock=lock))
    assert edge.client.hexists("edge:{s}:meta", "queue") == 0


def test_who_gives_up_is_waited_for_by_nobody(edge: Place, running: Run) -> None:
    for lock in ("first", "second", "third"):
        edge.begin(lock=lock)
    end(edge, running)
    leave(edge, "second")
    leave(edge, "first")
    assert edge.begin(lock="second") == QUEUED
    edge.run(lock="third")


def test_who_gives_up_alone_leaves_everything_as_it_was(edge: Place, running: Run) -> None:
    before = edge.dump()
    edge.begin(lock="first")
    leave(edge, "first")
    assert edge.dump() == before
    end(edge, running)


def test_a_request_that_died_is_waited_for_no_longer_than_half_a_second(
    edge: Place, running: Run
) -> None:
    edge.begin(lock="dead")
    end(edge, running)
    edge.clock.now_ms += TICKET_MS - 1
    assert edge.begin(lock="second") == QUEUED
    edge.clock.now_ms += 1
    edge.run(lock="second")


def test_a_request_that_asks_again_keeps_its_place(edge: Place, running: Run) -> None:
    for _ in range(3):
        assert edge.begin(lock="first") == edge.begin(lock="second") == QUEUED
        edge.clock.now_ms += TICKET_MS - 1
    end(edge, running)
    assert edge.begin(lock="second") == QUEUED
    edge.run(lock="first")


def test_a_ticket_of_a_time_to_come_is_over(edge: Place, running: Run) -> None:
    """The server's clock was set back."""
    edge.begin(lock="first")
    end(edge, running)
    edge.clock.advance(-3600)
    edge.run(lock="second")


def test_a_lock_that_runs_out_goes_to_who_came_first(edge: Place, running: Run) -> None:
    edge.begin(lock="first")
    edge.clock.advance(LOCK_TTL_S - 0.1)
    edge.begin(lock="first")
    edge.clock.advance(0.1)
    assert edge.begin(lock="second") == QUEUED
    edge.run(lock="first")
    assert running.lock not in str(edge.client.hgetall("edge:{s}:meta"))


def test_a_repeated_begin_does_not_queue_behind_those_who_wait_for_it(
    edge: Place, running: Run
) -> None:
    edge.begin(lock="first")
    assert edge.run(lock="running").lock == running.lock


def test_a_repeat_that_is_answered_leaves_the_queue(edge: Place, running: Run) -> None:
    assert edge.begin(lock="repeat", idempotency_key="key") == QUEUED
    edge.begin(lock="second")
    edge.store.requests.commit(running, changes(), "key", b"reply")
    assert edge.begin(lock="repeat", idempotency_key="key") == Replay(b"reply")
    edge.run(lock="second")


def test_readers_neither_wait_for_the_queue_nor_stand_in_it(edge: Place, running: Run) -> None:
    edge.begin(lock="first")
    before = edge.dump()
    edge.run(lock="")
    assert edge.dump() == before
    end(edge, running)
    edge.run(lock="")


def test_a_session_that_was_never_committed_leaves_no_queue_behind(edge: Place) -> None:
    run = edge.run()
    edge.begin(lock="first")
    edge.store.requests.release(run)
    leave(edge, "first")
    assert edge.keys() == []
    edge.run(lock="first")
    edge.begin(lock="second")
    assert 0 < edge.client.pttl("edge:{s}:meta") <= 2 * LOCK_TTL_S * 1000


def test_a_session_that_moves_takes_no_queue_along(edge: Place, city: Place, running: Run) -> None:
    edge.begin(lock="first")
    end(edge, running)
    city.move_from(edge)
    for place in (edge, city):
        assert place.client.hexists("edge:{s}:meta", "queue") == 0
    city.run(lock="second")


def test_node_local_state_has_a_queue_of_its_own(edge: Place, running: Run) -> None:
    local = {"node_local": True}
    first = edge.run(lock="first", **local)
    assert edge.begin(lock="second", **local) == QUEUED
    edge.store.requests.release(first)
    edge.store.requests.release(Attempt("s", "cart", "second", **local))
    edge.run(lock="third", **local)
    assert edge.begin(lock="second") == QUEUED
    assert running.lock == "running"


@pytest.fixture
def full(edge: Place, running: Run) -> Iterator[Run]:
    """Fill the server while a request runs."""
    edge.client.config_set("maxmemory", 1)
    yield running
    edge.client.config_set("maxmemory", 0)


def test_a_full_server_keeps_the_order_too(edge: Place, full: Run) -> None:
    assert edge.begin(lock="first") == edge.begin(lock="second") == QUEUED
    edge.store.requests.release(full)
    assert edge.begin(lock="second") == QUEUED
    leave(edge, "first")
    edge.run(lock="second")
