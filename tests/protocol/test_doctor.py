"""What an examination finds in a node's Redis, and what its repairs make of it.

Each state is made by hand, as no fault that the protocol foresees leaves it behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis
from msgspec import to_builtins
from werkzeug.datastructures import Headers

import edgedb
from edgedb.checking.slices import START, examine
from edgedb.errors import StoreUnavailable
from edgedb.response import Response
from edgedb.session import Changes
from edgedb.store import keys
from edgedb.store.arrival import Arrival, Staging
from edgedb.store.limits import ASIDE_MS
from edgedb.store.requests import Attempt, Run
from edgedb.store.staging import ListStage
from edgedb.wire.model import Propagation, SessionToken, Update
from edgedb.wire.packet import Offer, SessionPacket
from tests.support.dumps import dump
from tests.support.hooks import Hook, answer, as_usual, lose_answer, lose_request, to
from tests.support.tree import ORACLE_TOKEN, Tree

Findings = list[tuple[str, str, bool | None]]
"""Kind, subject, and whether it was repaired."""


def call(tree: Tree, location: str, path: str, position: str = "0") -> Response:
    """Examine or repair a slice, as ``edgectl doctor`` does."""
    method = "POST" if path == "/repairs" else "GET"
    headers = Headers({"Authorization": f"Bearer {ORACLE_TOKEN}"})
    request = edgedb.Request(method, path, f"position={position}".encode(), headers)
    return tree.respond(location, "oracle", request)


def examined(tree: Tree, location: str, path: str = "/findings") -> list[dict[str, Any]]:
    """Examine a whole node; gives the documents."""
    found, position = [], "0"
    while position is not None:
        response = call(tree, location, path, position)
        assert response.status == 200, response.body
        document = json.loads(response.body)
        found += document["findings"]
        position = document["next"]
    return found


def findings(tree: Tree, location: str, path: str = "/findings") -> Findings:
    """Examine a whole node; without duplicates, sorted."""
    found = examined(tree, location, path)
    return sorted({(one["kind"], one["subject"], one["repaired"]) for one in found})


def is_healthy(tree: Tree) -> bool:
    """Examine every node."""
    return not any(findings(tree, place.id) for place in tree.topology)


def is_cured(tree: Tree, location: str, *kinds: str, subject: str = "s") -> bool:
    """Say whether exactly that is found, nothing is changed by looking, and repairs end it."""
    before = dump(tree)
    assert findings(tree, location) == sorted((kind, subject, None) for kind in kinds)
    assert dump(tree) == before
    assert findings(tree, location, "/repairs") == sorted((kind, subject, True) for kind in kinds)
    return is_healthy(tree)


@pytest.fixture
def settled(tree: Tree) -> Tree:
    """Give a tree with one session at home and one that was moved up twice."""
    tree.write("edge-a", "one")
    tree.write("edge-a", "two", "up")
    tree.offload("edge-a", "up")
    tree.offload("city", "up")
    tree.tick_all()
    return tree


def test_a_tree_at_rest_is_healthy(settled: Tree) -> None:
    assert is_healthy(settled)


def test_a_tree_that_serves_and_moves_is_healthy(settled: Tree) -> None:
    while_serving = settled.node("edge-a", "notebook").store.requests.begin(
        Attempt("s", "notebook", "lock")
    )
    assert isinstance(while_serving, Run)
    settled.node("edge-a").store.requests.begin(Attempt("new", "notebook", "lock"))
    opened(settled, "city", token("t", "edge-b"))
    assert is_healthy(settled)


def test_a_session_that_a_request_has_for_longer_than_others_wait_is_named(settled: Tree) -> None:
    node = settled.node("edge-a", "notebook")
    node.store.requests.begin(Attempt("s", "notebook", "lock"))
    settled.clock.advance(node.settings.lock_wait)
    assert is_healthy(settled)
    settled.clock.advance(0.001)
    (found,) = examined(settled, "edge-a", "/repairs")
    assert (found["kind"], found["subject"], found["repaired"]) == ("locked", "s", False)
    assert "a request of notebook has had it since" in found["found"]
    assert "is running in 's'" in found["reason"]
    settled.clock.advance(node.settings.lock_ttl)  # its process has died
    assert is_healthy(settled)


def token(session: str = "s", at: str = "edge-a", epoch: int = 1) -> SessionToken:
    return SessionToken(session, at, at, "notebook", epoch)


def opened(tree: Tree, location: str, of: SessionToken) -> None:
    """Open an arrival, and stage nothing."""
    packet = SessionPacket(of, 1, next=0)
    staging = Staging(of, Offer("stay", "run"), "transfer", 1, packet, ListStage())
    (found,) = tree.node(location).store.destination.stage([staging])
    assert isinstance(found, Arrival)


def meta(tree: Tree, location: str, session: str = "s") -> dict[str, str]:
    state = tree.clients[location].hgetall(f"edge:{{{session}}}:meta")
    return {name.decode(): value.decode() for name, value in state.items()}


@pytest.mark.parametrize(("fault", "resident"), [(lose_request, "edge-a"), (lose_answer, "city")])
def test_a_prepared_arrival_is_ended_as_its_source_says(
    settled: Tree, fault: Hook, resident: str
) -> None:
    settled.strand(fault=fault)
    if resident == "edge-a":
        settled.write("edge-a", "two")  # what is prepared is an older version
    settled.clock.advance(11)
    assert [kind for kind, *_ in findings(settled, "city")] == ["prepared"]
    assert findings(settled, "city", "/repairs") == [("prepared", "s", True)]
    findings(settled, "edge-a", "/repairs")
    assert is_healthy(settled)
    assert settled.residents() == [resident]
    assert settled.words("edge-a") == (["one", "two"] if resident == "edge-a" else ["one"])


def test_the_last_copy_of_a_session_is_adopted(settled: Tree) -> None:
    settled.strand()
    settled.forget("edge-a")
    settled.clock.advance(11)
    (found,) = examined(settled, "city")
    assert found["kind"] == "last-copy"
    assert "edge-a does not have the session any more" in found["found"]
    (found,) = examined(settled, "city", "/repairs")
    assert not found["repaired"]
    assert "edgectl lost edge-a" in found["reason"]
    lose(settled, "edge-a")
    assert is_cured(settled, "city", "last-copy")
    assert settled.residents() == ["city"]
    settled.onload("edge-a")
    assert settled.words("edge-a") == ["one"]


def test_the_last_copy_is_announced_to_a_home_that_still_leads_to_its_source(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.strand("city")
    tree.forget("city")
    lose(tree, "city")
    tree.clock.advance(11)
    assert ("last-copy", "s", True) in findings(tree, "cloud", "/repairs")
    tree.tick_all()
    assert is_healthy(tree)
    assert tree.words("edge-a") == ["one"]


def test_silence_of_the_source_is_no_loss(settled: Tree) -> None:
    settled.strand()
    settled.forget("edge-a")
    settled.clock.advance(11)
    settled.hook = to("edge-a")
    assert findings(settled, "city") == [("prepared", "s", None), ("silent", "edge-a", None)]
    assert findings(settled, "city", "/repairs") == [
        ("prepared", "s", False),
        ("silent", "edge-a", False),
    ]
    assert "edge:{s}:arrival" in settled.leftovers()["city"]


def test_a_copy_is_not_adopted_while_a_node_that_may_know_better_is_silent(settled: Tree) -> None:
    settled.strand()
    settled.forget("edge-a")
    settled.clock.advance(11)
    settled.hook = to("cloud")
    assert ("last-copy", "s", False) in findings(settled, "city", "/repairs")
    assert settled.residents() == []


def test_a_copy_is_not_adopted_where_the_session_lives_on_elsewhere(settled: Tree) -> None:
    settled.strand()
    settled.clock.advance(11)
    assert settled.oracle("city", "set-offload-status", "status=reject").status == 200
    settled.offload("edge-a")
    settled.forget("edge-a")
    lose(settled, "edge-a")
    (found,) = examined(settled, "city", "/repairs")
    assert (found["kind"], found["repaired"]) == ("last-copy", False)
    assert "cloud has a session of that name, in epoch 2" in found["reason"]
    assert settled.residents() == ["cloud"]


def test_a_copy_is_not_adopted_once_a_later_owner_is_known(settled: Tree) -> None:
    settled.strand()
    arrival = settled.node("city").store.destination.arrival("s")
    assert arrival is not None
    pointer = {"proprietary": "edge-a", "current": "cloud", "function": "notebook", "epoch": 2}
    settled.clients["city"].hset("edge:{s}:meta", mapping=pointer)
    assert settled.node("city").store.destination.adopt(arrival) is None
    assert meta(settled, "city")["current"] == "cloud"


@pytest.mark.parametrize("part", ["scalars", "lists", "versions", "gone", "replies", "reply-index"])
def test_data_without_a_session_are_set_aside(settled: Tree, part: str) -> None:
    settled.clients["city"].set(f"edge:{{s}}:{part}", "kept")
    assert is_cured(settled, "city", "orphaned")
    _, (aside,) = settled.node("city").store.aside.listed()
    name = f"edge-aside:{aside.id}:{{s}}:{part}"
    assert settled.clients["city"].get(name) == b"kept"
    assert 0 < settled.clients["city"].pttl(name) <= ASIDE_MS


def lose(tree: Tree, location: str, *, is_replaced: bool = False) -> None:
    """Declare a location's store lost, as ``edgectl lost`` does at all others."""
    for client in tree.clients.values():
        client.hset(keys.RELATIVES, f"lost:{location}", "0")
        if is_replaced:
            name = str(tree.node(location).store.relatives.identity())
            client.hset(keys.RELATIVES, location, name.partition(" ")[2])


