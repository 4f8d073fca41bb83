"""The tree is changed while sessions are away: they stay reachable, and find their way home."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from edgedb.store.keys import STATUS
from edgedb.topology.tree import Topology
from tests.protocol.test_doctor import examined, findings, is_healthy
from tests.support.tree import THREE_LEVELS, Tree


@pytest.fixture
def tree(make_tree: Callable[..., Tree]) -> Tree:
    """Give cloud > city > edge-a, and town, with sessions of edge-a at every place of its path."""
    document = deepcopy(THREE_LEVELS)
    del document["locations"]["edge-b"]
    document["locations"]["town"] = {"parent": "cloud", "gateway": "http://town"}
    tree = make_tree(document)
    for session, moves in {"here": [], "up": ["edge-a"], "top": ["edge-a", "city"]}.items():
        tree.write("edge-a", "one", session)
        for place in moves:
            tree.offload(place, session)
    tree.tick_all()
    return tree


def change(tree: Tree, change: Callable[[dict[str, Any]], object], *told: str) -> None:
    """Change the document, and give all nodes what it says then, or those that are named."""
    document = tree.topology.to_json()
    change(document["locations"])
    topology = Topology.from_json(document)
    for place in told or [place.id for place in topology]:
        tree.tell(place, topology)
    if not told:
        tree.topology = topology


def moved(locations: dict[str, Any]) -> None:
    """Let edge-a be below town."""
    locations["edge-a"] |= {"parent": "town", "former": ["city"]}


def renamed(locations: dict[str, Any]) -> None:
    """Let edge-a be called south."""
    locations["south"] = {**locations.pop("edge-a"), "aliases": ["edge-a"]}


def words(tree: Tree) -> list[list[str]]:
    return [tree.words("edge-a", session) for session in ("here", "up", "top")]


def test_a_location_with_another_parent_keeps_its_sessions(tree: Tree) -> None:
    change(tree, moved)
    assert words(tree) == [["one"]] * 3
    (found,) = examined(tree, "city")
    assert (found["kind"], found["subject"]) == ("stranded", "up")
    assert tree.write("edge-a", "two", "up").status == 200
    for _ in range(2):
        tree.tick_all()
    assert tree.residents("up") == ["cloud"]
    assert is_healthy(tree)
    for session in ("up", "top"):
        tree.onload("edge-a", session)
    tree.offload("edge-a", "up")
    assert tree.residents("up") == ["town"]
    assert words(tree) == [["one"], ["one", "two"], ["one"]]
    tree.tick_all()
    assert is_healthy(tree)


def test_nodes_that_start_anew_ask_their_relatives_as_the_tree_is_now(tree: Tree) -> None:
    change(tree, moved)
    for place in ("cloud", "city", "town", "edge-a"):
        tree.clients[place].hdel(STATUS, "whole", "admitted")
    assert words(tree) == [["one"]] * 3
    for _ in range(2):
        tree.tick_all()
    assert tree.residents("up") == ["cloud"]
    assert is_healthy(tree)


def test_the_doctor_moves_what_is_stranded(tree: Tree) -> None:
    change(tree, moved)
    assert findings(tree, "city", "/repairs") == [("stranded", "up", True)]
    assert tree.residents("up") == ["cloud"]


def test_a_location_that_is_called_otherwise_keeps_its_sessions(tree: Tree) -> None:
    change(tree, renamed)
    assert words(tree) == [["one"]] * 3
    for session in ("up", "top"):
        tree.onload("edge-a", session)
    assert words(tree) == [["one"]] * 3
    assert is_healthy(tree)


def test_without_a_word_about_the_former_parent_clients_are_told_to_wait(tree: Tree) -> None:
    change(tree, lambda locations: locations["edge-a"].update(parent="town"))
    response = tree.call("edge-a", "reader", "up")
    assert response.status == 503
    assert b"city, which is not in the topology here" in response.body
    assert ("stranded", "up", False) in findings(tree, "city", "/repairs")
    assert any(one["kind"] == "pointer" for one in examined(tree, "edge-a"))


def test_what_a_location_that_was_removed_has_elsewhere_is_named_and_served(tree: Tree) -> None:
    change(tree, lambda locations: locations.pop("edge-a"))
    (found,) = examined(tree, "city", "/repairs")
    assert (found["kind"], found["subject"], found["repaired"]) == ("stranded", "up", False)
    assert "put edge-a back into the topology" in found["reason"]
    assert tree.words("city", "up") == ["one"]


ORDERS = [("cloud", "town", "city", "edge-a"), ("edge-a", "city", "town", "cloud")]


@pytest.mark.parametrize("order", ORDERS)
def test_while_a_location_moves_clients_see_no_error(tree: Tree, order: tuple[str, ...]) -> None:
    for place in order:
        change(tree, moved, place)
        for session in ("here", "up", "top"):
            assert tree.write("edge-a", place, session).status == 200
        tree.tick_all()
    change(tree, moved)
    for _ in range(2):
        tree.tick_all()
    assert words(tree) == [["one", *order]] * 3
    assert is_healthy(tree)


def test_a_leaf_is_added_while_the_others_serve(tree: Tree) -> None:
    without = tree.topology.to_json()
    del without["locations"]["edge-a"]
    for place in ("cloud", "town", "city"):
        tree.tell(place, Topology.from_json(without))
    tree.write("city", "one", "anothers")
    for place in ("cloud", "city"):
        tree.tell(place, tree.topology)
        assert tree.words("city", "anothers") == ["one"]
    assert tree.write("edge-a", "two", "new").status == 200
    tree.offload("edge-a", "new")
    assert tree.words("edge-a", "new") == ["two"]


def test_a_leaf_is_removed_and_its_clients_go_where_their_sessions_are(tree: Tree) -> None:
    tree.oracle("edge-a", "force-offload", "count=10")
    places = {session: tree.follow("edge-a", "reader", session)[0] for session in ("here", "up")}
    assert places == {"here": "city", "up": "city"}
    change(tree, lambda locations: locations.pop("edge-a"))
    for session, place in places.items():
        assert tree.write(place, "two", session).status == 200
        assert tree.words(place, session) == ["one", "two"]


FROM_EDGE_A = {"X-session-home": "edge-a"}


@pytest.mark.parametrize("at", ["cloud", "town", "city", "edge-a"])
def test_a_session_is_found_by_its_home_where_the_tree_has_changed(tree: Tree, at: str) -> None:
    change(tree, moved)
    for session, place in (("here", "edge-a"), ("up", "city"), ("top", "cloud")):
        reached, response = tree.follow(at, "reader", session, headers=FROM_EDGE_A)
        # city knows nothing of the first, and edge-a does not answer it any more
        is_found = (at, session) != ("city", "here")
        assert (session, reached, response.status) == (
            (session, place, 200) if is_found else (session, "city", 503)
        )


def test_a_home_is_found_by_any_of_its_names(tree: Tree) -> None:
    change(tree, renamed)
    for name in ("edge-a", "south"):
        response = tree.call("city", "reader", "here", headers={"X-session-home": name})
        assert (response.status, dict(response.headers)["X-session-location"]) == (307, "edge-a")
        assert tree.call("city", "reader", "up", headers={"X-session-home": name}).status == 200


def test_a_place_that_has_lost_a_session_of_a_former_child_sends_nobody_round(tree: Tree) -> None:
    change(tree, moved)
    tree.clients["city"].delete(*tree.clients["city"].keys("edge:{up}:*"))
    reached, response = tree.follow("edge-a", "reader", "up", headers=FROM_EDGE_A)
    assert (reached, response.status) == ("city", 503)
