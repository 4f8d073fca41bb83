"""Whatever another node answers, it is an answer of that node, or none."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedb import peers
from edgedb.errors import EdgeError, PeerUnavailable
from edgedb.model import Propagation, SessionToken
from edgedb.packet import Cursor
from edgedb.peers import HttpTransport, PeerClient, PeerRequest, PeerResponse
from tests.hostile import strategies
from tests.hostile.answers import endless, gateway, saying
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
def answered(tree: Tree) -> Callable[[PeerResponse], PeerClient]:
    """Give a node whose peers answer all calls the same."""

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


OK = b"HTTP/1.1 200 OK\r\n"
BROKEN = {
    "nothing": b"",
    "no-http": b"hello\r\n\r\n",
    "no-status": b"HTTP/1.1 abc\r\n\r\n",
    "broken-off": OK + b"Content-Length: 10\r\n\r\nabc",
    "broken-off-chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "no-chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "long-header": OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    "many-headers": OK + b"X: x\r\n" * 1000 + b"\r\n",
    "no-gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
}


def sent(url: str, timeout: float = 10) -> PeerResponse:
    """Make a call to a gateway."""
    return HttpTransport().send(PeerRequest("GET", "city", url, "oracle"), timeout)


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_http_is_no_answer(answer: bytes) -> None:
    with gateway(saying(answer)) as url:
        try:
            response = sent(url)
        except PeerUnavailable:
            return
    assert response.body == b"abc"  # what claims to be packed is not unpacked


def test_a_redirect_is_not_followed() -> None:
    with gateway(saying(OK + b"Content-Length: 5\r\n\r\ntaken")) as elsewhere:
        there = f"HTTP/1.1 307 T\r\nLocation: {elsewhere}/x\r\nContent-Length: 0\r\n\r\n".encode()
        with gateway(saying(there)) as url:
            assert sent(url) == PeerResponse(307, b"", "")


def test_an_answer_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(10_000_000))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with gateway(saying(head + packed)) as url:
        assert len(sent(url).body) == len(packed)


ENDLESS = {
    "to-the-end": (OK + b"\r\n", b"x"),
    "of-a-length": (OK + b"Content-Length: 99999999999\r\n\r\n", b"x"),
    "in-chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
}
endless_answers = pytest.mark.parametrize(("head", "part"), ENDLESS.values(), ids=ENDLESS.keys())


@endless_answers
def test_an_answer_without_end_is_given_up_when_it_is_too_long(
    monkeypatch: pytest.MonkeyPatch, head: bytes, part: bytes
) -> None:
    monkeypatch.setattr(peers, "ANSWER_LIMIT", 100_000)
    stop = threading.Event()
    with gateway(endless(head, part * 1000, stop)) as url:
        with pytest.raises(PeerUnavailable, match="too long"):
            sent(url)
        stop.set()


@endless_answers
def test_an_answer_that_only_drips_is_given_up_in_time(head: bytes, part: bytes) -> None:
    stop, began = threading.Event(), time.monotonic()
    with gateway(endless(head, part, stop, pause_s=0.02)) as url:
        with pytest.raises(PeerUnavailable):
            sent(url, timeout=0.2)
        stop.set()
    assert time.monotonic() - began < 5


def test_connections_are_kept_and_used_again() -> None:
    """What is read up to its end must not cost a new connection each time."""
    connections = []

    def script(connection: Any) -> None:
        connections.append(1)
        for _ in range(2):
            connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")
            connection.recv(65536)
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

    with gateway(script) as url:
        transport = HttpTransport()
        for _ in range(3):
            transport.send(PeerRequest("GET", "city", url, "oracle"), 10)
    assert len(connections) == 1


def test_a_source_that_never_comes_to_an_end_is_given_up(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"move_timeout": 0.1})
    tree.write("edge-a", "one")
    endless_page = PACKET | {"session_data": [], "replies": [], "next": PACKET["next"]}
    endless_page |= {"token": json.loads(token("s"))}
    del endless_page["restart"], endless_page["grant"]
    first = tree.hook

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if request.method == "GET" or request.query.get("phase") == "freeze":
            return PeerResponse(200, json.dumps(endless_page).encode())
        return first(request, deliver)

    tree.hook = hook
    assert tree.oracle("edge-a", "force-offload", "session=s").status in {409, 502, 503}
    tree.hook = first
    assert tree.residents() == ["edge-a"]
    assert tree.leftovers() == {}
