"""Sessions come home along the way they went up: to their own subtree and to nobody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgedb.errors import BadRequest, Forbidden
from edgedb.store.requests import Attempt, Run
from tests.support.tree import Tree

DEEP: dict[str, Any] = {
    "levels": ["cloud", "region", "city", "edge"],
    "locations": {
        "cloud": {"gateway": "http://cloud"},
        "region": {"parent": "cloud", "gateway": "http://region"},
        "city": {"parent": "region", "gateway": "http://city"},
        "edge": {"parent": "city", "gateway": "http://edge"},
    },
}


def offloaded(tree: Tree, location: str, *sessions: str, to: str = "city") -> None:
    """Create sessions at an edge and move them up."""
    for session in sessions:
        tree.write(location, "one", session)
        tree.offload(location, session)
        if to == "cloud":
            tree.offload("city", session)
        tree.clock.advance(1)


def onload(tree: Tree, location: str, query: str = "") -> list[str]:
    """Force an onload; gives the sessions that came."""
    response = tree.oracle(location, "force-onload", query)
    assert response.status == 200, response.body
    return [token["session"] for token in json.loads(response.body)]


@pytest.mark.parametrize("to", ["city", "cloud"])
def test_a_session_of_edge_b_is_never_given_to_edge_a(tree: Tree, to: str) -> None:
    offloaded(tree, "edge-b", "theirs", to=to)
    assert onload(tree, "edge-a", "count=10") == []
    assert tree.oracle("edge-a", "force-onload", "session=theirs").status == 404
    assert tree.residents("theirs") == [to]
    offloaded(tree, "edge-a", "mine", to=to)
    assert onload(tree, "edge-a", "count=10") == ["mine"]
    assert tree.residents("theirs") == [to]


def test_who_asks_for_somebody_elses_sessions_is_refused(tree: Tree) -> None:
    offloaded(tree, "edge-b", "theirs")
    for location, error in (("edge-b", Forbidden), ("city", BadRequest), ("cloud", BadRequest)):
        with pytest.raises(error):
            tree.node("edge-a").peers.onload_session("city", location, None, 1)


def test_a_leaf_finds_its_session_at_the_root(make_tree: Any) -> None:
    tree = make_tree(DEEP)
    tree.write("edge", "one")
    for location in ("edge", "city", "region"):
        tree.offload(location)
    tree.tick_all()
    assert onload(tree, "edge") == ["s"]
    assert tree.words("edge") == ["one"]
    assert (tree.residents(), tree.leftovers()) == (["edge"], {})


def test_a_middle_node_brings_a_session_of_its_subtree_down(tree: Tree) -> None:
    offloaded(tree, "edge-a", "s", to="cloud")
    assert onload(tree, "city") == ["s"]
    tree.tick_all()
    assert tree.residents() == ["city"]
    assert tree.follow("edge-a", "reader")[0] == "city"
    assert onload(tree, "edge-a") == ["s"]


def test_a_middle_node_brings_its_own_session_down(tree: Tree) -> None:
    tree.write("city", "one")
    tree.offload("city")
    assert onload(tree, "city") == ["s"]
    assert tree.words("city") == ["one"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["c"]),
        ("count=2", ["c", "b"]),
        ("count=100", ["c", "b", "a"]),
        ("count=0", []),
        ("session=a", ["a"]),
        ("session=a&count=3", ["a"]),
    ],
)
def test_the_most_recently_used_come_first_and_no_more_than_asked_for(
    tree: Tree, query: str, expected: list[str]
) -> None:
    offloaded(tree, "edge-a", "a", "b", "c")
    assert onload(tree, "edge-a", query) == expected


def test_the_parent_is_asked_before_the_grandparent(tree: Tree) -> None:
    offloaded(tree, "edge-a", "far", to="cloud")
    offloaded(tree, "edge-a", "near")
    assert onload(tree, "edge-a", "count=10") == ["near"]
    assert onload(tree, "edge-a", "count=10") == ["far"]
    assert onload(tree, "edge-a", "count=10") == []


def test_a_session_is_found_by_name_however_far_up_it_is(tree: Tree) -> None:
    offloaded(tree, "edge-a", "far", to="cloud")
    offloaded(tree, "edge-a", "near")
    assert onload(tree, "edge-a", "session=far") == ["far"]


def test_what_cannot_be_moved_now_does_not_hold_up_the_others(tree: Tree) -> None:
    offloaded(tree, "edge-a", "a", "b")
    busy = tree.node("city").store.requests.begin(Attempt("b", "other", "another process"))
    assert isinstance(busy, Run)
    answer = json.loads(tree.oracle("edge-a", "force-onload", "count=2").body)
    fates = {each["session"]: each for each in answer}
    assert fates["a"]["currentLocation"] == "edge-a"
    assert fates["b"]["problem"]["type"] == "urn:edgedb:problem:SessionBusy"
    assert tree.residents("b") == ["city"]


def test_the_nodes_on_the_way_lead_to_a_session_that_came_home(tree: Tree) -> None:
    offloaded(tree, "edge-a", "s", to="cloud")
    onload(tree, "edge-a")
    for location in ("cloud", "city", "edge-a"):
        assert tree.follow(location, "reader")[0] == "edge-a"
    tree.offload("edge-a")
    assert tree.follow("cloud", "reader")[0] == "city"


@pytest.mark.parametrize("depth", range(4))
def test_from_home_a_session_is_found_in_at_most_one_hop_a_level(
    make_tree: Any, depth: int
) -> None:
    tree = make_tree(DEEP)
    way = ["edge", "city", "region", "cloud"]
    tree.write("edge", "one")
    for location in way[:-1]:
        tree.offload(location)
    for location in way[:depth:-1]:
        if location != "cloud":
            tree.onload(location)
    hops, place = 0, "edge"
    while (response := tree.call(place, "reader")).status == 307:
        hops, place = hops + 1, dict(response.headers)["X-session-location"]
    assert (place, hops <= len(way)) == (tree.residents()[0], True)
    tree.tick_all()
    response = tree.call("edge", "reader")
    reached = dict(response.headers).get("X-session-location", "edge")
    assert reached == tree.residents()[0]
