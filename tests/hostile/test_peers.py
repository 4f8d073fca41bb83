"""Whatever another node answers, it is an answer of that node, or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from edgedb.errors import EdgeError, PeerUnavailable
from edgedb.peers.calls import PeerClient
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.wire import openfaas
from edgedb.wire.model import Propagation, SessionToken
from edgedb.wire.packet import Cursor
from tests.hostile import strategies
from tests.hostile.calls import token
from tests.hostile.strategies import many
from tests.hostile.test_parsers import PACKET, TOKEN
from tests.support.tree import Tree

HELD = SessionToken.from_json(TOKEN)
METHODS: dict[str, tuple[Callable[[PeerClient], Any], Any]] = {
    "page": (lambda peer: peer.page("edge-a", "s", Cursor()), PACKET),
    "freeze": (lambda peer: peer.freeze(HELD, "t", 0, is_final=True), PACKET),
    "hand-over": (lambda peer: peer.hand_over("edge-a", "s", "t", "g"), {}),
    "thaw": (lambda peer: peer.thaw("edge-a", "s", "t"), {}),
    "offload": (lambda peer: peer.offload_session("cloud", HELD), TOKEN),
    "onload": (lambda peer: peer.onload_session("cloud", "edge-a", None, 2), {"": [TOKEN]}),
    "update": (lambda peer: peer.update_session("edge-a", HELD), {}),
    "propagate": (lambda peer: peer.propagate(Propagation("m", "cloud", "f", "", "city")), {}),
}
PROBLEM = {"type": "urn:edgedb:problem:NotFound", "title": "t", "status": 404, "detail": "d"}
methods = pytest.mark.parametrize(("call", "good"), METHODS.values(), ids=METHODS.keys())


@pytest.fixture
def answered(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Callable[[PeerResponse], PeerClient]:
    """Give a node whose peers answer all calls the same, and are not waited for."""
    monkeypatch.setattr(openfaas, "WAKING_S", 0.0)

    def client(response: PeerResponse) -> PeerClient:
        tree.hook = lambda _request, _deliver: response
        return tree.node("city").peers

    return client


@methods
@many
@given(st.data())
def test_an_answer_that_makes_no_sense_is_none(
    answered: Callable[[PeerResponse], PeerClient],
    call: Callable[[PeerClient], Any],
    good: Any,
    data: st.DataObject,
) -> None:
    body = data.draw(strategies.bytes_like(good)) if good else data.draw(st.binary(max_size=40))
    try:
        call(answered(PeerResponse(200, body)))
    except EdgeError as error:
        kind = type(error)
    else:
        return
    assert kind is PeerUnavailable


@methods
@many
@given(
    status=st.sampled_from([300, 301, 307, 400, 404, 409, 418, 500, 503, 599, 999]), data=st.data()
)
def test_a_refusal_that_makes_no_sense_is_none(
    answered: Callable[[PeerResponse], PeerClient],
    call: Callable[[PeerClient], Any],
    good: Any,  # noqa: ARG001
    status: int,
    data: st.DataObject,
) -> None:
    with pytest.raises(EdgeError):
        call(answered(PeerResponse(status, data.draw(strategies.bytes_like(PROBLEM)))))


@methods
@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("body", strategies.NOT_JSON.values(), ids=strategies.NOT_JSON.keys())
def test_an_answer_that_is_no_json_is_none(
    answered: Callable[[PeerResponse], PeerClient],
    call: Callable[[PeerClient], Any],
    good: Any,
    status: int,
    body: bytes,
) -> None:
    if status == 404 or good:
        with pytest.raises(PeerUnavailable):
            call(answered(PeerResponse(status, body)))


def test_more_sessions_than_asked_for_are_none(
    answered: Callable[[PeerResponse], PeerClient],
) -> None:
    body = b"[%s]" % b",".join([token("s")] * 3)
    with pytest.raises(PeerUnavailable):
        answered(PeerResponse(200, body)).onload_session("cloud", "edge-a", None, 2)


@pytest.mark.parametrize("body", [b"\xff", b""])
def test_a_test_functions_answer_is_text(
    answered: Callable[[PeerResponse], PeerClient], tree: Tree, body: bytes
) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    answered(PeerResponse(200, body))
    assert tree.call("edge-a", "test-function", query="session=s").status in {200, 502}


def test_the_call_for_a_whole_move_is_not_repeated_by_the_transport(tree: Tree) -> None:
    """While the first is at work the second is told that the session is busy: no move, it seems."""
    first, calls = tree.hook, dict[str, bool]()

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        calls[request.function] = request.is_repeatable
        return first(request, deliver)

    tree.hook = hook
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    assert calls == {"offload-session": False, "migrate-session": True}


def test_a_source_that_never_comes_to_an_end_is_given_up(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"move_timeout": 0.1})
    tree.write("edge-a", "one")
    endless_page = PACKET | {"session_data": [], "replies": [], "next": PACKET["next"]}
    endless_page |= {"token": json.loads(token("s"))}
    del endless_page["restart"], endless_page["grant"]
    first = tree.hook

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if request.method == "GET" or "phase=freeze" in request.query_string:
            return PeerResponse(200, json.dumps(endless_page).encode())
        return first(request, deliver)

    tree.hook = hook
    assert tree.oracle("edge-a", "force-offload", "session=s").status in {409, 502, 503}
    tree.hook = first
    assert tree.residents() == ["edge-a"]
    assert tree.leftovers() == {}
