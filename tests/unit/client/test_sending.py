"""EdgeSession: what it sends, and what it sends again."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable

import pytest
import requests

from edgedb.callers import call_headers, running_within
from edgedb.client import PAUSE_LIMIT, EdgeSession
from edgedb.errors import InvalidSession
from tests.unit.client.gateways import (
    CITY,
    EDGE,
    Answer,
    Gateways,
    Sent,
    fixed,
    in_turn,
    lost,
    session_at,
)


def test_a_relative_address_is_one_of_the_home_gateway(session: EdgeSession, net: Gateways) -> None:
    assert session.post("/function/cart?product=x", data=b"b").text == "home"
    assert net.sent[0].url == f"{EDGE}/function/cart?product=x"
    assert net.sent[0].body == b"b"


def test_a_call_made_in_a_handler_tells_what_it_is_made_within_to_the_tree_only(
    session: EdgeSession, net: Gateways
) -> None:
    elsewhere = "http://elsewhere"
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(303, Location=elsewhere)}
    net.answers[elsewhere] = fixed(200)
    with running_within(["0" * 16], "1" * 16):
        told = call_headers().items()
        session.post("/function/cart")
    assert net.places == [EDGE, CITY, elsewhere]
    assert [told <= call.headers.items() for call in net.sent] == [True, True, False]


def test_a_call_made_in_no_handler_is_made_within_nothing(
    session: EdgeSession, net: Gateways
) -> None:
    session.post("/function/cart")
    assert "X-session-callers" not in net.sent[0].headers


def test_every_call_has_the_session_and_a_key_of_its_own(
    session: EdgeSession, net: Gateways
) -> None:
    session.get("/function/cart")
    session.get("/function/cart")
    keys = {uuid.UUID(call.headers["Idempotency-Key"]) for call in net.sent}
    assert len(keys) == 2
    assert {call.headers["X-session"] for call in net.sent} == {b"alice"}


def test_a_callers_own_key_is_kept(session: EdgeSession, net: Gateways) -> None:
    session.get("/function/cart", headers={"idempotency-key": "mine"})
    assert net.sent[0].headers["idempotency-key"] == "mine"
    assert sum(name.lower() == "idempotency-key" for name in net.sent[0].headers) == 1


def test_without_a_session_id_a_new_session_begins(net: Gateways) -> None:
    assert EdgeSession(EDGE).session_id != EdgeSession(EDGE).session_id
    assert not net.sent


def test_a_session_id_travels_as_utf_8(net: Gateways) -> None:
    with EdgeSession(EDGE, "größe 🛒") as client:
        client.mount("http://", net)
        client.get("/function/cart")
    assert net.sent[0].headers["X-session"] == "größe 🛒".encode()


@pytest.mark.parametrize("session_id", ["a\nb", "x" * 257, " a"])
def test_what_cannot_name_a_session_is_refused_at_once(session_id: str) -> None:
    with pytest.raises(InvalidSession):
        EdgeSession(EDGE, session_id)


@pytest.mark.parametrize("failure", [fixed(s) for s in (429, 500, 502, 503, 504)] + [lost])
def test_what_did_not_come_through_is_repeated_unchanged(
    session: EdgeSession, net: Gateways, failure: Callable[[Sent], Answer]
) -> None:
    net.answers[EDGE] = in_turn(failure, failure, fixed(200, b"done"))
    assert session.post("/function/cart?a=1", json={"n": 1}).text == "done"
    assert len(net.sent) == 3
    assert net.sent[0] == net.sent[1] == net.sent[2]


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404, 409, 422])
def test_an_answer_of_the_function_is_final(
    session: EdgeSession, net: Gateways, status: int
) -> None:
    net.answers[EDGE] = fixed(status)
    assert session.post("/function/cart").status_code == status
    assert len(net.sent) == 1


def test_a_problem_of_the_function_is_final_even_with_500(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers[EDGE] = fixed(500, b"{}", Content_Type="application/problem+json")
    assert session.post("/function/cart").status_code == 500
    assert len(net.sent) == 1


def test_attempts_are_bounded_and_the_last_answer_is_returned(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers[EDGE] = in_turn(lost, lost, lost, fixed(503, b"busy"), fixed(200))
    assert session.get("/function/cart").content == b"busy"
    assert len(net.sent) == 4


def test_attempts_are_bounded_and_the_last_failure_is_raised(
    session: EdgeSession, net: Gateways
) -> None:
    net.answers[EDGE] = in_turn(fixed(503), lost)
    with pytest.raises(requests.ConnectionError, match="was lost"):
        session.get("/function/cart")
    assert len(net.sent) == 4


def test_the_first_repeat_is_immediate_and_the_next_ones_wait_longer_and_longer(
    session: EdgeSession, net: Gateways, pauses: list[float]
) -> None:
    net.answers[EDGE] = lost
    with pytest.raises(requests.ConnectionError):
        session.get("/function/cart")
    assert len(pauses) == 2
    assert 0.2 <= pauses[0] <= 0.3
    assert 0.4 <= pauses[1] <= 0.5


@pytest.mark.parametrize(
    ("asked", "waited"), [("2", 2.0), ("3600", PAUSE_LIMIT), ("soon", None), ("0", None)]
)
def test_retry_after_is_waited_for_within_reason_and_up_to_as_long_again(
    session: EdgeSession, net: Gateways, pauses: list[float], asked: str, waited: float | None
) -> None:
    net.answers[EDGE] = in_turn(fixed(503, Retry_After=asked), fixed(200))
    assert session.get("/function/cart").ok
    assert len(pauses) == (waited is not None)
    for pause in pauses:
        assert waited is not None
        assert waited <= pause <= 2 * waited


def test_a_file_is_sent_again_from_where_it_stood(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {EDGE: in_turn(lost, session_at(CITY)), CITY: fixed(200)}
    file = io.BytesIO(b"skipped, sent")
    file.seek(len("skipped, "))
    session.put("/function/cdn-upload/f", data=file)
    assert [call.body for call in net.sent] == [b"sent"] * 3


def test_a_form_with_files_is_sent_again_whole(session: EdgeSession, net: Gateways) -> None:
    net.answers[EDGE] = in_turn(lost, fixed(200))
    session.post("/function/cart", files={"f": io.BytesIO(b"content")})
    assert net.sent[0].body == net.sent[1].body
    assert b"content" in net.sent[1].body


def test_a_body_that_can_be_read_only_once_is_refused_before_it_is_read(
    session: EdgeSession, net: Gateways
) -> None:
    with pytest.raises(ValueError, match="only once"):
        session.post("/function/cart", data=(part for part in [b"a"]))
    assert not net.sent


def test_an_attempt_has_the_sessions_timeout_unless_the_call_names_one(net: Gateways) -> None:
    with EdgeSession(EDGE, "alice", timeout=7.5) as client:
        client.mount("http://", net)
        client.get("/function/cart")
        client.get("/function/cart", timeout=1)
    assert net.timeouts == [7.5, 1]
