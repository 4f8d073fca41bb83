"""What a node that has the key may do: speak for itself, of sessions on its own path."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from edgedb.peers.transport import PeerRequest, PeerResponse
from tests.hostile import strategies
from tests.hostile.calls import OFFLOAD, TELL, UPDATE, Call, propagation, token
from tests.hostile.strategies import many
from tests.support.dumps import Held
from tests.support.tree import Tree

FUTURE = 2**53 - 1

MOVES_OF_OTHERS = {
    "a-siblings": replace(OFFLOAD, caller="edge-b"),
    "one-that-is-above": replace(OFFLOAD, body=token("s", currentLocation="cloud")),
    "an-unknown-place": replace(OFFLOAD, body=token("s", currentLocation="http://elsewhere")),
}
NEWS_OF_OTHERS = {
    "one-above-names-another": replace(
        UPDATE, caller="city", body=token("up", currentLocation="cloud", epoch=FUTURE)
    ),
    "one-above-names-a-place-below": replace(
        UPDATE, caller="cloud", body=token("up", currentLocation="city", epoch=FUTURE)
    ),
}
MESSAGES_OF_OTHERS = {
    "to-another-place": (propagation(to="cloud"), 400),
    "to-another-function": (propagation(function="keeper"), 400),
    "from-another-place": (propagation(origin="edge-b"), 403),
    "without-an-id": (propagation(id=""), 400),
    "with-an-endless-id": (propagation(id="m" * 1000), 400),
    "with-an-id-that-is-no-text": (propagation(id="\ud800"), 400),
    "from-what-is-no-text": (propagation(origin="\ud800"), 400),
}


@pytest.mark.parametrize("call", MOVES_OF_OTHERS.values(), ids=MOVES_OF_OTHERS.keys())
def test_a_node_offloads_only_what_is_with_it_or_below(state: Tree, held: Held, call: Call) -> None:
    assert call(state) in {400, 403}
    assert held.is_unchanged()


@pytest.mark.parametrize("call", NEWS_OF_OTHERS.values(), ids=NEWS_OF_OTHERS.keys())
def test_only_who_has_a_session_tells_its_proprietary_so(
    state: Tree, held: Held, call: Call
) -> None:
    assert call(state) == 403
    assert held.is_unchanged()


@pytest.mark.parametrize(
    ("body", "status"), MESSAGES_OF_OTHERS.values(), ids=MESSAGES_OF_OTHERS.keys()
)
def test_a_value_is_taken_only_where_it_is_sent_and_from_whom(
    state: Tree, held: Held, body: bytes, status: int
) -> None:
    assert replace(TELL, body=body)(state) == status
    assert held.is_unchanged()


def step(tree: Tree, caller: str, phase: str, grant: str = "") -> PeerResponse:
    """Make a step of a move of session ``up`` away from city; gives the answer."""
    query = f"session=up&phase={phase}&transfer=t&to={caller}&epoch=2&grant={grant}"
    call = Call("city", "migrate-session", query, caller=caller)
    response = tree.respond("city", "migrate-session", call.request)
    return PeerResponse(response.status, response.body)


def frozen_for_cloud(tree: Tree) -> str:
    return str(json.loads(step(tree, "cloud", "freeze").body)["grant"])


def test_a_grant_is_honoured_for_one_place_only(state: Tree) -> None:
    grant = frozen_for_cloud(state)
    assert step(state, "cloud", "hand-over", grant).status == 200
    assert step(state, "edge-a", "hand-over", grant).status == 409
    assert step(state, "cloud", "hand-over", grant).status == 200


@pytest.mark.parametrize("guess", ["", "t", "x" * 16, "%00", "None", "false", "*"])
def test_a_guessed_grant_is_worth_nothing(state: Tree, guess: str) -> None:
    frozen_for_cloud(state)
    held = Held(state)
    assert step(state, "cloud", "hand-over", guess).status in {400, 409}
    assert held.is_unchanged()


def test_a_session_that_is_not_frozen_has_no_grant(state: Tree, held: Held) -> None:
    for guess in ("", "x", "false", "nil"):
        assert step(state, "cloud", "hand-over", guess).status in {400, 409}
    assert held.is_unchanged()


@pytest.mark.parametrize("caller", ["cloud", "edge-a"])
def test_another_transfer_is_not_thawed(state: Tree, caller: str) -> None:
    frozen_for_cloud(state)
    held = Held(state)
    call = Call("city", "migrate-session", caller=caller)
    query = f"session=up&phase=thaw&transfer=other&to={caller}"
    assert replace(call, query=query)(state) == 200
    assert held.is_unchanged()


places = st.sampled_from(["cloud", "city", "edge-a", "edge-b"])
foreign = strategies.texts | st.sampled_from(
    ["http://evil", "//evil", "city@evil", "city/../x", "CITY", "edge-c", "city\r\nX: y", "city "]
)
GATEWAYS = {"http://cloud", "http://city", "http://edge-a", "http://edge-b"}


@many
@given(places | foreign, places | foreign, st.sampled_from(["s", "up", "none"]), st.integers(0, 3))
def test_no_token_makes_a_node_call_a_gateway_that_is_not_of_its_tree(
    state: Tree, held: Held, proprietary: str, current: str, session: str, epoch: int
) -> None:
    called = set[str]()

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        called.add(request.url.partition("/function/")[0])
        return deliver()

    state.hook = hook
    for call in (OFFLOAD, UPDATE):
        changes = {"proprietaryLocation": proprietary, "currentLocation": current, "epoch": epoch}
        assert replace(call, body=token(session, **changes))(state) < 500
    held.put_back()
    assert called <= GATEWAYS


@pytest.mark.parametrize("place", ["evil", "http://evil", "edge-b", "edge-a\r\nX: y"])
def test_a_pointer_to_a_place_that_is_not_of_the_tree_redirects_nobody(
    state: Tree, place: str
) -> None:
    state.clients["edge-a"].hset("edge:{up}:meta", "current", place)
    response = state.call("edge-a", "keeper", "up")
    assert response.status >= 400
    assert "Location" not in dict(response.headers)
    assert Call("edge-a", "test-function", "session=up")(state) >= 400
