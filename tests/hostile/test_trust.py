"""What a node that has the key may do: speak for itself, of sessions on its own path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace as changed

from edgedb.errors import Forbidden, NotFound, OfferEnded, SessionBusy
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.store import keys
from edgedb.wire import fates
from edgedb.wire.hand_over import Answer, Ask, Changed, Ended, Handed, answers_from_msgpack
from edgedb.wire.packet import SessionPacket, Since, to_msgpack
from tests.hostile import strategies
from tests.hostile.calls import OFFER, OFFLOAD, TELL, UPDATE, Call, packets, propagation, token
from tests.hostile.strategies import many
from tests.support.dumps import Held
from tests.support.tree import Tree

FUTURE = 2**53 - 1

MOVES_OF_OTHERS = {
    "a-siblings": replace(OFFLOAD, caller="edge-b"),
    "one-that-is-above": replace(OFFLOAD, body=token("s", currentLocation="cloud")),
    "an-unknown-place": replace(OFFLOAD, body=token("s", currentLocation="http://elsewhere")),
    "an-offer-of-a-siblings": replace(OFFER, caller="edge-b"),
    "an-offer-of-one-above": replace(OFFER, body=packets(token("s", currentLocation="cloud"))),
    "one-of-others-among-its-own": replace(
        OFFER, body=packets(token("s"), token("up", currentLocation="edge-b"))
    ),
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


def offered(tree: Tree, location: str, session: str) -> SessionPacket:
    """Give all of a session, as its place offers it."""
    return tree.node(location).store.source.page(session, Since())


def good_ask(tree: Tree) -> Ask:
    """Give what a destination asks that has all of session ``up``, which is at city."""
    packet = offered(tree, "city", "up")
    return Ask("up", "t", packet.token.epoch, *packet.offer, packet.version)


def answers(
    tree: Tree, caller: str, *asks: Ask, to: str = "", hold: str = "no"
) -> dict[str, Answer]:
    """Ask city for sessions; gives the answers."""
    query = f"phase=hand-over&to={to or caller}&hold={hold}"
    body = msgspec.json.encode(asks)
    call = Call("city", "migrate-session", query, body, caller)
    response = tree.respond("city", "migrate-session", call.request)
    assert response.status == 200, response.body
    return answers_from_msgpack(response.body)


def test_a_session_is_given_to_one_transfer_of_one_place_only(state: Tree) -> None:
    ask = good_ask(state)
    others = [("edge-a", ask), ("cloud", changed(ask, transfer="other"))]
    for _ in range(2):
        assert answers(state, "cloud", ask)["up"] == Handed(ask.version)
        for caller, other in others:
            assert isinstance(answers(state, caller, other)["up"], Ended)


GUESSES: dict[str, Callable[[Ask, str], Ask]] = {
    "stay": lambda ask, guess: changed(ask, stay=guess),
    "run": lambda ask, guess: changed(ask, run=guess),
    "both": lambda ask, guess: changed(ask, stay=guess, run=guess),
}


@pytest.mark.parametrize("guessed", GUESSES.values(), ids=GUESSES.keys())
@pytest.mark.parametrize("guess", ["", "t", "x" * 16, "\x00", "None", "false", "*", "0" * 40])
def test_what_was_not_offered_is_not_given_nor_held(
    state: Tree, held: Held, guessed: Callable[[Ask, str], Ask], guess: str
) -> None:
    answer = answers(state, "cloud", guessed(good_ask(state), guess), hold="any")["up"]
    assert isinstance(answer, Ended)
    assert held.is_unchanged()


@pytest.mark.parametrize("change", [{"version": FUTURE}, {"epoch": FUTURE}, {"epoch": 0}], ids=str)
def test_a_version_or_an_epoch_that_never_was_is_not_given(
    state: Tree, held: Held, change: dict[str, int]
) -> None:
    answer = answers(state, "cloud", changed(good_ask(state), **change), hold="any")["up"]
    assert isinstance(answer, Ended)
    assert held.is_unchanged()


def test_who_has_nothing_of_a_session_gets_no_more_than_it_may_read(
    state: Tree, held: Held
) -> None:
    answer = answers(state, "cloud", changed(good_ask(state), version=0))["up"]
    assert isinstance(answer, Changed)
    assert answer.difference == offered(state, "city", "up")
    assert held.is_unchanged()


def test_nobody_asks_in_anothers_name(state: Tree, held: Held) -> None:
    body = msgspec.json.encode([good_ask(state)])
    query = "phase=hand-over&to=cloud&hold=any"
    for caller in ("edge-a", "edge-b", "elsewhere"):
        assert Call("city", "migrate-session", query, body, caller)(state) in {401, 403}
    assert held.is_unchanged()


def test_a_session_is_given_to_nobody_off_its_path_and_what_else_is_asked_for_is_answered(
    state: Tree, held: Held
) -> None:
    ask = good_ask(state)
    found = answers(state, "edge-b", ask, changed(ask, session="none"), hold="any")
    assert (type(found["up"]), type(found["none"])) == (Forbidden, NotFound)
    assert held.is_unchanged()
    assert state.call("city", "keeper", "up").status == 200


def test_a_repeated_hold_keeps_nobody_waiting(state: Tree) -> None:
    ask = changed(good_ask(state), version=0)
    answers(state, "cloud", ask, hold="any")
    assert state.call("city", "keeper", "up").status == 503
    state.clock.advance(state.node("city").settings.freeze_timeout)
    for transfer in ("t", "other"):
        answers(state, "cloud", changed(ask, transfer=transfer), hold="any")
        assert state.call("city", "keeper", "up").status == 200


def fate_of(tree: Tree, packet: SessionPacket) -> fates.Fate:
    """Let edge-a offer its session to city; gives what became of it."""
    call = replace(OFFER, body=to_msgpack([packet]))
    response = tree.respond("city", "offload-session", call.request)
    assert response.status == 200, response.body
    return fates.from_json(response.body, "city")[packet.token.session]


def test_an_offer_that_nobody_made_moves_nothing_and_leaves_nothing(
    state: Tree, held: Held
) -> None:
    packet = offered(state, "edge-a", "s")
    forged = [
        changed(packet, offer=packet.offer._replace(stay="guess")),
        changed(packet, version=2**40),
    ]
    for each in forged:
        assert isinstance(fate_of(state, each), OfferEnded | SessionBusy)
        assert held.is_unchanged()


def test_an_offer_of_a_run_that_never_was_moves_nothing_and_is_not_lost(
    state: Tree, held: Held
) -> None:
    packet = offered(state, "edge-a", "s")
    forged = changed(packet, offer=packet.offer._replace(run="guess"))
    assert isinstance(fate_of(state, forged), OfferEnded)
    _, asides = state.node("city").store.aside.listed()
    (new,) = (aside for aside in asides if aside.id != "aside")
    assert "edge-a has started anew" in new.why
    assert state.clients["city"].hdel(keys.ASIDES, new.id)
    for key in state.clients["city"].scan_iter(f"edge-aside:{new.id}:*"):
        assert state.clients["city"].ttl(key) > 0
        state.clients["city"].delete(key)
    assert held.is_unchanged()


def test_an_offer_with_other_content_than_the_session_has_is_the_sources_own_word(
    state: Tree,
) -> None:
    """A node speaks for itself: what it offers under its own version is what it has."""
    packet = changed(offered(state, "edge-a", "s"), items=())
    assert fate_of(state, packet) == packet.token.moved_to("city")
    assert state.residents() == ["city"]


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
    places = {"proprietaryLocation": proprietary, "currentLocation": current}
    body = token(session, **places, epoch=epoch)
    for call in (replace(OFFLOAD, body=body), replace(UPDATE, body=body)):
        assert call(state) < 500
    assert replace(OFFER, body=packets(body))(state) < 500
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
