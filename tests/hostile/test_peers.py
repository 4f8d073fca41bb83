"""Whatever another node answers, it is an answer of that node, or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec import convert
from msgspec.structs import replace

from edgedb.errors import EdgeError, PeerUnavailable
from edgedb.peers.calls import PeerClient
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.wire import openfaas
from edgedb.wire.choices import Hold
from edgedb.wire.hand_over import Ask, Handed, answers_to_msgpack
from edgedb.wire.model import Propagation, SessionToken
from edgedb.wire.packet import Offer, SessionPacket, Since, Within, to_msgpack
from tests.hostile import strategies
from tests.hostile.strategies import many
from tests.hostile.test_parsers import ANSWERS, FATES, PACKED, PROBLEM, TOKEN
from tests.support.tree import Tree

HELD = convert(TOKEN, SessionToken)
OFFER = Offer("x", "y")
ASK = Ask("s", "t", 1, *OFFER, 1)
FIRST = SessionPacket(HELD, 1, offer=OFFER)

METHODS: dict[str, tuple[Callable[[PeerClient], Any], Any]] = {
    "page": (lambda peer: peer.page("edge-a", "s", Since(), OFFER), [PACKED]),
    "part": (lambda peer: peer.page("edge-a", "s", Within("k", 1), OFFER), [PACKED]),
    "hand-over": (lambda peer: peer.hand_over("edge-a", [ASK], Hold.NO), ANSWERS),
    "offload": (lambda peer: peer.offload_session("cloud", [FIRST]), FATES),
    "onload": (lambda peer: peer.onload_session("cloud", "edge-a", None, 2), [PACKED]),
    "update": (lambda peer: peer.update_session("edge-a", HELD), {}),
    "known": (lambda peer: peer.known("edge-a", ["s"]), [{"token": TOKEN, "version": 1}]),
    "propagate": (lambda peer: peer.propagate(Propagation.of("m", "cloud", "f", "", "city")), {}),
}
methods = pytest.mark.parametrize(("call", "good"), METHODS.values(), ids=METHODS.keys())


@pytest.fixture
def answered(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Callable[[PeerResponse], PeerClient]:
    """Give a node whose peers answer all calls the same, and are not waited for."""
    monkeypatch.setattr(openfaas, "WAKING_S", 0.0)

    def client(response: PeerResponse) -> PeerClient:
        tree.hook = lambda _request, _deliver: response
        return tree.node("city").peers

    return client


def bodies_like(document: Any) -> st.SearchStrategy[bytes]:
    """Give JSON and MessagePack that are like a document."""
    return strategies.packed_like(document) | strategies.json_like(document)


@methods
@many
@given(st.data())
def test_an_answer_that_makes_no_sense_is_none(
    answered: Callable[[PeerResponse], PeerClient],
    call: Callable[[PeerClient], Any],
    good: Any,
    data: st.DataObject,
) -> None:
    body = data.draw(bodies_like(good) if good else st.binary(max_size=40))
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
    body = to_msgpack([FIRST] * 3)
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


UNASKED: dict[str, dict[str, Any]] = {
    "another-version": {"s": Handed(10**9)},
    "an-older-version": {"s": Handed(0)},
    "another-session": {"other": Handed(1)},
    "none": {},
}


@pytest.mark.parametrize("answers", UNASKED.values(), ids=UNASKED.keys())
def test_what_gives_something_else_than_was_asked_for_gives_nothing(
    tree: Tree, answers: dict[str, Any]
) -> None:
    tree.write("edge-a", "one")
    first = tree.hook

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if "phase=hand-over" in request.query_string:
            return PeerResponse(200, answers_to_msgpack(answers))
        return first(request, deliver)

    tree.hook = hook
    assert tree.oracle("edge-a", "force-offload", "session=s").status == 502
    assert tree.residents() == ["edge-a"]
    tree.hook = first  # the copy is prepared, and the next tick asks again
    tree.tick_all()
    assert (tree.residents(), tree.leftovers()) == (["city"], {})
    assert tree.words("edge-a") == ["one"]


OTHERS: dict[str, Callable[[SessionPacket], SessionPacket]] = {
    "session": lambda page: replace(page, token=replace(page.token, session="other")),
    "epoch": lambda page: replace(page, token=replace(page.token, epoch=7)),
    "place": lambda page: replace(page, token=replace(page.token, current_location="cloud")),
    "stay": lambda page: replace(page, offer=page.offer._replace(stay="other")),
    "run": lambda page: replace(page, offer=page.offer._replace(run="other")),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_a_page_of_something_else_than_was_offered_is_not_staged(
    tree: Tree, other: Callable[[SessionPacket], SessionPacket]
) -> None:
    tree.write("edge-a", "x" * 100_000)
    page, first = tree.node("edge-a").store.source.page("s", Since()), tree.hook

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if request.method == "GET":
            return PeerResponse(200, to_msgpack([other(page)]))
        return first(request, deliver)

    tree.hook = hook
    assert tree.oracle("edge-a", "force-offload", "session=s").status == 502
    assert (tree.residents(), tree.leftovers()) == (["edge-a"], {})


def test_what_is_said_of_other_sessions_says_nothing_of_the_one_that_was_offered(
    tree: Tree,
) -> None:
    tree.write("edge-a", "one", "mine")
    tree.hook = lambda _request, _deliver: PeerResponse(200, json.dumps(FATES).encode())
    assert tree.oracle("edge-a", "force-offload", "session=mine").status == 502
    assert tree.residents("mine") == ["edge-a"]


def test_a_source_that_never_comes_to_an_end_is_given_up(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"move_timeout": 0.1})
    tree.write("edge-a", "one")
    tree.write("edge-a", "x" * 100_000)  # so much that it is read page by page
    endless = replace(tree.node("edge-a").store.source.page("s", Since()), items=(), next=0)
    first = tree.hook

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if request.method == "GET":
            return PeerResponse(200, to_msgpack([endless]))
        return first(request, deliver)

    tree.hook = hook
    assert tree.oracle("edge-a", "force-offload", "session=s").status in {409, 502, 503}
    tree.hook = first
    assert tree.residents() == ["edge-a"]
    assert tree.leftovers() == {}
