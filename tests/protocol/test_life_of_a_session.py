"""A session is created at the edge, moves up, serves everywhere and comes home."""

from __future__ import annotations

import json

from tests.support.tree import Tree


def test_a_session_is_created_where_it_is_first_used(tree: Tree) -> None:
    response = tree.call("edge-a", query="word=one")
    assert response.status == 200, response.body
    assert tree.residents() == ["edge-a"]
    assert tree.words("edge-a") == ["one"]


def test_an_offloaded_session_is_reached_through_a_redirect(tree: Tree) -> None:
    tree.write("edge-a", "one")
    token = tree.offload("edge-a")
    assert (token.current_location, token.proprietary_location, token.epoch) == (
        "city",
        "edge-a",
        2,
    )
    place, response = tree.follow("edge-a", query="word=two")
    assert place == "city"
    assert json.loads(response.body)["count"] == 2
    assert tree.words("edge-a") == ["one", "two"]
    assert tree.residents() == ["city"]
    assert tree.leftovers() == {}


def test_a_rejecting_parent_passes_the_session_on(tree: Tree) -> None:
    tree.write("edge-a", "one")
    assert tree.oracle("city", "set-offload-status", "status=reject").status == 200
    assert tree.offload("edge-a").current_location == "cloud"
    tree.tick_all()
    assert tree.follow("edge-a", query="word=two")[0] == "cloud"


def test_one_force_onload_brings_a_session_home_from_two_levels_up(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    assert tree.offload("city").current_location == "cloud"
    tree.tick_all()
    tree.write("edge-a", "two")
    assert tree.onload("edge-a").current_location == "edge-a"
    assert tree.call("edge-a", query="word=three").status == 200
    assert tree.words("edge-a") == ["one", "two", "three"]
    assert tree.residents() == ["edge-a"]
    assert tree.leftovers() == {}
