"""A call that arrives twice is told both times what the first one has done."""

from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import to_builtins

from edgedb.oracle.tick import tick
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.wire.model import SessionToken
from tests.support.hooks import Deliver, as_usual, at_hand_over, where
from tests.support.signed import NodeCall
from tests.support.tree import Tree

TOKEN = SessionToken("s", "edge-a", "edge-a", "notebook", 1)


def twice(_: PeerRequest, deliver: Deliver) -> PeerResponse:
    """Let a call arrive twice; who has made it hears the second answer."""
    deliver()
    return deliver()


@pytest.mark.parametrize("status", ["accept", "reject"])
def test_sessions_that_are_offered_twice_move_once(tree: Tree, status: str) -> None:
    tree.oracle("city", "set-offload-status", f"status={status}")
    tree.write("edge-a", "one")
    tree.hook = where(lambda call: call.function == "offload-session", twice)
    token = tree.offload("edge-a")
    assert (tree.residents(), token.epoch) == ([token.current_location], 2)
    assert tree.leftovers() == {}


def test_a_token_that_comes_twice_is_answered_the_same(tree: Tree) -> None:
    tree.write("edge-a", "one")
    body = msgspec.json.encode(TOKEN)
    first, again = (NodeCall("edge-a", "city", "offload-session", body=body) for _ in range(2))
    told = [call.signed(tree) for call in (first, again)]
    assert [answer.status for answer in told] == [200, 200]
    assert (
        json.loads(told[0].body) == json.loads(told[1].body) == to_builtins(TOKEN.moved_to("city"))
    )


def test_a_session_of_another_home_under_that_name_is_no_answer(tree: Tree) -> None:
    tree.write("edge-b", "another's")
    tree.offload("edge-b")
    tree.write("edge-a", "one")
    assert tree.oracle("edge-a", "force-offload", "session=s").status == 409
    assert tree.residents() == ["city", "edge-a"]


def test_a_tick_leaves_a_copy_alone_whose_mover_fetches_what_has_changed(tree: Tree) -> None:
    tree.write("edge-a", "one")

    def change_and_tick(_: PeerRequest, deliver: Deliver) -> PeerResponse:
        tree.hook = as_usual
        tree.write("edge-a", "two")
        answer = deliver()
        tick(tree.node("city"))
        return answer

    tree.hook = at_hand_over(change_and_tick)
    assert tree.offload("edge-a").current_location == "city"
    assert tree.words("edge-a") == ["one", "two"]
    assert tree.leftovers() == {}
