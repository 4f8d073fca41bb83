"""Requests that are carried to their session: what reaches it, what comes back, how often."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import PeerUnavailable
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.response import Response
from edgedb.settings import CorsRules
from tests.support.dumps import dump
from tests.support.hooks import as_usual, lose_answer, lose_request, to
from tests.support.scripted import Scripted, ScriptedReader
from tests.support.tree import Tree

FORWARD = {"X-session-redirect": "forward"}
KEY = {"Idempotency-Key": "k"}


@pytest.fixture
def away(tree: Tree) -> Tree:
    """Give a tree whose session has gone from edge-a to the cloud, one word in it."""
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.offload("city")
    tree.calls.clear()
    return tree


def forward(tree: Tree, function: str = "notebook", at: str = "edge-a", **more: Any) -> Response:
    """Make a call that asks to be carried."""
    headers = {**FORWARD, **more.pop("headers", {})}
    return tree.call(at, function, headers=headers, **more)


def carried(tree: Tree) -> list[str]:
    """Give the calls of clients that nodes have made for them."""
    endpoints = ("migrate", "update", "offload", "onload", "test-function")
    return [call for call in tree.calls if not call.partition("/")[2].startswith(endpoints)]


def kind(response: Response) -> str:
    """Give the type of a problem."""
    return str(json.loads(response.body)["type"]).rpartition(":")[2]


def unreachable(_: PeerRequest, __: Callable[[], PeerResponse]) -> PeerResponse:
    """Let no connection come about; a hook."""
    raise PeerUnavailable("connection refused", is_sent=False)


def lossy(tree: Tree, lost: list[str], how: Callable[..., PeerResponse]) -> None:
    """Lose the next calls to some locations, one for each name."""

    def hook(call: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if call.location in lost:
            lost.remove(call.location)
            return how(call, deliver)
        return deliver()

    tree.hook = hook


def test_a_request_is_carried_where_the_function_or_the_client_says_so(
    make_tree: Callable[..., Tree],
) -> None:
    for mode, headers, status in (
        ("redirect", {}, 307),
        ("redirect", FORWARD, 200),
        ("forward", {}, 200),
        ("forward", {"X-session-redirect": "redirect"}, 307),
    ):
        tree = make_tree(settings={"redirect": mode})
        tree.write("edge-a", "one")
        tree.offload("edge-a")
        answer = tree.call("edge-a", headers=headers)
        assert (answer.status, dict(answer.headers)["X-session-location"]) == (status, "city")


def test_another_word_for_it_is_refused_wherever_the_session_is(away: Tree) -> None:
    for location in ("edge-a", "cloud"):
        answer = away.call(location, headers={"X-session-redirect": "proxy"})
        assert (answer.status, kind(answer)) == (400, "BadRequest")
    assert carried(away) == []


def test_everything_of_a_request_reaches_the_session_and_everything_of_its_answer_comes_back(
    away: Tree,
) -> None:
    body = bytes(range(256))
    seen: list[edgedb.Request] = []
    answered = Response(
        body[::-1],
        418,
        (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "image/png")),
    )

    def script(request: edgedb.Request) -> Response:
        seen.append(request)
        return answered

    away.functions["mirror"] = Scripted(script)
    credentials = {"Authorization": "Basic dTpw", "Cookie": "login=1", "X-Thing": "gr\xfc\xdfe"}
    answer = forward(
        away,
        "mirror",
        method="PATCH",
        path="/a b/\u00e9",
        query="x=%2f&y",
        headers=credentials,
        body=body,
    )
    [request] = seen
    assert (request.method, request.path, request.body) == ("PATCH", "/a b/\u00e9", body)
    assert (request.query_string, request.location) == (b"x=%2f&y", "cloud")
    assert credentials.items() <= dict(request.headers).items()
    assert (answer.body, answer.status) == (answered.body, answered.status)
    named = (("X-session-home", "edge-a"), ("X-session-location", "cloud"))
    assert answer.headers == (*answered.headers, *named)


def test_headers_of_one_connection_stay_behind(away: Tree) -> None:
    seen: list[Headers] = []
    away.functions["look"] = ScriptedReader(lambda request: seen.append(request.headers))
    hops = {"Connection": "keep-alive", "Te": "trailers", "Expect": "100-continue", "Host": "edge"}
    forward(away, "look", headers=hops)
    assert hops.keys() & {name for name, _ in seen[0]} == set()


def test_a_redirect_on_the_way_is_followed_by_the_node_that_forwards(away: Tree) -> None:
    assert forward(away, query="word=two").status == 200
    assert carried(away) == ["GET city/notebook", "GET cloud/notebook"]
    assert away.words("edge-a") == ["one", "two"]


def test_a_node_of_a_function_that_forwards_is_not_made_to_forward_too(
    make_tree: Callable[..., Tree],
) -> None:
    tree = make_tree(settings={"redirect": "forward"})
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.offload("city")
    tree.calls.clear()
    assert tree.call("edge-a", query="word=two").status == 200
    assert carried(tree) == ["GET city/notebook", "GET cloud/notebook"]


def test_a_session_that_has_come_back_meanwhile_is_served_here(away: Tree) -> None:
    def come_back(_: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        away.hook = lambda _, deliver: deliver()
        away.onload("edge-a")
        return deliver()

    away.hook = come_back
    answer = forward(away, query="word=two")
    assert json.loads(answer.body) == {"location": "edge-a", "count": 2}
    assert away.residents() == ["edge-a"]


@pytest.mark.parametrize("ring", [("edge-a", "city"), ("city", "cloud")])
def test_a_ring_of_pointers_ends_as_a_busy_session(away: Tree, ring: tuple[str, str]) -> None:
    for location, target in (ring, reversed(ring)):
        pointer = {"proprietary": "edge-a", "current": target, "epoch": 9}
        away.clients[location].hset("edge:{s}:meta", mapping=pointer)
    before = dump(away)
    answer = forward(away)
    assert (answer.status, kind(answer)) == (503, "SessionBusy")
    assert len(carried(away)) <= len(away.topology.levels)
    assert dump(away) == before


def test_a_session_is_reached_in_as_many_hops_as_the_tree_is_deep_and_one(away: Tree) -> None:
    assert forward(away, query="word=two").status == 200
    assert len(carried(away)) <= len(away.topology.levels)


def test_a_call_whose_answer_is_lost_is_made_once_and_its_outcome_said_to_be_unknown(
    away: Tree,
) -> None:
    lossy(away, ["cloud"], lose_answer)
    answer = forward(away, query="word=two", method="POST")
    assert (answer.status, kind(answer)) == (504, "OutcomeUnknown")
    assert "Retry-After" not in dict(answer.headers)
    assert carried(away) == ["POST city/notebook", "POST cloud/notebook"]
    assert away.words("edge-a") == ["one", "two"]


def test_without_a_key_nothing_is_sent_twice_whatever_its_method(away: Tree) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        away.calls.clear()
        before = len(away.words("edge-a"))
        lossy(away, ["cloud"], lose_answer)
        answer = forward(away, query="word=x", method=method)
        assert (answer.status, kind(answer)) == (504, "OutcomeUnknown")
        assert carried(away).count(f"{method} cloud/notebook") == 1
        assert len(away.words("edge-a")) == before + 1


def test_with_a_key_it_is_sent_once_more_and_takes_effect_once(away: Tree) -> None:
    lossy(away, ["cloud"], lose_answer)
    answer = forward(away, query="word=two", method="POST", headers=KEY)
    assert (answer.status, json.loads(answer.body)["count"]) == (200, 2)
    assert away.words("edge-a") == ["one", "two"]
    lossy(away, ["cloud", "cloud"], lose_answer)
    answer = forward(away, query="word=three", method="POST", headers={"Idempotency-Key": "l"})
    assert (answer.status, kind(answer)) == (504, "OutcomeUnknown")


def test_a_reader_is_sent_once_more_and_never_unknown(away: Tree) -> None:
    lossy(away, ["cloud"], lose_answer)
    assert json.loads(forward(away, "reader").body)["words"] == ["one"]
    lossy(away, ["cloud", "cloud"], lose_answer)
    answer = forward(away, "reader")
    assert (answer.status, kind(answer)) == (503, "Unavailable")


@pytest.mark.parametrize("headers", [{}, KEY])
def test_a_node_that_cannot_be_reached_is_503_and_nothing_is_written(
    away: Tree, headers: dict[str, str]
) -> None:
    before = dump(away)
    lossy(away, ["cloud"] * 2, unreachable)
    answer = forward(away, query="word=two", method="POST", headers=headers)
    assert (answer.status, kind(answer)) == (503, "Unavailable")
    assert int(dict(answer.headers)["Retry-After"]) >= 1
    assert dump(away) == before


def test_a_connection_that_fails_once_is_tried_again_key_or_not(away: Tree) -> None:
    lossy(away, ["cloud"], unreachable)
    assert forward(away, query="word=two", method="POST").status == 200
    assert away.words("edge-a") == ["one", "two"]


def test_what_may_have_run_is_unknown_though_the_repeat_could_not_be_sent(away: Tree) -> None:
    def hook(call: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if call.location != "cloud":
            return deliver()
        lossy(away, ["cloud"], unreachable)
        return lose_answer(call, deliver)

    away.hook = hook
    answer = forward(away, query="word=two", method="POST", headers=KEY)
    assert (answer.status, kind(answer)) == (504, "OutcomeUnknown")


def test_a_wait_has_an_end_before_exec_timeout(
    make_tree: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(settings={"exec_timeout": 10.0})
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    carry, timeouts = tree.send, list[float]()

    def send(request: PeerRequest, timeout: float) -> PeerResponse:
        timeouts.append(timeout)
        return carry(request, timeout)

    monkeypatch.setattr(tree, "send", send)
    assert forward(tree).status == 200
    assert 8 < timeouts[0] < 10


def test_forwards_leave_threads_to_what_others_forward_here(away: Tree) -> None:
    statuses, places = list[int](), away.node("edge-a").settings.threads // 2

    def another(_: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        statuses.append(forward(away, query="word=x").status)
        return deliver()

    away.hook = to("city", another)
    statuses.append(forward(away, query="word=x").status)
    assert statuses == [503] + [200] * places
    away.hook = as_usual
    assert forward(away, query="word=x").status == 200


def test_a_forwarded_request_holds_no_other_up(away: Tree) -> None:
    """While a call is under way its session's queue at this node is free."""
    seen: list[int] = []

    def hook(_: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        away.hook = lambda _, deliver: deliver()
        seen.append(forward(away, query="word=second").status)
        return deliver()

    away.hook = hook
    assert forward(away, query="word=third").status == 200
    assert seen == [200]
    assert away.words("edge-a") == ["one", "second", "third"]


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "openfaas-ce/nats-queue-worker"},
        {"X-Callback-Url": "http://gateway:8080/function/done"},
        {"X-Start-Time": "1764276000000000000, 1764276001000000000"},
    ],
)
def test_an_asynchronous_call_is_carried_with_its_body(away: Tree, headers: dict[str, str]) -> None:
    answer = away.call("edge-a", query="word=two", method="POST", body=b"not lost", headers=headers)
    assert answer.status == 200
    away.functions["peek"] = ScriptedReader(lambda _: edgedb.get("body"))
    assert away.follow("edge-a", "peek")[1].body == b"not lost"


