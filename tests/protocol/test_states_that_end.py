"""States that end by themselves: without a tick, or without the node they wait for."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.support.hooks import lose_answer
from tests.support.tree import Tree


def test_a_request_finishes_the_move_that_it_waits_for(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"lock_wait": 2.0})
    tree.write("edge-a", "one")
    tree.strand(fault=lose_answer)
    assert json.loads(tree.write("edge-a", "two").body) == {"location": "city", "count": 2}
    assert (tree.residents(), tree.leftovers()) == (["city"], {})


def test_an_update_for_a_home_that_lost_the_session_is_dropped(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.forget("edge-a")
    tree.offload("city")
    assert tree.node("cloud").store.residents.load().outbox == 1
    tree.tick_all()
    assert tree.node("cloud").store.residents.load().outbox == 0


def test_what_a_home_has_lost_can_be_brought_home(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.forget("edge-a")
    tree.onload("edge-a")
    assert tree.words("edge-a") == ["one"]
