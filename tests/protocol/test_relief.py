"""A full node gets rid of what is too much, many sessions at a time, whatever else is due."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgedb.oracle import commands, tick
from tests.support.hooks import to
from tests.support.tree import Tree

FULL = {"offload_above": 0, "offload_below": 0}


def filled(tree: Tree, count: int) -> list[str]:
    """Put sessions into edge-a."""
    names = [f"s{number}" for number in range(count)]
    for name in names:
        tree.write("edge-a", "one", name)
    return names


def offloaded(tree: Tree) -> int:
    """Let edge-a tick; gives how many sessions have left."""
    return int(json.loads(tree.oracle("edge-a", "oracle").body)["offloaded"])


def test_many_sessions_leave_in_two_calls_of_each_node(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings=FULL)
    names = filled(tree, 40)
    tree.calls.clear()
    assert offloaded(tree) == 40
    assert tree.calls == ["POST city/offload-session", "POST edge-a/migrate-session"]
    assert all(tree.residents(name) == ["city"] for name in names)


def test_what_is_too_much_for_one_call_is_moved_in_several(
    make_tree: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (commands, tick):
        monkeypatch.setattr(module, "BATCH", 10)
    tree = make_tree(settings=FULL)
    filled(tree, 25)
    assert offloaded(tree) == 25


def test_a_session_that_cannot_move_holds_up_no_other(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings=FULL)
    names = filled(tree, 10)
    for name in names[:3]:
        tree.clients["edge-a"].hset(f"edge:{{{name}}}:meta", "proprietary", "gone")
    assert offloaded(tree) == 7
    assert all(tree.residents(name) == ["edge-a"] for name in names[:3])
    assert all(tree.residents(name) == ["city"] for name in names[3:])


def test_relief_comes_before_messages_are_delivered(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings=FULL)
    tree.call("edge-a", "notebook", "s", query="word=milk&tell=cloud")
    tree.calls.clear()
    assert offloaded(tree) == 1
    assert tree.calls.index("POST city/offload-session") < tree.calls.index("POST cloud/tally")


def test_who_takes_no_messages_is_asked_once_and_the_others_are_too(tree: Tree) -> None:
    for word in ("milk", "eggs"):
        tree.call("edge-a", "notebook", "s", query=f"word={word}&tell=cloud")
        tree.call("edge-a", "notebook", "s", query=f"word={word}&tell=city")
    tree.hook = to("cloud")
    tree.calls.clear()
    assert json.loads(tree.oracle("edge-a", "oracle").body)["delivered"] == 8
    assert tree.calls.count("POST cloud/tally") == 1
    assert tree.calls.count("POST city/tally") == 4
