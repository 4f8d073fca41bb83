"""Whose a store is; no step is taken on one that is nobody's, another's, or another than it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from edgedb.errors import Conflict, EdgeError, ForeignStore, NotClaimed, OutcomeUnknown
from edgedb.store import SessionStore
from edgedb.wire.identity import NodeIdentity
from tests.integration.store.steps import Place, attempt, changes, packet, settings, staging
from tests.support.servers import Server
from tests.support.tree import Clock

STEPS: dict[str, Callable[[SessionStore], Any]] = {
    "begin": lambda store: store.requests.begin(attempt()),
    "offers": lambda store: store.source.offers(["s"]),
    "many pages": lambda store: store.source.offers(["s", "t"]),
    "stage": lambda store: store.destination.stage([staging(packet())]),
    "tick": lambda store: store.destination.arrivals(),
    "read": lambda store: store.residents.tokens(["s", "t"]),
    "claim a relief": lambda store: store.relief.claim(None, 1.0),
    "ready": lambda store: store.require_ready(),
}
every_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


def store_of(client: redis.Redis, location: str, tree: str = "cloud") -> SessionStore:
    return SessionStore(client, settings(location), Clock(), lambda: tree)


@every_step
def test_a_store_that_nobody_has_claimed_serves_nothing(
    client: redis.Redis, step: Callable[[SessionStore], Any]
) -> None:
    with pytest.raises(NotClaimed, match="edgectl claim edge-a"):
        step(store_of(client, "edge-a"))
    assert client.keys() == []


@every_step
def test_a_store_of_another_location_or_tree_serves_nothing(
    client: redis.Redis, step: Callable[[SessionStore], Any]
) -> None:
    store_of(client, "edge-b").admission.claim()
    before = client.hgetall("edge:node")
    with pytest.raises(ForeignStore, match=r"that of edge-b .* and this is edge-a"):
        step(store_of(client, "edge-a"))
    with pytest.raises(ForeignStore, match=r"the tree 'cloud', .* the tree 'sky'"):
        step(store_of(client, "edge-b", "sky"))
    assert client.hgetall("edge:node") == before


def test_a_claim_may_be_repeated_and_is_refused_to_others(client: redis.Redis) -> None:
    store = store_of(client, "edge-a")
    store.admission.claim()
    first = store.admission.identity()
    store_of(client, "edge-a").admission.claim()
    for other in [store_of(client, "edge-b"), store_of(client, "edge-a", "sky")]:
        with pytest.raises(Conflict, match="that of edge-a in the tree 'cloud'"):
            other.admission.claim()
    assert store_of(client, "edge-a").admission.identity() == first


@every_step
def test_a_store_that_is_emptied_is_refused_at_the_next_step(
    edge: Place, step: Callable[[SessionStore], Any]
) -> None:
    edge.write({"a": "1"})
    edge.client.flushall()

    def next_steps() -> None:
        step(edge.store)
        edge.store.require_ready()  # what only reads finds nothing, as is so

    with pytest.raises(NotClaimed):
        next_steps()
    assert edge.client.keys() == []


@every_step
def test_a_store_that_was_emptied_and_claimed_anew_is_another(
    edge: Place, step: Callable[[SessionStore], Any]
) -> None:
    first = edge.store.admission.identity()
    edge.client.flushall()
    Place(edge.location, edge.client, edge.clock)
    step(edge.store)
    edge.write({"a": "1"}, session="another")
    assert edge.store.admission.identity().incarnation != first.incarnation


def test_a_commit_is_refused_where_the_store_is_another_since_it_began(edge: Place) -> None:
    run = edge.run()
    edge.client.flushall()
    Place(edge.location, edge.client, edge.clock)
    with pytest.raises(EdgeError, match="lost its session"):
        edge.store.requests.commit(run, changes({"a": "1"}))


def test_a_full_server_admits(edge: Place) -> None:
    edge.write({"a": "1"})
    edge.client.hset("edge:node", "admitted", "somebody else")
    edge.client.config_set("maxmemory", 1)
    try:
        assert edge.content() == ({"a": "1"}, {})
    finally:
        edge.client.config_set("maxmemory", 0)


@pytest.fixture
def restarting(tmp_path: Any) -> Iterator[Server]:
    with Server(tmp_path) as server:
        yield server


def connected(server: Server, timeout_s: float = 5.0) -> SessionStore:
    of_server = {"redis_host": "127.0.0.1", "redis_port": server.port, "redis_timeout": timeout_s}
    return SessionStore.connect(replace(settings("edge-a"), **of_server))  # type: ignore[arg-type]


def test_a_process_is_admitted_anew_to_each_run_of_its_server(restarting: Server) -> None:
    store = connected(restarting)
    store.admission.claim()
    store.requests.begin(attempt())
    before = store.admission.identity()
    restarting.restart()
    store.requests.begin(attempt("t"))
    after = store.admission.identity()
    assert (after.incarnation, after.run != before.run) == (before.incarnation, True)


@every_step
def test_a_server_that_comes_back_without_its_data_is_refused_at_the_next_step(
    restarting: Server, step: Callable[[SessionStore], Any], tmp_path: Any
) -> None:
    store = connected(restarting)
    store.admission.claim()
    step(store)
    restarting.kill()
    for file in (tmp_path / "appendonlydir").iterdir():
        file.unlink()
    restarting.start()
    with pytest.raises(NotClaimed):
        step(store)


def test_what_was_sent_to_a_server_that_comes_back_empty_is_not_known(
    restarting: Server, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit may have been applied before its answer was lost."""
    store = connected(restarting)
    store.admission.claim()
    run = store.requests.begin(attempt())

    def parse(*_: object, **__: object) -> None:
        restarting.kill()
        for file in (tmp_path / "appendonlydir").iterdir():
            file.unlink()
        restarting.start()
        monkeypatch.undo()
        raise redis.ConnectionError("lost")

    monkeypatch.setattr(store.client, "parse_response", parse)
    with pytest.raises(OutcomeUnknown, match="nobody's"):
        store.requests.commit(run, changes({"a": "1"}))  # type: ignore[arg-type]


