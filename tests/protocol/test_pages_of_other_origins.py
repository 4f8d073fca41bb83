"""A page of another origin: its questions are answered everywhere, and it can read every answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import InsufficientStorage, SessionChanged, StoreUnavailable
from edgedb.response import Response
from edgedb.settings import CorsRules
from edgedb.store.requests import Attempt
from tests.support.dumps import dump
from tests.support.scripted import Scripted
from tests.support.tree import Tree

SHOP = "https://shop.example.com"
PAGE = {"Origin": SHOP}
QUESTION = {**PAGE, "Access-Control-Request-Method": "POST"}


@pytest.fixture
def open_tree(make_tree: Callable[..., Tree]) -> Tree:
    """Give a tree whose functions pages of the shop may use."""
    return make_tree(settings={"cors": CorsRules(frozenset({SHOP}), credentials=True)})


def allowed(response: Response) -> str | None:
    """Give the origin whose pages may read an answer; it must be named once."""
    named = [v for k, v in response.headers if k.lower() == "access-control-allow-origin"]
    assert len(named) <= 1
    return named[0] if named else None


def raising(error: Exception) -> Scripted:
    """Give a function that fails."""

    def fail(_: edgedb.Request) -> None:
        raise error

    return Scripted(fail)


def test_a_question_is_answered_at_every_node_without_a_session(open_tree: Tree) -> None:
    open_tree.write("edge-a", "one")
    open_tree.offload("edge-a")
    before = dump(open_tree)
    for location in ("edge-a", "city", "cloud"):
        for function in ("notebook", "tally", "test-function"):
            request = edgedb.Request("OPTIONS", headers=Headers(QUESTION))
            answer = open_tree.respond(location, function, request)
            assert (answer.status, allowed(answer)) == (204, SHOP)
    assert dump(open_tree) == before


def test_a_question_is_answered_while_the_store_is_down(
    open_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_tree.node("edge-a", "notebook").store, "requests", None)
    assert open_tree.call("edge-a", method="OPTIONS", headers=QUESTION).status == 204


def test_a_question_of_a_stranger_is_refused(open_tree: Tree) -> None:
    stranger = {**QUESTION, "Origin": "https://evil.example.com"}
    answer = open_tree.call("edge-a", method="OPTIONS", headers=stranger)
    assert (answer.status, allowed(answer)) == (403, None)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (edgedb.EdgeError("no"), 500),
        (RuntimeError("no"), 500),
        (SessionChanged("no"), 409),
        (StoreUnavailable("no"), 503),
        (InsufficientStorage("no"), 507),
    ],
)
def test_a_page_can_read_every_error(open_tree: Tree, error: Exception, status: int) -> None:
    open_tree.functions["failing"] = raising(error)
    answer = open_tree.call("edge-a", "failing", headers=PAGE)
    assert (answer.status, allowed(answer)) == (status, SHOP)


def test_a_page_can_read_what_is_answered_before_and_instead_of_its_function(
    open_tree: Tree,
) -> None:
    keyed = {**PAGE, "Idempotency-Key": "k"}
    assert open_tree.call("edge-a", query="word=a", headers=keyed).status == 200
    answers = [
        open_tree.call("edge-a", session="", headers=PAGE),  # no session id
        open_tree.call("edge-a", query="word=b", headers=keyed),  # the key is another request's
        open_tree.call("edge-a", "tally", method="DELETE", query="word=a", headers=PAGE),
    ]
    open_tree.offload("edge-a")
    redirected = {**PAGE, "X-session-redirect": "redirect"}
    answers.append(open_tree.call("edge-a", headers=redirected))  # elsewhere
    node = open_tree.node("city", "notebook")
    node.store.requests.begin(Attempt("s", "other", "another process"))
    answers.append(open_tree.call("city", headers=PAGE))  # busy
    assert [answer.status for answer in answers] == [400, 422, 200, 307, 503]
    assert [allowed(answer) for answer in answers] == [SHOP] * 5


def test_a_stored_reply_is_for_the_page_that_asks(open_tree: Tree) -> None:
    keyed = {"Idempotency-Key": "k"}
    assert allowed(open_tree.call("edge-a", query="word=a", headers=keyed)) is None
    repeat = open_tree.call("edge-a", query="word=a", headers={**keyed, **PAGE})
    assert allowed(repeat) == SHOP


def test_without_the_setting_the_handler_answers_a_question_itself(tree: Tree) -> None:
    def answer(request: edgedb.Request) -> tuple[bytes, int, dict[str, str]]:
        seen = f"{request.method} {request.session_id!r} {request.location}"
        return b"", 204, {"Access-Control-Allow-Origin": SHOP, "X-Seen": seen}

    tree.functions["own"] = Scripted(answer)
    request = edgedb.Request("OPTIONS", headers=Headers(QUESTION))
    response = tree.respond("edge-a", "own", request)
    assert (response.status, allowed(response)) == (204, SHOP)
    assert dict(response.headers)["X-Seen"] == "OPTIONS '' edge-a"
    assert dump(tree)["edge-a"] == {}


def test_a_handler_that_wants_a_session_wants_it_for_options_too(tree: Tree) -> None:
    response = tree.respond("edge-a", "notebook", edgedb.Request("OPTIONS"))
    assert (response.status, b"InvalidSession" in response.body) == (400, True)
    assert tree.call("edge-a", method="OPTIONS", query="word=one").status == 200


def test_a_session_can_be_named_by_a_cookie_for_what_sends_no_headers(
    make_tree: Callable[..., Tree],
) -> None:
    tree = make_tree(settings={"session_cookie": "edge"})
    tree.write("edge-a", "one", "alice smith")
    request = edgedb.Request(headers=Headers({"Cookie": "edge=alice%20smith"}))
    assert b'"words": ["one"]' in tree.respond("edge-a", "reader", request).body
    tree.offload("edge-a", "alice smith")
    elsewhere = tree.respond("edge-a", "reader", request)
    assert dict(elsewhere.headers)["Location"] == "http://city/function/reader"
    assert b'"words": ["one"]' in tree.respond("city", "reader", request).body


def test_without_the_setting_no_cookie_names_a_session(tree: Tree) -> None:
    request = edgedb.Request(headers=Headers({"Cookie": "edge=s"}))
    assert tree.respond("edge-a", "reader", request).status == 400