@pytest.mark.parametrize(("listed", "status"), [((), 200), (("null",), 307)])
def test_a_page_is_carried_unless_its_lost_origin_may_call_too(
    make_tree: Callable[..., Tree], listed: tuple[str, ...], status: int
) -> None:
    shop = "https://shop.example.com"
    tree = make_tree(settings={"cors": CorsRules(frozenset({shop, *listed}))})
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    answer = tree.call("edge-a", headers={"Origin": shop})
    named = [v for k, v in answer.headers if k == "Access-Control-Allow-Origin"]
    assert (answer.status, named) == (status, [shop])
    assert tree.call("edge-a", headers={"Origin": "https://evil.example.com"}).status == 307


def test_a_head_request_keeps_the_length_of_what_it_does_not_bring(away: Tree) -> None:
    def with_length(_: PeerRequest, __: Callable[[], PeerResponse]) -> PeerResponse:
        return PeerResponse(200, b"", headers=(("Content-Length", "7"), ("Date", "now")))

    away.hook = with_length
    answer = forward(away, "reader", method="HEAD")
    sent: list[tuple[str, str]] = []
    answer.to_wsgi("HEAD", lambda _, headers: sent.extend(headers))
    assert [value for name, value in sent if name == "Content-Length"] == ["7"]


def test_a_lost_request_is_as_unknown_as_a_lost_answer(away: Tree) -> None:
    lossy(away, ["cloud"], lose_request)
    answer = forward(away, query="word=two", method="POST")
    assert (answer.status, kind(answer)) == (504, "OutcomeUnknown")
    assert away.words("edge-a") == ["one"]