HOUR_BACK = -3600.0  # what a server's clock may be set back by


def arrive(tree: Tree, seconds: float = 11) -> None:
    opened(tree, "city", token())
    tree.clock.advance(seconds)


def undelivered(tree: Tree, function: str = "tally") -> None:
    """Commit a request of ``edge-a`` that sends a message."""
    requests = tree.node("edge-a").store.requests
    run = requests.begin(Attempt("s", "notebook", "lock"))
    assert isinstance(run, Run)
    requests.commit(
        run, Changes({}, {}, (Propagation.of("m", "city", function, "milk", "edge-a"),))
    )


def forgotten(tree: Tree) -> None:
    """Let the outbox's group forget a message that was claimed."""
    undelivered(tree)
    tree.hook = to("city")
    tree.tick_all()
    tree.hook = as_usual
    client = tree.clients["edge-a"]
    (consumer,) = client.xinfo_consumers(keys.OUTBOX, keys.OUTBOX_GROUP)
    client.xgroup_delconsumer(keys.OUTBOX, keys.OUTBOX_GROUP, consumer["name"])
    tree.tick_all()


def lead(tree: Tree, to: str) -> None:
    """Let home's pointer of ``up`` lead elsewhere, in an epoch that is over."""
    tree.clients["edge-a"].hset("edge:{up}:meta", mapping={"current": to, "epoch": 2})


