"""A move carries everything a session has, while its source keeps serving."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgedb.oracle.tick import tick
from edgedb.session import Changes
from edgedb.store.arrival import Staging
from edgedb.store.requests import Attempt, Run
from edgedb.store.staging import ListLedger
from edgedb.wire.packet import Since
from tests.support.contents import Content, appended, read, replaced, write
from tests.support.scripted import Scripted
from tests.support.tree import Tree

KIB = 1024


def to_the_root_and_home(tree: Tree) -> list[Callable[[], str]]:
    """Give the moves of a round trip; each gives where the session is then."""
    return [
        lambda: tree.offload("edge-a").current_location,
        lambda: tree.offload("city").current_location,
        lambda: tree.onload("city").current_location,
        lambda: tree.onload("edge-a").current_location,
    ]


def test_every_kind_of_data_survives_every_kind_of_move(tree: Tree) -> None:
    write(tree, {"text": "ü\U0001f6d2\n", "bytes": bytes(range(256)), "": ""}, {})
    write(tree, {"gone": "x"}, {"mixed": appended("a", b"\xff", ""), "gone": appended("x")})
    write(tree, {"gone": None}, {"gone": replaced(), "anew": appended("old")})
    write(tree, {}, {"anew": replaced(b"new"), "": appended("e")})
    expected: Content = (
        {"text": "ü\U0001f6d2\n", "bytes": bytes(range(256)), "": ""},
        {"mixed": ["a", b"\xff", ""], "anew": [b"new"], "": ["e"]},
    )
    names = ["text", "bytes", "", "gone", "mixed", "anew"]
    for move, place in zip(
        to_the_root_and_home(tree), ["city", "cloud", "city", "edge-a"], strict=True
    ):
        assert move() == place
        tree.tick_all()
        assert read(tree, place, names, names) == expected
        assert (tree.residents(), tree.leftovers()) == ([place], {})


def test_what_is_written_on_the_way_is_carried_on(tree: Tree) -> None:
    expected = ["0"]
    tree.write("edge-a", "0")
    for n, move in enumerate(to_the_root_and_home(tree), start=1):
        place = move()
        tree.write("edge-a", str(n))
        expected.append(str(n))
        assert tree.words(place) == expected


def test_an_epoch_is_given_to_one_owner_only(tree: Tree) -> None:
    tree.write("edge-a", "one")
    epochs = list[int]()
    for move in to_the_root_and_home(tree):
        place = move()
        token = tree.node(place).store.residents.token("s")
        assert token is not None
        epochs.append(token.epoch)
    assert epochs == [2, 3, 4, 5]


def test_a_move_waits_for_the_running_request_and_takes_its_writes_along(tree: Tree) -> None:
    tree.write("edge-a", "one")
    held = tree.node("edge-a").store.requests.begin(Attempt("s", "f", "a lock"))
    assert isinstance(held, Run)
    assert tree.oracle("edge-a", "force-offload").status == 503
    assert tree.leftovers() == {}
    tree.node("edge-a").store.requests.commit(held, Changes({}, {"words": appended("two")}))
    tree.offload("edge-a")
    assert tree.words("edge-a") == ["one", "two"]


@pytest.mark.parametrize("ended_by", ["tick", "next-move"])
def test_what_a_dead_mover_left_is_gone_after_its_time(tree: Tree, ended_by: str) -> None:
    tree.write("edge-a", "one")
    destination = tree.node("city").store.destination
    packet = tree.node("edge-a").store.source.page("s", Since())
    lists, _ = ListLedger().stage(packet.items)
    destination.stage([Staging(packet.token, packet.offer, "dead", 1, packet, lists)])
    assert "edge:{s}:list:0" in tree.leftovers()["city"]
    assert tree.oracle("edge-a", "force-offload").status == 503
    assert tree.call("city", "reader").status == 307
    tree.clock.advance(tree.node("city").settings.freeze_timeout)
    if ended_by == "tick":
        tick(tree.node("city"))
        assert tree.leftovers() == {}
    tree.offload("edge-a")
    assert tree.words("edge-a") == ["one"]


def test_a_session_that_keeps_nothing_but_replies_can_be_moved(tree: Tree) -> None:
    tree.functions["idle"] = Scripted(lambda _: "done")
    key = {"Idempotency-Key": "k"}
    tree.call("edge-a", "idle", headers=key)
    tree.offload("edge-a")
    assert json.loads(tree.oracle("edge-a", "force-onload").body)[0]["epoch"] == 3