def test_a_replica_is_not_connected_to(restarting: Server) -> None:
    store = connected(restarting)
    store.admission.claim()
    with restarting.client() as admin:
        admin.replicaof("127.0.0.1", "1")
    store.client.close()
    with pytest.raises(EdgeError, match="is a replica"):
        connected(restarting).residents.token("s")


CITY = NodeIdentity("city", "ab", "01", 5)


def test_of_each_location_one_store_is_known_until_it_is_declared_lost(edge: Place) -> None:
    relatives = Place("edge-a", edge.client, edge.clock).store.relatives
    relatives.meet(CITY)
    another = replace(CITY, incarnation="cd")
    with pytest.raises(Conflict, match="edgectl lost city"):
        relatives.meet(another)
    (refused,) = relatives.refused()
    assert (refused.location, refused.incarnation, refused.why) == ("city", "cd", "replaced")
    assert relatives.lose("city") == "ab"
    assert relatives.refused() == []
    relatives.meet(another)
    with pytest.raises(Conflict, match="was declared lost"):
        relatives.meet(CITY)
    assert relatives.lose("edge-b") == ""


def test_a_store_that_has_forgotten_what_was_seen_of_it_is_refused(edge: Place) -> None:
    edge.store.relatives.meet(CITY)

    def meet(*, begins: bool = False, **changed: Any) -> None:
        relatives = Place("edge-a", edge.client, edge.clock).store.relatives
        relatives.meet(replace(CITY, **changed), or_behind=begins)

    meet(counter=4)  # an old call of the same run
    with pytest.raises(Conflict, match="is to rejoin first"):
        meet(run="02", counter=4)
    meet(run="02", counter=5, begins=True)
    with pytest.raises(Conflict, match="is to rejoin first"):
        meet(run="01", counter=4)


def test_what_comes_late_makes_no_run_known_that_is_over(edge: Place) -> None:
    edge.store.relatives.meet(CITY)
    edge.store.relatives.meet(replace(CITY, run="02"), or_behind=True)
    with pytest.raises(Conflict, match="is to ask first"):
        edge.store.relatives.meet(replace(CITY, counter=CITY.counter + 1))
    assert edge.store.relatives.refused() == []
    edge.store.relatives.meet(replace(CITY, run="02", counter=CITY.counter + 1))


def test_a_server_that_syncs_each_step_forgets_nothing(restarting: Server) -> None:
    store = connected(restarting)
    store.admission.claim()
    assert not store.relatives.syncs()
    with restarting.client() as admin:
        admin.config_set("appendfsync", "always")
        assert store.relatives.syncs()
        admin.execute_command("ACL SETUSER", "default", "-config")
        assert not store.relatives.syncs()