def cut_off(tree: Tree) -> None:
    tree.clients["city"].delete("edge:{up}:meta")
    lead(tree, "city")


CURABLE: dict[str, tuple[str, str, str, Callable[[Tree], object]]] = {
    "a copy that nobody goes on with": ("city", "arriving", "s", arrive),
    "a copy of before the clock was set back": (
        *("city", "arriving", "s"),
        lambda tree: arrive(tree, HOUR_BACK),
    ),
    "data beside a pointer": (
        *("city", "orphaned", "up"),
        lambda tree: tree.clients["city"].hset("edge:{up}:scalars", "count", "s1"),
    ),
    "a list that nothing names": (
        *("edge-a", "orphaned", "s"),
        lambda tree: tree.clients["edge-a"].rpush("edge:{s}:list:7", "lost"),
    ),
    "a message": ("edge-a", "undelivered", "tally at city", undelivered),
    "a message that its group forgot": ("edge-a", "undelivered", "tally at city", forgotten),
    "a pointer that leads nowhere": ("edge-a", "pointer", "up", cut_off),
    "a pointer to who left": ("edge-a", "pointer", "up", lambda tree: lead(tree, "gone")),
}
"""What can be wrong: where, as which kind, with what, and how it comes about."""


@pytest.mark.parametrize(("location", "kind", "subject", "damage"), CURABLE.values(), ids=CURABLE)
def test_what_is_wrong_is_found_and_repaired_and_nothing_is_lost(
    settled: Tree, location: str, kind: str, subject: str, damage: Callable[[Tree], object]
) -> None:
    damage(settled)
    assert is_cured(settled, location, kind, subject=subject)
    assert (settled.words("edge-a"), settled.words("edge-a", "up")) == (["one"], ["two"])
    assert settled.leftovers() == {}
    told = settled.call("city", "tally", query="word=milk")
    assert json.loads(told.body)["count"] == (1 if kind == "undelivered" else 0)


