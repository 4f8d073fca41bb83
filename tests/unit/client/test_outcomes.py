"""EdgeSession: what is known of a call by its outcome decides whether it is made again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError

from edgedb.client import EdgeSession
from edgedb.errors import (
    EdgeError,
    HandlerFailed,
    LoopDetected,
    OutcomeUnknown,
    PeerUnavailable,
    SessionBusy,
)
from edgedb.problems import problem
from tests.unit.client.gateways import CITY, EDGE, Answer, Gateways, Sent, fixed, lost, session_at

Reaction = Callable[[Sent], Answer]


def refused(_: Sent) -> Answer:
    """Fail as where nobody listens."""
    pool = HTTPConnectionPool("edge")
    raise requests.ConnectionError(MaxRetryError(pool, "/", NewConnectionError(pool, "refused")))


def described(error: EdgeError) -> Reaction:
    """Answer with the problem document of an error."""
    answer = problem(error)
    return lambda _: (answer.status, dict(answer.headers), answer.body)


NOTHING = {
    "nobody listens": refused,
    "the watchdog's limit": fixed(429),
    "busy": described(SessionBusy("locked")),
    "a proxy's 503": fixed(503),
    "no replica, GET": fixed(307, Location="/ui/"),
    "no replica, another method": fixed(405),
    "no replica, a path": fixed(404, b"404 page not found\n"),
}
UNKNOWN = {
    "the connection was lost": lost,
    "the commit's answer was lost": described(OutcomeUnknown("Redis has not answered")),
    "another node is silent": described(PeerUnavailable("city does not answer")),
    "the gateway has given up": fixed(502),
    "exec_timeout": fixed(504),
    "the process has died": fixed(500),
    "the container has died": fixed(500, b"Can't reach service for: cart."),
}
FINAL = {
    "the handler raised": described(HandlerFailed("see the log")),
    "it would wait for itself": described(LoopDetected("held by its caller")),
    "not deployed": fixed(404, b"error finding function cart.openfaas-fn"),
    "a function's own 404": fixed(404, b"no such product"),
    "a function's own 405": fixed(405, Allow="GET"),
    "a function's own redirect": fixed(304),
}


def cases(kind: dict[str, Reaction]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("reaction", kind.values(), ids=kind.keys())


def attempts(session: EdgeSession, net: Gateways, reaction: Reaction, key: str | None) -> int:
    """Post until the client gives up; gives how often it was tried."""
    net.answers[EDGE] = reaction
    try:
        session.post("/function/cart", headers={"Idempotency-Key": key})  # type: ignore[dict-item]
    except requests.ConnectionError:
        assert reaction in (lost, refused)
    assert {call.headers.get("Idempotency-Key") for call in net.sent} == {key}
    return len(net.sent)


@cases(NOTHING | UNKNOWN)
def test_with_a_key_whatever_is_not_known_to_be_done_is_repeated(
    session: EdgeSession, net: Gateways, reaction: Reaction
) -> None:
    assert attempts(session, net, reaction, "k") == 4


@cases(NOTHING)
def test_without_a_key_what_is_known_to_be_nothing_is_repeated(
    session: EdgeSession, net: Gateways, reaction: Reaction
) -> None:
    assert attempts(session, net, reaction, None) == 4


@cases(UNKNOWN)
def test_without_a_key_what_may_have_happened_is_not_repeated(
    session: EdgeSession, net: Gateways, reaction: Reaction
) -> None:
    assert attempts(session, net, reaction, None) == 1


@cases(FINAL)
@pytest.mark.parametrize("key", ["k", None])
def test_what_the_function_says_is_final(
    session: EdgeSession, net: Gateways, reaction: Reaction, key: str | None
) -> None:
    assert attempts(session, net, reaction, key) == 1


@pytest.mark.parametrize(
    ("reaction", "tries"), [(fixed(404, b"error finding function"), 2), (fixed(404), 1)]
)
def test_without_a_key_a_404_of_a_remembered_place_is_asked_at_home_if_it_is_the_gateways(
    session: EdgeSession, net: Gateways, reaction: Reaction, tries: int
) -> None:
    net.answers |= {EDGE: session_at(CITY), CITY: fixed(200)}
    session.post("/function/cart")
    net.sent.clear()
    net.answers |= {EDGE: fixed(200), CITY: reaction}
    session.post("/function/cart", headers={"Idempotency-Key": None})  # type: ignore[dict-item]
    assert net.places == [CITY, EDGE][:tries]


def test_the_gateways_own_redirect_is_followed_nowhere(session: EdgeSession, net: Gateways) -> None:
    net.answers |= {f"{EDGE}/ui/": fixed(401), EDGE: fixed(307, Location="/ui/")}
    assert session.get("/function/cart").status_code == 307
    assert {call.url for call in net.sent} == {f"{EDGE}/function/cart"}


def test_an_unknown_outcome_invites_nobody_to_repeat_it_without_a_key() -> None:
    answer = problem(OutcomeUnknown("Redis has not answered the commit"))
    assert answer.status == 504
    assert "Retry-After" not in dict(answer.headers)
