"""With ``EDGE_DURABILITY=fsync`` the two records a move rests on wait for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from msgspec.structs import replace as changed

from edgedb.errors import ConfigurationError, OutcomeUnknown
from edgedb.store import SessionStore, durability
from edgedb.store.durability import Disk
from edgedb.wire.hand_over import Handed
from edgedb.wire.items import Scalar
from tests.integration.store.steps import TOKEN, Place, packet, settings
from tests.support.servers import Server
from tests.support.tree import Clock

INCOMING = changed(TOKEN, proprietary_location="edge-a", current_location="city")
ARRIVING = changed(packet(Scalar("x", b"s1")), token=INCOMING)


@pytest.fixture(scope="module")
def disk_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server that never syncs its file by itself."""
    with Server(tmp_path_factory.mktemp("disk")) as running:
        yield running


@pytest.fixture
def disk(disk_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """Give a client of the server; a disk that does not keep up is given up soon."""
    monkeypatch.setattr(durability, "WAIT_MS", 10)
    with disk_server.client() as client:
        client.flushall()
        client.config_set("appendonly", "yes")
        client.config_set("appendfsync", "no")
        yield client


@pytest.fixture
def place(disk: redis.Redis, clock: Clock) -> Place:
    """Give a place that waits for its disk."""
    made = Place("edge-a", disk, clock)
    made.store = SessionStore(disk, replace(settings("edge-a"), fsync_moves=True), clock)
    return made


def test_a_hand_over_is_answered_only_once_it_is_on_disk(place: Place, disk: redis.Redis) -> None:
    place.write({"x": "1"})
    ask = place.offer()
    with pytest.raises(OutcomeUnknown, match="disk"):
        place.hand_over(ask)
    with pytest.raises(OutcomeUnknown, match="disk"):  # a repeat writes nothing, yet waits
        place.hand_over(ask)
    disk.config_set("appendfsync", "always")
    assert place.hand_over(ask) == Handed(ask.version)
    assert place.token().current_location == "city"


def test_an_arrival_is_prepared_only_once_it_is_on_disk(place: Place, disk: redis.Redis) -> None:
    place.stage(ARRIVING)  # nothing rests on it yet
    for _ in range(2):  # a repeat writes nothing, yet waits
        with pytest.raises(OutcomeUnknown, match="disk"):
            place.stage(ARRIVING, number=2, complete=9)
    disk.config_set("appendfsync", "always")
    assert place.stage(ARRIVING, number=2, complete=9).version == 9
    assert place.arrival().version == 9


def test_what_was_prepared_before_can_be_waited_for(place: Place, disk: redis.Redis) -> None:
    with pytest.raises(OutcomeUnknown):
        place.stage(packet(), complete=9)
    with pytest.raises(OutcomeUnknown):
        place.store.destination.sync()
    disk.config_set("appendfsync", "always")
    place.store.destination.sync()


def test_of_many_all_are_on_disk_before_any_is_answered_for(
    place: Place, disk: redis.Redis
) -> None:
    sessions = ["s", "t", "u"]
    for session in sessions:
        place.write({"x": "1"}, session=session)
    asks = [place.offer(session=session) for session in sessions]
    tokens = {session: place.token(session) for session in sessions}
    with pytest.raises(OutcomeUnknown, match="disk"):
        place.store.source.hand_over(asks, tokens, "city")
    disk.config_set("appendfsync", "always")
    found = place.store.source.hand_over(asks, tokens, "city")
    assert found == {ask.session: Handed(ask.version) for ask in asks}


def test_a_connection_lost_while_the_disk_is_awaited_is_no_answer(
    place: Place, disk: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "WAIT_MS", 300)
    monkeypatch.setattr(durability, "WAITS", 1)
    place.write({"x": "1"})
    ask = place.offer()
    killed = threading.Thread(target=kill_once_blocked, args=[disk])
    killed.start()
    with pytest.raises(OutcomeUnknown, match="disk"):
        place.hand_over(ask)
    killed.join()


def kill_once_blocked(client: redis.Redis) -> None:
    """Cut off whoever waits for the disk."""
    while not (waiting := [c["id"] for c in client.client_list() if "waitaof" in c["cmd"]]):
        threading.Event().wait(0.001)
    client.client_kill_filter(_id=waiting[0])


def test_by_default_nobody_waits_for_the_disk(disk: redis.Redis, clock: Clock) -> None:
    place = Place("edge-a", disk, clock)
    place.write({"x": "1"})
    place.give_away("city")
    assert place.token().current_location == "city"


def test_a_full_server_can_still_give_a_session_away(place: Place, disk: redis.Redis) -> None:
    place.write({"x": "1"})
    ask = place.offer()
    disk.config_set("appendfsync", "always")
    disk.config_set("maxmemory", 1)
    try:
        place.hand_over(ask)
    finally:
        disk.config_set("maxmemory", 0)
    assert place.token().current_location == "city"


@pytest.fixture(params=[("CONFIG SET", "appendonly", "no"), ("ACL SETUSER", "default", "-waitaof")])
def unable(disk: redis.Redis, request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """Give a server that cannot say what is on its disk: it keeps no file, or lacks the command."""
    disk.execute_command(*request.param)
    yield disk
    disk.execute_command("ACL SETUSER", "default", "+waitaof")


@pytest.mark.usefixtures("unable")
def test_where_nobody_can_say_what_is_on_disk_a_move_is_refused_before_anything_rests_on_it(
    place: Place,
) -> None:
    place.write({"x": "1"})
    ask, before = place.offer(), place.dump()
    other = changed(ARRIVING, token=changed(INCOMING, session="other"))
    steps: list[Callable[[], object]] = [
        lambda: place.store.source.offers(["s"]),
        lambda: place.hand_over(ask),
        lambda: place.stage(other, complete=9),
    ]
    for step in steps:
        with pytest.raises(ConfigurationError, match="EDGE_DURABILITY=fsync needs"):
            step()
    assert place.dump() == before


def test_where_nobody_can_say_so_any_more_the_outcome_is_unknown(
    place: Place, disk: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write({"x": "1"})
    ask = place.offer()
    monkeypatch.setattr(Disk, "require", lambda _: disk.config_set("appendonly", "no"))
    with pytest.raises(OutcomeUnknown, match="appendonly"):
        place.hand_over(ask)


def test_a_step_that_was_taken_is_unknown_whatever_its_repetition_meets(
    place: Place, disk: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write({"x": "1"})
    ask = place.offer()

    def attempts(_: int) -> Iterator[None]:
        yield
        disk.config_set("min-replicas-to-write", 1)
        yield

    monkeypatch.setattr(durability, "attempts", attempts)
    try:
        with pytest.raises(OutcomeUnknown, match="replicas"):
            place.hand_over(ask)
    finally:
        disk.config_set("min-replicas-to-write", 0)


def test_a_session_handed_over_and_one_prepared_survive_the_servers_death(
    tmp_path: Path, clock: Clock
) -> None:
    with Server(tmp_path, None, "--appendfsync", "everysec") as server:
        with server.client() as client:
            place = Place("edge-a", client, clock)
            place.store = SessionStore(client, replace(settings("edge-a"), fsync_moves=True), clock)
            place.write({"x": "1"})
            place.give_away("city")
            place.stage(changed(ARRIVING, token=changed(INCOMING, session="other")), complete=9)
        server.kill()
        server.start()
        with server.client() as client:
            after = Place("edge-a", client, clock)
            assert after.token().current_location == "city"
            assert after.arrival("other").version == 9
