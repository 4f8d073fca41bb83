"""EdgeSession: following a session, remembering its place, and going back home."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from edgedb.client import EdgeSession
from tests.unit.client.gateways import (
    CITY,
    CLOUD,
    EDGE,
    Answer,
    Gateways,
    Sent,
    fixed,
    lost,
    session_at,
)


def test_a_redirect_is_followed_with_everything_the_call_has(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: session_at(CLOUD), CLOUD: fixed(201, b"up")}
    answer = session.put(
        "/function/cart/a%20b?x=%2F&y=1",
        data=b"\x00\xff",
        auth=("me", "secret"),
        headers={"X-Thing": "T", "Cookie": "k=v"},
    )
    assert (answer.status_code, answer.text) == (201, "up")
    assert [hop.status_code for hop in answer.history] == [307, 307]
    assert [call.url for call in net.sent] == [
        f"{place}/function/cart/a%20b?x=%2F&y=1" for place in (EDGE, CITY, CLOUD)
    ]
    assert {call.method for call in net.sent} == {"PUT"}
    assert {call.body for call in net.sent} == {b"\x00\xff"}
    assert all(call.headers == net.sent[0].headers for call in net.sent)
    assert net.sent[2].headers["Authorization"].startswith("Basic ")
    assert net.sent[2].headers["Cookie"] == "k=v"


def test_head_follows_the_session_too(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    assert session.head("/function/cart").status_code == 200
    assert [call.method for call in net.sent] == ["HEAD", "HEAD"]


def test_a_redirect_that_is_not_a_nodes_loses_credentials_and_is_not_remembered(
    session: EdgeSession, net: Gateways
) -> None:
    elsewhere = "http://elsewhere"
    net.answers |= {
        EDGE: fixed(307, Location=f"{elsewhere}/function/cart"),
        elsewhere: fixed(200),
    }
    session.get("/function/cart", auth=("me", "secret"))
    assert "Authorization" in net.sent[0].headers
    assert "Authorization" not in net.sent[1].headers
    session.get("/function/cart")
    assert net.places == [EDGE, elsewhere, EDGE, elsewhere]


def test_the_next_call_of_the_function_goes_straight_to_where_the_session_is(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers |= {EDGE: session_at(CLOUD), CLOUD: fixed(200)}
    session.post("/function/cart")
    assert session.gateway_of("cart") == CLOUD
    session.post("/function/cart/more?x=1")
    assert net.sent[-1].url == f"{CLOUD}/function/cart/more?x=1"
    assert len(net.sent) == 3


def test_each_function_is_remembered_for_itself(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    session.post("/function/cart")
    assert session.gateway_of("cart-counter") == EDGE


def test_a_session_that_came_home_is_followed_home(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    session.post("/function/cart")
    net.answers |= {EDGE: fixed(200), CITY: session_at(EDGE)}
    session.post("/function/cart")
    assert net.places[2:] == [CITY, EDGE]
    assert session.gateway_of("cart") == EDGE


@pytest.mark.parametrize("failure", [lost, fixed(404), fixed(502), fixed(503), fixed(500)])
def test_a_remembered_place_that_cannot_serve_is_forgotten_for_home(
    session: EdgeSession, net: Gateways, failure: Callable[[Sent], Answer]
) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    session.post("/function/cart")
    net.answers |= {EDGE: fixed(200, b"home"), CITY: failure}
    assert session.post("/function/cart").text == "home"
    assert net.places[2:] == [CITY, EDGE]
    assert net.sent[2].headers == net.sent[3].headers


def test_a_404_that_home_leads_to_is_the_functions_own(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(404)}
    session.post("/function/cart")
    assert session.post("/function/cart").status_code == 404
    assert net.places == [EDGE, CITY, CITY, EDGE, CITY]


HOME = {"X-session-home": "edge"}


def homes(net: Gateways) -> list[str | None]:
    """Give the home that each call has named."""
    return [call.headers.get("X-session-home") for call in net.sent]


def test_the_home_that_an_answer_names_is_named_from_then_on(
    session: EdgeSession, net: Gateways
) -> None:
    def to_city(call: Sent) -> Answer:
        status, headers, body = session_at(CITY)(call)
        return status, headers | HOME, body

    net.answers |= {EDGE: to_city, CITY: fixed(200)}
    assert session.home_location is None
    session.post("/function/cart")
    session.post("/function/photos")
    assert homes(net) == [None, "edge", "edge", "edge"]
    assert session.home_location == "edge"
    session.home_location = None
    session.post("/function/cart")
    assert homes(net)[4:] == [None]


def test_a_client_can_be_told_the_home_of_an_older_session(net: Gateways) -> None:
    net.answers |= {CITY: fixed(404)}
    with EdgeSession(CITY, "alice", home_location="edge") as session:
        session.mount("http://", net)
        assert session.post("/function/cart").status_code == 404
    assert homes(net) == ["edge"]


def test_no_stranger_is_told_the_home(session: EdgeSession, net: Gateways) -> None:
    elsewhere = "http://elsewhere"
    net.answers |= {
        EDGE: fixed(307, **HOME, Location=f"{elsewhere}/function/cart"),
        elsewhere: fixed(200),
    }
    session.home_location = "edge"
    session.post("/function/cart")
    assert homes(net) == ["edge", None]


def test_a_loop_of_redirects_ends(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: session_at(EDGE)}
    with pytest.raises(requests.TooManyRedirects):
        session.post("/function/cart")
    assert len(net.sent) <= 1 + session.max_redirects


def test_without_redirects_a_call_is_made_once(session: EdgeSession, net: Gateways) -> None:
    net.answers[EDGE] = session_at(CITY)
    assert session.get("/function/cart", allow_redirects=False).status_code == 307
    net.answers[EDGE] = fixed(503)
    assert session.get("/function/cart", allow_redirects=False).status_code == 503
    assert len(net.sent) == 2


def test_an_address_of_another_server_is_left_alone(session: EdgeSession, net: Gateways) -> None:
    net.answers["http://edge:808"] = fixed(503)
    assert session.get("http://edge:808/function/cart").status_code == 503
    assert len(net.sent) == 1