def test_what_is_being_staged_belongs_to_its_arrival(settled: Tree) -> None:
    settled.strand()
    assert is_healthy(settled)


OF_A, OF_B = keys.residents_of("edge-a"), keys.residents_of("edge-b")
Damage = Callable[[redis.Redis], object]
MISLEADING: dict[str, tuple[Damage, list[str]]] = {
    "lacks a resident": (lambda r: r.zrem(keys.BY_SIZE, "s"), [keys.BY_SIZE, keys.STATUS]),
    "lacks one of this location": (lambda r: r.zrem(OF_A, "s"), [OF_A]),
    "is lost": (lambda r: r.delete(keys.BY_SIZE), [keys.BY_SIZE, keys.STATUS]),
    "has it with another size": (
        lambda r: r.zadd(keys.BY_SIZE, {"s": 5}),
        [keys.BY_SIZE, keys.STATUS],
    ),
    "names who left": (lambda r: r.zadd(keys.BY_SIZE, {"up": 0}), [keys.BY_SIZE]),
    "names who left for this location": (lambda r: r.zadd(OF_A, {"up": 0}), [OF_A]),
    "names nobody": (lambda r: r.zadd(keys.BY_SIZE, {"nobody's": 0}), [keys.BY_SIZE]),
    "names another location's": (lambda r: r.zadd(OF_B, {"s": 0}), [OF_B]),
    "lacks an arrival": (lambda r: r.zrem(keys.ARRIVALS, "b"), [keys.ARRIVALS]),
    "names a resident as arriving": (lambda r: r.zadd(keys.ARRIVALS, {"s": 0}), [keys.ARRIVALS]),
    "names many": (
        lambda r: r.zadd(keys.BY_SIZE, {f"gone {n}": 0 for n in range(3000)}),
        [keys.BY_SIZE],
    ),
    "counts too little": (lambda r: r.hincrby(keys.STATUS, "bytes", -100), [keys.STATUS]),
    "counts too much": (lambda r: r.hincrby(keys.STATUS, "bytes", 1), [keys.STATUS]),
}
"""How what is kept for all sessions can be wrong, and the keys that are named for it."""


@pytest.mark.parametrize(("damage", "names"), MISLEADING.values(), ids=MISLEADING)
def test_what_is_kept_for_all_sessions_is_made_to_say_what_is_so(
    settled: Tree, damage: Damage, names: list[str]
) -> None:
    opened(settled, "edge-a", token("b", "city"))
    client = settled.clients["edge-a"]
    sound = kept(client)
    damage(client)
    damaged = kept(client)
    assert findings(settled, "edge-a") == sorted(("indexes", name, None) for name in names)
    assert kept(client) == damaged
    # the sum of the sizes was wrong for the index alone
    assert findings(settled, "edge-a", "/repairs") == [("indexes", names[0], True)]
    assert kept(client) == sound


def kept(client: redis.Redis) -> list[Any]:
    """Give what is kept for all sessions."""
    indexes = (keys.BY_SIZE, OF_A, OF_B, keys.ARRIVALS)
    found = [client.zrange(index, 0, -1, withscores=True) for index in indexes]
    return [*found, client.hgetall(keys.STATUS)]


def test_a_wrong_index_names_a_few_of_the_sessions(settled: Tree) -> None:
    settled.clients["edge-a"].zadd(keys.BY_SIZE, {f"gone {n}": 0 for n in range(8)})
    (found,) = examined(settled, "edge-a")
    assert found["found"] == (
        "does not say what is so of gone 0, gone 1, gone 2, gone 3, gone 4 and 3 more"
    )


