"""A server that restarts has forgotten the locks: they are not in its append-only file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from edgedb.errors import GrantRefused, SessionChanged, SessionLost
from edgedb.session import Changes
from edgedb.store.requests import Run
from tests.integration.store.steps import Place, changes
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


def test_a_request_whose_lock_was_forgotten_is_too_late_once_a_grant_is_out(
    restarting: Server, place: Place
) -> None:
    run = place.run()
    restart(restarting)
    grant = place.frozen()
    with pytest.raises(SessionLost):
        place.store.requests.commit(run, changes({"x": "2"}))
    place.store.source.hand_over(place.token(), grant, "city")
    with pytest.raises(SessionLost):
        place.store.requests.commit(run, Changes({}, {}))
    with pytest.raises(GrantRefused):
        place.store.source.hand_over(place.token(), "another", "city")
