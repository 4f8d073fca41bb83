"""Whole requests: where they run, what they see, what they leave, and what they are answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

import edgedb
from edgedb.response import Response
from edgedb.store.requests import Attempt, Run
from edgedb.wire.hand_over import Ask
from edgedb.wire.headers import PROBLEM_JSON
from edgedb.wire.packet import SessionPacket
from tests.support.dumps import dump
from tests.support.hooks import lose_answer
from tests.support.scripted import Scripted, ScriptedLocal, ScriptedReader
from tests.support.threads import at_once
from tests.support.tree import Tree

SESSION_IDS = [
    "with spaces",
    'it\'s "quoted"',
    "{braces}}{and:more",
    "a/b/../c",
    "100%",
    "%0A",
    "a+b&c=d;e?f#g",
    "grüße\u4e16\u754c",
    "\U0001f6d2\U0001f680",
    "x" * 256,
]


def problem(response: Response) -> str:
    """Give the kind of problem that was answered; it must be a problem document."""
    assert dict(response.headers)["Content-Type"] == PROBLEM_JSON
    document = json.loads(response.body)
    assert document["status"] == response.status
    return str(document["type"]).rpartition(":")[2]


@pytest.mark.parametrize("session", SESSION_IDS, ids=ascii)
def test_any_session_id_works_everywhere(tree: Tree, session: str) -> None:
    tree.write("edge-a", "one", session)
    named = f"session={quote(session, safe='')}"
    moved = json.loads(tree.oracle("edge-a", "force-offload", named).body)
    assert (moved["session"], moved["currentLocation"]) == (session, "city")
    assert tree.follow("edge-a", "notebook", session, query="word=two")[0] == "city"
    where = tree.call("edge-a", "test-function", query=named)
    assert where.body == b"offloaded: yes (city)"
    assert json.loads(tree.oracle("edge-a", "force-onload", named).body)[0]["session"] == session
    assert tree.residents(session) == ["edge-a"]
    assert tree.words("edge-a", session) == ["one", "two"]


@pytest.mark.parametrize(
    ("path", "query", "where"),
    [
        ("/", "", ""),
        ("/", "word=two", "?word=two"),
        ("/", "a=%2F&a=+%20&b=%C3%A9&&=;", "?a=%2F&a=+%20&b=%C3%A9&&=;"),
        ("/a/b", "x", "/a/b?x"),
        ("/a b/\u00e9", "", "/a%20b/%C3%A9"),
        ("/100%?#", "q=?#", "/100%25%3F%23?q=?#"),
    ],
)
def test_a_redirect_names_the_same_request_elsewhere(
    tree: Tree, path: str, query: str, where: str
) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    before = dump(tree)
    for method in ("GET", "POST", "PUT", "DELETE"):
        response = tree.call("edge-a", query=query, method=method, path=path, body=b"\x00\xff")
        headers = dict(response.headers)
        assert (response.status, response.body) == (307, b"")
        assert headers["Location"] == f"http://city/function/notebook{where}"
        assert headers["X-session-location"] == "city"
    asked = tree.call("edge-a", "test-function", path="/gateway", query="location=city")
    confirmed = {"location": "city", "gateway": "http://city"}
    assert (asked.status, json.loads(asked.body)) == (200, confirmed)
    assert dump(tree) == before


def test_a_body_reaches_the_session_wherever_it_is(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    body = bytes(range(256))
    tree.write("edge-a", "two", method="POST", body=body)
    tree.functions["peek"] = ScriptedReader(lambda _: edgedb.get("body"))
    assert tree.follow("edge-a", "peek")[1].body == body


@pytest.mark.parametrize("query", ["", "location=", "location=edge-b", "location=http://city"])
def test_a_gateway_that_no_redirect_would_name_is_not_confirmed(tree: Tree, query: str) -> None:
    answer = tree.call("edge-a", "test-function", path="/gateway", query=query)
    assert (answer.status, problem(answer)) == (400, "UnknownLocation")


def test_functions_share_a_session_and_each_redirects_to_itself(tree: Tree) -> None:
    tree.write("edge-a", "one")
    assert json.loads(tree.call("edge-a", "reader").body)["words"] == ["one"]
    tree.offload("edge-a")
    assert dict(tree.call("edge-a", "reader").headers)["Location"] == "http://city/function/reader"


def test_a_request_without_a_session_is_refused(tree: Tree) -> None:
    response = tree.respond("edge-a", "notebook", edgedb.Request("POST"))
    assert (response.status, problem(response)) == (400, "InvalidSession")


def test_a_read_only_handler_waits_for_no_request(tree: Tree) -> None:
    tree.write("edge-a", "one")
    hold(tree)
    assert tree.words("edge-a") == ["one"]


def test_a_read_only_handler_cannot_write(tree: Tree) -> None:
    tree.write("edge-a", "one")
    before = dump(tree)
    response = tree.call("edge-a", "reader", query="write")
    assert (response.status, problem(response)) == (500, "ReadOnlySession")
    assert dump(tree) == before


def test_reading_a_session_that_does_not_exist_does_not_make_one(tree: Tree) -> None:
    assert tree.words("edge-a", "nobody") == []
    assert dump(tree)["edge-a"] == {}


def test_a_reader_of_a_changing_session_sees_one_state_of_it(tree: Tree) -> None:
    large = "x" * 20_000

    def twice(_: edgedb.Request) -> list[Any]:
        first = edgedb.get("count")
        if reader.runs == 1:
            tree.write("edge-a", "two")
        return [first, edgedb.get("last")]

    reader = ScriptedReader(twice)
    tree.functions["twice"] = reader
    tree.write("edge-a", "one", body=large.encode())
    assert json.loads(tree.call("edge-a", "twice").body) == ["2", "two"]
    assert reader.runs == 2


def test_node_local_state_needs_no_session_and_stays_where_it_is(tree: Tree) -> None:
    def count(_: edgedb.Request) -> str:
        edgedb.set("count", str(int(edgedb.get("count") or 0) + 1))
        return f"{edgedb.location()}: {edgedb.get('count')!s} {edgedb.session_id()!r}"

    tree.functions |= {"local": ScriptedLocal(count), "second": ScriptedLocal(count)}
    request = edgedb.Request("POST")
    answers = [
        tree.respond(location, function, request).body
        for location, function in (
            ("edge-a", "local"),
            ("edge-a", "local"),
            ("city", "local"),
            ("edge-a", "second"),
        )
    ]
    assert answers == [b"edge-a: 1 ''", b"edge-a: 2 ''", b"city: 1 ''", b"edge-a: 1 ''"]
    assert tree.oracle("edge-a", "force-offload").status == 404


def hold(tree: Tree) -> str:
    """Take the session's lock, as a request in another process does; gives where."""
    run = tree.node("edge-a").store.requests.begin(Attempt("s", "other", "another process"))
    assert isinstance(run, Run)
    return "edge-a"


