"""An update stays in the outbox until its proprietary location has taken it, whatever is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgedb.errors import EdgeError, Forbidden, InsufficientStorage, StoreUnavailable, Unauthorized
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.problems import problem
from tests.support.tree import Hook, Tree, lose_answer, lose_request


def answered(error: EdgeError) -> Hook:
    """Give a hook: the proprietary location refuses to be told."""
    answer = problem(error)

    def hook(_: PeerRequest, __: Callable[[], PeerResponse]) -> PeerResponse:
        return PeerResponse(answer.status, answer.body)

    return hook


def of_updates(fault: Hook) -> Hook:
    """Give a hook with a fault in every ``update-session``."""

    def hook(call: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        return fault(call, deliver) if call.function == "update-session" else deliver()

    return hook


FAULTS = {
    "request-lost": lose_request,
    "answer-lost": lose_answer,
    "another-key": answered(Unauthorized("signed with another key")),
    "another-tree": answered(Forbidden("not above")),
    "server-away": answered(StoreUnavailable("no server")),
    "server-full": answered(InsufficientStorage("full")),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_update_that_was_not_taken_is_sent_again(tree: Tree, fault: Hook) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.hook = of_updates(fault)
    moved = tree.offload("city")
    tree.tick_all()
    assert tree.node("cloud").store.residents.load().outbox == 1
    tree.hook = lambda _, deliver: deliver()
    tree.tick_all()
    assert tree.node("cloud").store.residents.load().outbox == 0
    assert tree.node("edge-a").store.residents.token("s") == moved
