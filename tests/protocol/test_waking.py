"""After a node's reboot a function has no process until it is called: the first calls fail.

What the platform answers then is in ``edgectl/local/gateway`` too, which the tests of whole trees
run; here the answers are given one by one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from edgedb.errors import StoreUnavailable
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.problems import problem
from edgedb.wire import openfaas
from edgedb.wire.headers import PROBLEM_JSON
from tests.support.tree import Tree

READY = "/_/ready"
NO_PROCESS = {
    "the container is not there yet": PeerResponse(
        500, b"Can't reach service for: f.", "text/plain"
    ),
    "the process does not listen yet": PeerResponse(500, b"", ""),
    "the provider has no address": PeerResponse(503, b"No endpoints available for: f.", ""),
    "the gateway's own front page": PeerResponse(307, b"", "text/html"),
    "the gateway's own methods": PeerResponse(405, b"", ""),
    "the gateway's own pages": PeerResponse(404, b"404 page not found\n", "text/plain"),
    "the watchdog's limit": PeerResponse(429, b"Concurrent request limit exceeded.", ""),
}
AT_WORK = {
    "exec_timeout": PeerResponse(504, b"", ""),
    "the gateway's limit": PeerResponse(502, b"", ""),
}


@dataclass
class Sleepers:
    """A hook for a tree whose functions sleep: the first ``calls`` to each are answered so."""

    answer: PeerResponse
    calls: int = 2
    only: str = ""
    seen: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        """Answer as the platform while the function sleeps; its readiness afterwards."""
        function = request.function.removesuffix(READY)
        place = f"{request.location}/{function}"
        self.seen[f"{request.method} {request.location}/{request.function}"] += 1
        self.seen[place] += 1
        if self.seen[place] <= self.calls and self.only in place:
            return self.answer
        return PeerResponse(200, b"ready\n", "") if function != request.function else deliver()


def sleeping(make_tree: Any, sleepers: Sleepers) -> Tree:
    tree: Tree = make_tree(settings={"peer_timeout": 10.0}, hook=sleepers)
    tree.write("edge-a", "one")
    return tree


@pytest.mark.parametrize("answer", NO_PROCESS.values(), ids=NO_PROCESS.keys())
def test_a_move_wakes_the_functions_that_it_needs(make_tree: Any, answer: PeerResponse) -> None:
    sleepers = Sleepers(answer)
    tree = sleeping(make_tree, sleepers)
    assert tree.offload("edge-a").current_location == "city"
    assert tree.words("edge-a") == ["one"]
    assert sleepers.seen["POST city/offload-session"] == 2
    tree.onload("edge-a")
    assert tree.residents() == ["edge-a"]


@pytest.mark.parametrize("answer", AT_WORK.values(), ids=AT_WORK.keys())
def test_a_move_that_may_be_under_way_is_not_asked_for_again(
    make_tree: Any, answer: PeerResponse
) -> None:
    sleepers = Sleepers(answer, only="offload-session")
    failed = sleeping(make_tree, sleepers).oracle("edge-a", "force-offload", "session=s")
    assert (failed.status, sleepers.seen["city/offload-session"]) == (502, 1)
    assert f"answered {answer.status}" in json.loads(failed.body)["detail"]


def test_an_answer_that_took_longer_than_a_start_does_may_be_of_a_move_under_way(
    make_tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openfaas, "WAKING_S", 0.0)
    sleepers = Sleepers(NO_PROCESS["the process does not listen yet"], only="offload-session")
    failed = sleeping(make_tree, sleepers).oracle("edge-a", "force-offload", "session=s")
    assert (failed.status, sleepers.seen["city/offload-session"]) == (502, 1)


def test_what_does_not_wake_up_is_waited_for_within_bounds_and_named(
    make_tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openfaas, "WAKING_S", 0.3)
    answer = NO_PROCESS["the container is not there yet"]
    sleepers = Sleepers(answer, calls=1000, only="offload-session")
    failed = sleeping(make_tree, sleepers).oracle("edge-a", "force-offload", "session=s")
    assert (failed.status, sleepers.seen["POST city/offload-session"]) == (502, 1)
    assert 1 < sleepers.seen["GET city/offload-session/_/ready"] < 200
    assert json.loads(failed.body)["detail"] == (
        "city: offload-session has no process, or has lost it:"
        " the platform answered 500, Can't reach service for: f."
    )


def test_a_function_that_is_awake_and_not_ready_is_asked_and_says_why(make_tree: Any) -> None:
    sleepers = Sleepers(NO_PROCESS["the process does not listen yet"], calls=1)
    tree = sleeping(make_tree, sleepers)

    def no_redis(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        answer = sleepers(request, deliver)
        if not answer.body:
            return answer
        refusal = problem(StoreUnavailable("no Redis"))
        return PeerResponse(refusal.status, refusal.body, PROBLEM_JSON)

    tree.hook = no_redis
    failed = tree.oracle("edge-a", "force-offload", "session=s")
    assert (failed.status, json.loads(failed.body)["detail"]) == (503, "city: no Redis")
    assert sleepers.seen["POST city/offload-session"] == 2


@pytest.mark.parametrize("status", [401, 403, 404, 418])
def test_what_is_no_sign_of_sleep_is_not_waited_for(make_tree: Any, status: int) -> None:
    answer = PeerResponse(status, b"error finding function f.openfaas-fn", "text/plain")
    sleepers = Sleepers(answer, calls=1000)
    failed = sleeping(make_tree, sleepers).oracle("edge-a", "force-offload", "session=s")
    assert (failed.status, sleepers.seen["city/offload-session"]) == (502, 1)
    assert f"answered {status}" in json.loads(failed.body)["detail"]
