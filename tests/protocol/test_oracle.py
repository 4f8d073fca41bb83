"""What the oracle's endpoints do and tell, and what a node does by itself at each tick."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import PeerUnavailable, StoreUnavailable
from tests.support.dumps import dump
from tests.support.hooks import Hook, answer, as_usual, at_hand_over, lose_answer, lose_request, to
from tests.support.tree import ORACLE_TOKEN, Tree

MIB = 2**20


def filled(tree: Tree, **sizes: int) -> None:
    """Create sessions of so many bytes at ``edge-a``, one after the other."""
    for session, size in sizes.items():
        tree.write("edge-a", "x", session, body=b"x" * size)
        tree.clock.advance(1)


def ticked(tree: Tree, location: str) -> dict[str, int]:
    """Call the oracle as cron does; gives the summary."""
    response = tree.respond(location, "oracle", edgedb.Request("POST"))
    assert response.status == 200, response.body
    return dict(json.loads(response.body))


def told(tree: Tree, location: str, path: str = "/", query: str = "") -> Any:
    """Ask the oracle for its view of a node."""
    headers = Headers({"Authorization": f"Bearer {ORACLE_TOKEN}"})
    request = edgedb.Request("GET", path, query.encode(), headers)
    response = tree.respond(location, "oracle", request)
    assert response.status == 200, response.body
    return json.loads(response.body)


def where(tree: Tree, location: str, session: str = "s") -> str:
    """Call ``test-function``, as anybody may."""
    response = tree.call(location, "test-function", query=f"session={session}")
    assert response.status == 200, response.body
    return response.body.decode()


@pytest.mark.parametrize(
    ("policy", "expected"), [("", "b"), ("policy=largest", "b"), ("policy=least-recent", "a")]
)
def test_the_policy_picks_the_session_to_offload(tree: Tree, policy: str, expected: str) -> None:
    filled(tree, a=1000, b=50_000, c=10)
    token = json.loads(tree.oracle("edge-a", "force-offload", policy).body)
    assert (token["session"], token["currentLocation"]) == (expected, "city")


def test_chance_picks_any_session(tree: Tree) -> None:
    filled(tree, a=10, b=10, c=10)
    picked = {
        json.loads(tree.oracle("edge-a", "force-offload", "policy=random").body)["session"]
        for _ in range(3)
    }
    assert picked == set("abc")


def test_what_cannot_be_moved_now_is_passed_over(tree: Tree) -> None:
    filled(tree, a=1000, b=50_000)
    tree.write("edge-b", "a stranger", "b")
    tree.offload("edge-b", "b")
    token = json.loads(tree.oracle("edge-a", "force-offload").body)
    assert token["session"] == "a"


def test_a_node_describes_itself(tree: Tree) -> None:
    filled(tree, a=1000)
    load = told(tree, "edge-a")
    assert 1000 < load.pop("bytes") < load.pop("used")
    assert load == {
        "location": "edge-a",
        "level": "edge",
        "parent": "city",
        "status": "accept",
        "sessions": 1,
        "arrivals": 0,
        "outbox": 0,
        "stuck": 0,
        "maxmemory": 0,
        "protocol": 3,
        "refused": [],
    }
    assert told(tree, "cloud")["parent"] is None


@pytest.mark.parametrize(
    ("query", "order"),
    [("", "cba"), ("limit=2", "cb"), ("policy=largest", "bac"), ("policy=least-recent", "abc")],
)
def test_a_node_lists_its_sessions(tree: Tree, query: str, order: str) -> None:
    filled(tree, a=1000, b=50_000, c=10)
    sessions = told(tree, "edge-a", "/sessions", query)["sessions"]
    assert "".join(session["session"] for session in sessions) == order
    described = next(session for session in sessions if session["session"] == "b")
    assert described.pop("bytes") > 50_000
    assert described == {
        "session": "b",
        "proprietaryLocation": "edge-a",
        "currentLocation": "edge-a",
        "function": "notebook",
        "epoch": 1,
        "lastAccess": "2025-06-15T15:06:41.000Z",
    }


def test_a_tick_without_thresholds_moves_nothing(tree: Tree) -> None:
    filled(tree, a=MIB)
    before = dump(tree)
    summary = {"settled": 0, "delivered": 0, "offloaded": 0, "onloaded": 0}
    assert ticked(tree, "edge-a") == summary
    assert tree.residents("a") == ["edge-a"]
    assert before["edge-a"].items() <= dump(tree)["edge-a"].items()


@pytest.mark.parametrize(
    ("above", "below", "left"),
    [(350_000, 250_000, 2), (350_000, None, 3), (250_000, 0, 0), (1_000_000, 0, 4)],
)
def test_above_the_high_threshold_sessions_leave_until_below_the_low_one(
    make_tree: Callable[..., Tree], above: int, below: int | None, left: int
) -> None:
    tree = make_tree(settings={"offload_above": above, "offload_below": below})
    filled(tree, a=100_000, b=100_000, c=100_000, d=100_000)
    assert ticked(tree, "edge-a")["offloaded"] == 4 - left
    assert told(tree, "edge-a")["sessions"] == left
    assert told(tree, "city")["sessions"] == 4 - left


def test_below_the_onload_threshold_sessions_come_home_one_by_one(tree: Tree) -> None:
    filled(tree, a=100_000, b=100_000, c=100_000)
    for session in "abc":
        tree.offload("edge-a", session)
    node = tree.node("edge-a")
    node.settings = replace(node.settings, onload_below=150_000)
    assert ticked(tree, "edge-a")["onloaded"] == 2
    assert told(tree, "edge-a")["sessions"] == 2
    assert ticked(tree, "edge-a")["onloaded"] == 0


def test_a_root_has_nowhere_to_move_to(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"offload_above": 0, "offload_below": 0, "onload_below": MIB})
    tree.write("cloud", "one")
    assert ticked(tree, "cloud")["offloaded"] == 0
    assert tree.residents() == ["cloud"]


def test_a_parent_that_does_not_answer_ends_the_moves_not_the_tick(
    make_tree: Callable[..., Tree],
) -> None:
    tree = make_tree(settings={"offload_above": 0, "offload_below": 0})
    filled(tree, a=1000)
    tree.hook = lose_request
    assert ticked(tree, "edge-a")["offloaded"] == 0
    assert tree.residents("a") == ["edge-a"]


def strand(tree: Tree, location: str, session: str, fault: Hook = lose_request) -> None:
    """Offload a new session, whose hand-over goes wrong."""
    tree.write(location, "one", session)
    tree.strand(location, session, fault)


@pytest.mark.parametrize("fault", [lose_request, lose_answer])
def test_a_tick_finishes_what_was_left_unfinished(tree: Tree, fault: Hook) -> None:
    strand(tree, "edge-a", "s", fault)
    assert ticked(tree, "city")["settled"] == 1
    assert (tree.residents(), tree.leftovers()) == (["city"], {})
    assert tree.words("edge-a") == ["one"]


def test_a_tick_discards_what_the_source_took_back(tree: Tree) -> None:
    strand(tree, "edge-a", "s")
    tree.clock.advance(tree.node("edge-a").settings.freeze_timeout)
    tree.write("edge-a", "two")
    assert ticked(tree, "city")["settled"] == 1
    assert (tree.residents(), tree.leftovers()) == (["edge-a"], {})
    assert tree.words("edge-a") == ["one", "two"]


@pytest.mark.parametrize(
    "error", [PeerUnavailable("x"), StoreUnavailable("x"), edgedb.EdgeError("x")], ids=type
)
def test_a_source_that_is_out_of_order_holds_up_no_other(
    tree: Tree, error: edgedb.EdgeError
) -> None:
    strand(tree, "edge-a", "s")
    strand(tree, "edge-b", "t")
    tree.hook = to("edge-a", answer(error))
    assert ticked(tree, "city")["settled"] == 1
    assert (tree.residents("t"), told(tree, "city")["arrivals"]) == (["city"], 1)


def test_anybody_can_ask_whether_a_session_is_offloaded(tree: Tree) -> None:
    tree.write("edge-a", "one")
    assert where(tree, "edge-a") == "offloaded: no"
    tree.offload("edge-a")
    assert where(tree, "edge-a") == "offloaded: yes (city)"
    assert where(tree, "city") == "offloaded: no"
    tree.offload("city")
    assert where(tree, "edge-a") == "offloaded: yes (cloud)"  # though nobody told edge-a yet
    tree.onload("edge-a")
    assert where(tree, "cloud") == where(tree, "city") == "offloaded: yes (edge-a)"
    assert tree.call("edge-a", "test-function", query="session=unknown").status == 404


def test_where_a_session_is_on_its_way_to_is_asked_once(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.offload("city")
    tree.hook = at_hand_over(lose_answer)
    assert tree.oracle("city", "force-onload", "session=s").status == 502
    tree.hook = as_usual
    for location in ("edge-a", "city", "cloud"):
        tree.calls.clear()
        response = tree.call(location, "test-function", query="session=s")
        assert len(tree.calls) <= len(tree.topology), location
        assert response.status in {200, 503}, response.body
