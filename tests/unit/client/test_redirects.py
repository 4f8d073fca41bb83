"""EdgeSession tells a session's id and its user's credentials to gateways of the tree, only."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from edgedb.client import EdgeSession, UnconfirmedGateway
from tests.unit.client.gateways import (
    CITY,
    CLOUD,
    EDGE,
    Answer,
    Gateways,
    Sent,
    confirming,
    fixed,
    in_turn,
    lost,
    session_at,
)

ELSEWHERE = "http://elsewhere"
SECRETS = {"Authorization", "Cookie", "X-session", "Idempotency-Key"}


def told(call: Sent) -> set[str]:
    """Give what a request tells that is of the session or its user."""
    return SECRETS & set(call.headers)


def post_with_credentials(session: EdgeSession) -> requests.Response:
    session.cookies.set("of", "no domain")
    return session.post("/function/cart", data=b"body", auth=("me", "secret"))


@pytest.mark.parametrize("status", [307, 308])
def test_a_gateway_that_the_node_confirms_is_told_everything(
    session: EdgeSession, net: Gateways, status: int
) -> None:
    net.answers |= {EDGE: lambda call: (status, *session_at(CITY)(call)[1:]), CITY: fixed(200)}
    assert post_with_credentials(session).ok
    assert [told(call) for call in net.sent] == [SECRETS, SECRETS]
    (question,) = net.questions
    assert (question.method, question.body) == ("GET", b"")
    assert question.url == f"{EDGE}/function/test-function/gateway?location=city"


def test_a_gateway_is_confirmed_once_for_all_functions(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: session_at(CLOUD), CLOUD: fixed(200)}
    for function in ("cart", "cart", "photos"):
        session.post(f"/function/{function}")
    assert [call.url.partition("/function/")[0] for call in net.questions] == [EDGE, CITY]


def test_a_gateway_that_wants_credentials_for_all_functions_gets_them_with_the_question(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    post_with_credentials(session)
    assert told(net.questions[0]) == {"Authorization", "Cookie"}


def test_the_way_home_needs_no_confirmation(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    session.post("/function/cart")
    net.answers |= {EDGE: fixed(200), CITY: session_at(EDGE)}
    session.post("/function/cart")
    assert len(net.questions) == 1


def test_a_gateway_with_a_new_address_is_confirmed_anew(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    session.post("/function/cart")
    moved = "http://moved:1"
    net.confirm = confirming({"city": moved})
    net.answers |= {EDGE: session_at(moved, "city"), CITY: lost, moved: fixed(200, b"moved")}
    assert session.post("/function/cart").text == "moved"


@pytest.mark.parametrize(
    "redirect",
    [
        pytest.param(session_at(ELSEWHERE, "city"), id="a location of the tree, somewhere else"),
        pytest.param(session_at(ELSEWHERE, "nowhere"), id="no location of the tree"),
        pytest.param(session_at(f"{CITY}@elsewhere", "city"), id="an address like a gateway's"),
        pytest.param(
            fixed(307, Location=f"{CITY}/function/other", X_session_location="city"),
            id="another function",
        ),
        pytest.param(
            fixed(307, Location=f"{CITY}/function/cart/other", X_session_location="city"),
            id="another path",
        ),
        pytest.param(
            fixed(307, Location=f"{CITY}/function/cart?x=1", X_session_location="city"),
            id="another query",
        ),
    ],
)
def test_where_no_node_confirms_that_the_session_is_nobody_is_told(
    session: EdgeSession, net: Gateways, redirect: Callable[[Sent], Answer]
) -> None:
    net.answers |= {EDGE: redirect, CITY: fixed(200), ELSEWHERE: fixed(200)}
    with pytest.raises(UnconfirmedGateway, match=f"{EDGE} does not confirm"):
        post_with_credentials(session)
    assert set(net.places) == {EDGE}


@pytest.mark.parametrize(
    "confirm",
    [
        fixed(401),
        fixed(404, b"error finding function"),
        fixed(200, b"offloaded: no"),
        fixed(200, b"[]"),
        fixed(307, Location="/ui/"),
    ],
)
def test_a_node_that_does_not_understand_the_question_confirms_nothing(
    session: EdgeSession, net: Gateways, confirm: Callable[[Sent], Answer]
) -> None:
    net.confirm = confirm
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    with pytest.raises(UnconfirmedGateway):
        session.post("/function/cart")
    assert set(net.places) == {EDGE}


@pytest.mark.parametrize("failure", [lost, fixed(500), fixed(503)])
def test_a_question_that_gets_no_answer_is_asked_again(
    session: EdgeSession, net: Gateways, failure: Callable[[Sent], Answer]
) -> None:
    net.confirm = in_turn(failure, confirming({"city": CITY}))
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200, b"there")}
    assert session.post("/function/cart").text == "there"
    assert len({call.headers["Idempotency-Key"] for call in net.sent}) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_server_is_told_nothing_of_the_session(
    session: EdgeSession, net: Gateways, status: int
) -> None:
    net.answers |= {
        EDGE: fixed(status, Location=f"{ELSEWHERE}/function/cart"),
        ELSEWHERE: in_turn(fixed(303, Location="/page"), fixed(200, b"page")),
    }
    answer = post_with_credentials(session)
    assert (answer.text, [hop.status_code for hop in answer.history]) == ("page", [status, 303])
    assert [told(call) for call in net.sent] == [SECRETS, set(), set()]
    assert session.gateway_of("cart") == EDGE


def test_a_gateway_of_the_tree_is_told_nothing_by_a_functions_own_redirect(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    session.post("/function/cart")
    net.answers |= {
        CITY: fixed(303, Location=f"{CLOUD}/function/receipt"),
        CLOUD: fixed(200),
    }
    post_with_credentials(session)
    assert [told(call) for call in net.sent[2:]] == [SECRETS, set()]


def test_what_is_beside_the_gateway_on_its_server_is_told_nothing(
    session: EdgeSession, net: Gateways
) -> None:
    server = CLOUD.removesuffix("/openfaas")
    net.answers |= {
        EDGE: session_at(CLOUD),
        CLOUD: fixed(303, Location=f"{server}/login"),
        server: fixed(200),
    }
    post_with_credentials(session)
    assert told(net.sent[-1]) == set()


@pytest.mark.parametrize("location", ["/function/receipt?n=1", f"{EDGE}/function/receipt?n=1"])
def test_a_redirect_to_another_function_is_a_call_with_a_key_of_its_own(
    session: EdgeSession, net: Gateways, location: str
) -> None:
    net.answers[EDGE] = in_turn(fixed(303, Location=location), lost, fixed(200, b"receipt"))
    answer = session.post("/function/cart", data=b"body", auth=("me", "secret"))
    assert (answer.text, [hop.status_code for hop in answer.history]) == ("receipt", [303])
    first, second, again = net.sent
    assert (second.method, second.url, second.body) == ("GET", f"{EDGE}/function/receipt?n=1", b"")
    assert second.headers["Idempotency-Key"] != first.headers["Idempotency-Key"]
    assert second.headers["X-session"] == b"alice"
    assert second.headers["Authorization"] == first.headers["Authorization"]
    assert again.headers == second.headers


def test_the_call_after_a_redirect_follows_the_session_too(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers |= {
        EDGE: in_turn(fixed(303, Location="/function/receipt"), session_at(CITY)),
        CITY: fixed(200, b"receipt"),
    }
    answer = session.post("/function/cart")
    assert (answer.text, [hop.status_code for hop in answer.history]) == ("receipt", [303, 307])
    assert session.gateway_of("receipt") == CITY


def test_the_call_after_a_redirect_begins_where_the_session_is(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers |= {
        EDGE: session_at(CITY),
        CITY: in_turn(fixed(303, Location="/function/receipt"), lost),
    }
    net.answers[EDGE] = in_turn(session_at(CITY), fixed(200, b"home"))
    assert session.post("/function/cart").text == "home"
    assert [call.url for call in net.sent[1:]] == [
        f"{CITY}/function/cart",
        f"{CITY}/function/receipt",
        f"{EDGE}/function/receipt",
    ]


def test_redirects_from_function_to_function_end(session: EdgeSession, net: Gateways) -> None:
    net.answers[EDGE] = fixed(303, Location="/function/cart")
    with pytest.raises(requests.TooManyRedirects):
        session.post("/function/cart")
    assert len(net.sent) <= 1 + session.max_redirects


def test_what_lies_between_may_quote_the_address_anew(session: EdgeSession, net: Gateways) -> None:
    def redirect(_: Sent) -> Answer:
        place = f"{CITY}/function/cart/a/b%7ec?x=%41'"
        return 307, {"Location": place, "X-session-location": "city"}, b""

    net.answers |= {EDGE: redirect, CITY: fixed(200)}
    assert session.get("/function/cart/a%2Fb~c?x=A%27").ok
    assert net.sent[1].url == net.sent[0].url.replace(EDGE, CITY)