def test_bytes_are_added_up_over_any_number_of_residents(
    settled: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgedb.store.inspection.SUM_BATCH", 20)
    for n in range(60):
        settled.write("edge-a", "x" * n, f"session {n}")
    assert is_healthy(settled)


def test_messages_to_who_does_not_answer_stay_and_are_told_of(settled: Tree) -> None:
    undelivered(settled)
    settled.hook = to("city")
    assert findings(settled, "edge-a", "/repairs") == [
        ("silent", "city", False),
        ("undelivered", "tally at city", False),
    ]
    settled.hook = as_usual
    assert is_cured(settled, "edge-a", "undelivered", subject="tally at city")


def test_an_update_for_a_location_that_is_gone_is_dropped(settled: Tree) -> None:
    update = to_builtins(Update("edge-z", token()))
    settled.clients["city"].xadd(keys.OUTBOX, {"message": json.dumps(update)})
    settled.tick_all()
    assert is_cured(settled, "city", "undelivered", subject="edge-z")
    assert settled.clients["city"].xlen(keys.OUTBOX) == 0


def test_a_pointer_to_a_node_that_lost_the_session_is_forgotten(settled: Tree) -> None:
    settled.forget("cloud")
    assert findings(settled, "edge-a") == [("pointer", "up", None)]
    assert findings(settled, "city") == [("pointer", "up", None)]
    for location in ("edge-a", "city"):
        assert findings(settled, location, "/repairs") == [("pointer", "up", False)]
    lose(settled, "cloud")
    for location in ("edge-a", "city"):
        assert findings(settled, location, "/repairs") == [("pointer", "up", True)]
        _, (aside,) = settled.node(location).store.aside.listed()
        assert aside.token.current_location == "cloud"
    assert is_healthy(settled)
    assert settled.write("edge-a", "anew", "up").status == 200
    assert settled.residents("up") == ["edge-a"]


def test_pointers_in_a_ring_are_mended(settled: Tree) -> None:
    settled.clients["edge-a"].hset("edge:{up}:meta", "current", "city")
    settled.clients["city"].hset("edge:{up}:meta", "current", "edge-a")
    (found,) = examined(settled, "edge-a")
    assert "ring" in found["found"]
    assert findings(settled, "edge-a", "/repairs") == [("pointer", "up", True)]
    assert is_healthy(settled)
    assert settled.words("city", "up") == ["two"]


def test_a_pointer_ahead_of_a_session_that_began_anew_is_a_fork(settled: Tree) -> None:
    settled.offload("edge-a")
    settled.onload("edge-a")
    settled.forget("edge-a")
    settled.write("edge-a", "anew")
    assert settled.oracle("edge-a", "force-offload", "session=s").status == 409
    assert ("pointer", "s", None) in findings(settled, "city")
    assert ("pointer", "s", False) in findings(settled, "city", "/repairs")
    (found,) = examined(settled, "edge-a", "/repairs")
    assert (found["kind"], found["repaired"]) == ("forked", False)
    assert "city leads to edge-a in epoch 3" in found["found"]
    lose(settled, "edge-a", is_replaced=True)
    assert ("pointer", "s", True) in findings(settled, "city", "/repairs")
    settled.offload("edge-a")
    assert settled.words("edge-a") == ["anew"]
    assert is_healthy(settled)


def test_a_pointer_to_a_location_that_is_not_in_the_topology_is_told_of(settled: Tree) -> None:
    settled.clients["edge-b"].hset(
        "edge:{s}:meta",
        mapping={"proprietary": "edge-b", "current": "gone", "function": "f", "epoch": 2},
    )
    (found,) = examined(settled, "edge-b")
    assert "not in this node's topology" in found["found"]
    (found,) = examined(settled, "edge-b", "/repairs")
    assert (found["repaired"], "put it back" in found["reason"]) == (False, True)
    assert meta(settled, "edge-b")["current"] == "gone"


def test_a_pointer_to_a_session_that_is_just_arriving_is_in_order(settled: Tree) -> None:
    settled.strand(fault=lose_answer)
    assert findings(settled, "edge-a") == []
    assert settled.call("city", "test-function", query="session=s").status == 503
    settled.tick_all()
    assert is_healthy(settled)


def test_a_pointer_to_somebody_elses_session_of_that_name_is_left_alone(settled: Tree) -> None:
    settled.forget("cloud")
    settled.write("cloud", "mine", "up")
    assert is_healthy(settled)


@pytest.mark.parametrize(
    "fault", [lose_request, answer(StoreUnavailable("x"))], ids=["silent", "out of order"]
)
def test_a_pointer_to_a_node_that_cannot_be_asked_is_not_touched(
    settled: Tree, fault: Hook
) -> None:
    settled.hook = fault
    assert findings(settled, "edge-a") == [("silent", at, None) for at in ("city", "cloud")]
    repaired = findings(settled, "edge-a", "/repairs")
    assert repaired == [("silent", at, False) for at in ("city", "cloud")]
    assert meta(settled, "edge-a", "up")["current"] == "cloud"


def test_a_full_node_is_examined_and_says_what_could_not_be_repaired(settled: Tree) -> None:
    client = settled.clients["edge-a"]
    client.hincrby(keys.STATUS, "bytes", 5)
    client.config_set("maxmemory", 1)
    try:
        (found,) = examined(settled, "edge-a", "/repairs")
    finally:
        client.config_set("maxmemory", 0)
    assert (found["kind"], found["repaired"]) == ("indexes", False)
    assert "memory limit" in found["reason"]
    assert is_cured(settled, "edge-a", "indexes", subject=keys.STATUS)


def test_where_other_nodes_are_slow_no_repair_begins_too_late(
    settled: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.forget("cloud")
    monkeypatch.setattr("edgedb.checking.slices.REPAIRS_S", 0)
    (found,) = examined(settled, "edge-a", "/repairs")
    assert (found["repaired"], found["reason"]) == (False, "other nodes were too slow; ask again")
    assert meta(settled, "edge-a", "up")["current"] == "cloud"


def test_whatever_waits_for_a_silent_node_is_sent_once_more_and_not_over_and_over(
    settled: Tree,
) -> None:
    for function in ("tally", "other", "third"):
        undelivered(settled, function)
    settled.hook = to("city")
    settled.calls.clear()
    kinds = [kind for kind, *_ in findings(settled, "edge-a", "/repairs")]
    assert kinds == ["silent", *["undelivered"] * 3]
    sent = [call for call in settled.calls if call.startswith("POST city/")]
    assert len(sent) == len(kinds)


def test_a_large_node_is_examined_in_slices(settled: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(100):
        settled.write("edge-b", "x", f"session {n}")
    settled.clients["edge-b"].zrem(keys.BY_SIZE, *(f"session {n}" for n in range(100)))
    monkeypatch.setattr("edgedb.checking.slices.SLICE_S", 0.0)
    slices, position = 0, START
    found = set[str]()
    while position is not None:
        part = examine(settled.node("edge-b"), position)
        slices, position = slices + 1, part.next
        found |= {name for one in part.findings if one.subject == keys.BY_SIZE for name in one.seen}
    assert slices > 3
    assert len(found) == 100


@pytest.mark.parametrize("position", ["", "x", "-1", "1.5", "٣", "9" * 20, "node "])
def test_a_position_that_no_slice_has_named_is_400(settled: Tree, position: str) -> None:
    assert call(settled, "city", "/findings", position).status == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "/findings"), ("POST", "/repairs")])
def test_only_the_oracle_may_examine_and_repair(settled: Tree, method: str, path: str) -> None:
    settled.clients["city"].hincrby(keys.STATUS, "bytes", 5)
    before = dump(settled)
    assert settled.respond("city", "oracle", edgedb.Request(method, path)).status == 401
    assert dump(settled) == before


def test_what_is_nobodys_is_no_finding(settled: Tree) -> None:
    client = settled.clients["edge-a"]
    client.set("another program's", "x")
    client.set("edge:{s}:unknown", "x")
    client.set("edge:something", "x")
    client.set(b"edge:{\xff}:meta", "x")
    assert is_healthy(settled)