def hold_for_a_move(tree: Tree) -> str:
    """Let writers wait for a destination; gives where."""
    source = tree.node("edge-a").store.source
    (packet,) = source.offers(["s"])
    assert isinstance(packet, SessionPacket)
    source.hold(Ask("s", "t", packet.token.epoch, *packet.offer, packet.version))
    return "edge-a"


def strand(tree: Tree) -> str:
    """Let the answer to the hand-over be lost; gives where the session waits for it."""
    tree.strand(fault=lose_answer)
    return "city"


@pytest.mark.parametrize("function", ["notebook", "reader"])
@pytest.mark.parametrize("make_busy", [hold, hold_for_a_move, strand])
def test_a_session_that_is_busy_too_long_is_503_with_retry_after(
    tree: Tree, make_busy: Callable[[Tree], str], function: str
) -> None:
    tree.write("edge-a", "one")
    place, before = make_busy(tree), dump(tree)
    response = tree.call(place, function, query="word=two")
    if function == "reader" and make_busy is not strand:
        assert response.status == 200
    else:
        assert (response.status, problem(response)) == (503, "SessionBusy")
        assert int(dict(response.headers)["Retry-After"]) >= 1
    assert dump(tree) == before


def test_requests_of_one_session_run_in_the_order_they_came(
    make_tree: Callable[..., Tree],
) -> None:
    tree = make_tree(settings={"lock_wait": 10.0})
    order, gate = list[str](), threading.Event()

    def note(request: edgedb.Request) -> None:
        gate.wait(10)
        order.append(request.query["n"])

    tree.functions["note"] = Scripted(note)
    queues, threads = tree.node("edge-a", "note").turns.queues, list[threading.Thread]()
    for n in range(5):
        query = {"query": f"n={n}"}
        call = threading.Thread(target=tree.call, args=("edge-a", "note"), kwargs=query)
        call.start()
        threads.append(call)
        while sum(map(len, queues.values())) <= n:
            gate.wait(0.001)
    gate.set()
    for thread in threads:
        thread.join()
    assert order == list("01234")


def test_fifty_clients_at_once_lose_and_double_nothing(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"lock_wait": 30.0, "threads": 100})
    tree.node("edge-a", "notebook")
    answers = list[int]()

    def client(_: int) -> None:
        for _ in range(4):
            answers.append(json.loads(tree.write("edge-a", "x").body)["count"])

    at_once(50, client)
    assert sorted(answers) == list(range(1, 201))
    assert len(tree.words("edge-a")) == 200
