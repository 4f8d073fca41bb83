"""A server that restarts has forgotten the locks: they are not in its append-only file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from msgspec.structs import replace as changed

from edgedb.errors import SessionChanged, SessionLost
from edgedb.session import Changes
from edgedb.store.requests import Run, Wait
from edgedb.wire.hand_over import Changed, Ended, Handed
from tests.integration.store.steps import TOKEN, Place, changes, packet
from tests.support.servers import Server
from tests.support.tree import Clock


@pytest.fixture
def restarting(tmp_path: Path) -> Iterator[Server]:
    """Give a server that may be killed and started again."""
    folder = tmp_path / "server"
    folder.mkdir()
    with Server(folder) as running:
        yield running


@pytest.fixture
def place(restarting: Server, clock: Clock) -> Iterator[Place]:
    """Give a place with a session in it."""
    client: redis.Redis
    with restarting.client() as client:
        made = Place("edge-a", client, clock)
        made.write({"x": "1"})
        yield made


def restart(server: Server) -> None:
    server.kill()
    server.start()


def test_a_lock_is_not_in_the_append_only_file(restarting: Server, place: Place) -> None:
    place.run()
    restart(restarting)
    assert place.client.hget("edge:{s}:meta", "lock") is None
    assert place.content() == ({"x": "1"}, {})


def test_nor_is_the_queue_for_it(restarting: Server, place: Place) -> None:
    place.run()
    place.begin(lock="first")
    restart(restarting)
    assert place.client.hget("edge:{s}:meta", "queue") is None
    place.run(lock="second")


def test_a_request_that_nobody_came_after_goes_on(restarting: Server, place: Place) -> None:
    run = place.run()
    restart(restarting)
    assert place.store.requests.scalar(run, "x") == "1"
    place.store.requests.commit(run, changes({"x": "2"}))
    place.store.requests.commit(run, changes({"x": "2"}))  # repeated: applied once
    assert place.content() == ({"x": "2"}, {})


def test_a_request_whose_lock_was_forgotten_does_not_undo_another(
    restarting: Server, place: Place
) -> None:
    run = place.run()
    restart(restarting)
    place.write({"x": "other"})
    with pytest.raises(SessionChanged):
        place.store.requests.scalar(run, "x")
    with pytest.raises(SessionLost):
        place.store.requests.commit(run, changes({"x": "2"}))
    assert place.content() == ({"x": "other"}, {})


def lose(server: Server, place: Place, request: Callable[[], None]) -> Run:
    """Make a request and begin another; then the first was not on the disk of a dead machine."""
    kept = server.folder.with_name("kept")
    shutil.copytree(server.folder, kept)
    request()
    run = place.run()
    server.kill()
    shutil.rmtree(server.folder)
    kept.rename(server.folder)
    server.start()
    return run


def test_a_request_does_not_undo_another_on_a_server_that_lost_what_the_first_had_read(
    restarting: Server, place: Place
) -> None:
    run = lose(restarting, place, lambda: place.write({"x": "lost"}))
    place.write({"x": "other"})  # the same version as the write that was lost
    with pytest.raises(SessionChanged):
        place.store.requests.scalar(run, "x")
    with pytest.raises(SessionLost):
        place.store.requests.commit(run, changes({"x": "2"}))
    assert place.content() == ({"x": "other"}, {})


def test_a_reader_does_not_mix_what_the_server_lost_with_what_came_in_its_place(
    restarting: Server, place: Place
) -> None:
    run = lose(restarting, place, lambda: place.write({"x": "lost"}))
    place.write({"x": "other"})
    with pytest.raises(SessionChanged):
        place.store.requests.scalar(replace(run, lock=""), "x")


def test_a_request_that_had_read_what_the_server_lost_commits_nothing(
    restarting: Server, place: Place
) -> None:
    run = lose(restarting, place, lambda: place.write({"x": "lost"}))
    with pytest.raises(SessionLost):
        place.store.requests.commit(run, changes({"y": "2"}))
    assert place.content() == ({"x": "1"}, {})


def test_a_request_whose_lock_was_forgotten_waits_for_one_that_has_it(
    restarting: Server, place: Place
) -> None:
    run = place.run()
    restart(restarting)
    place.run()
    with pytest.raises(SessionLost):
        place.store.requests.commit(run, changes({"x": "2"}))


def test_a_request_whose_lock_was_forgotten_is_too_late_once_its_session_is_given_away(
    restarting: Server, place: Place
) -> None:
    run = place.run()
    restart(restarting)
    place.give_away("city")
    for written in (changes({"x": "2"}), Changes({}, {})):
        with pytest.raises(SessionLost):
            place.store.requests.commit(run, written)


def test_a_request_whose_lock_was_forgotten_may_commit_before_that_and_nothing_of_it_is_lost(
    restarting: Server, place: Place
) -> None:
    run = place.run()
    restart(restarting)
    ask = place.offer()
    place.store.requests.commit(run, changes({"x": "2"}))
    assert isinstance(place.hand_over(ask), Changed)
    place.give_away("city")


def test_what_was_offered_before_the_server_died_has_ended(
    restarting: Server, place: Place
) -> None:
    ask = place.offer()
    restart(restarting)
    answer = place.hand_over(ask)
    assert answer == Ended(place.page().offer.run, ask.version)
    assert place.page().offer.run != ask.run
    place.give_away("city")


def test_what_was_handed_over_before_the_server_died_was(restarting: Server, place: Place) -> None:
    ask = place.give_away("city")
    restart(restarting)
    assert place.hand_over(ask) == Handed(ask.version)


def test_a_hold_does_not_outlive_the_server(restarting: Server, place: Place) -> None:
    place.store.source.hold(place.offer())
    assert place.begin() == Wait("held")
    restart(restarting)
    place.run()


def test_what_was_asked_for_before_the_destination_died_is_asked_for_again(
    restarting: Server, place: Place
) -> None:
    token = changed(TOKEN, session="t", current_location="city")
    asked = place.stage(changed(packet(), token=token), complete=9)
    restart(restarting)
    assert place.store.destination.activate([asked]) == [None]
    assert place.store.destination.activate([place.arrival("t")]) == [token.moved_to("edge-a")]
