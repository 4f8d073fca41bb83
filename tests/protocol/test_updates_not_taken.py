"""An update stays in the outbox until its proprietary location has taken it, whatever is wrong."""

from __future__ import annotations

import pytest

from edgedb.errors import Forbidden, InsufficientStorage, StoreUnavailable, Unauthorized
from tests.support.hooks import Hook, answer, as_usual, lose_answer, lose_request, where
from tests.support.tree import Tree

FAULTS = {
    "request-lost": lose_request,
    "answer-lost": lose_answer,
    "another-key": answer(Unauthorized("signed with another key")),
    "another-tree": answer(Forbidden("not above")),
    "server-away": answer(StoreUnavailable("no server")),
    "server-full": answer(InsufficientStorage("full")),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_update_that_was_not_taken_is_sent_again(tree: Tree, fault: Hook) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.hook = where(lambda call: call.function == "update-session", fault)
    moved = tree.offload("city")
    tree.tick_all()
    assert tree.node("cloud").store.residents.load().outbox == 1
    tree.hook = as_usual
    tree.tick_all()
    assert tree.node("cloud").store.residents.load().outbox == 0
    assert tree.node("edge-a").store.residents.token("s") == moved
