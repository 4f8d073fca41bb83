"""Requests as functions see them, responses as handlers give them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

import flask
import pytest
from hypothesis import given, strategies as st
from werkzeug.datastructures import Headers

from edgedb.errors import BadRequest, EdgeError, InvalidSession, TooLarge
from edgedb.request import Request
from edgedb.response import Response, as_response
from edgedb.wire.choices import OffloadStatus, Policy
from tests.support import strategies

TEXT = "text/plain; charset=utf-8"


def event_request(url: str, method: str = "POST", body: bytes = b"") -> Request:
    """Give a request as it comes out of the template's event."""
    with flask.Flask("function").test_request_context(
        url, method=method, data=body, headers={"X-Thing": "1"}
    ):
        event = SimpleNamespace(
            method=flask.request.method, headers=flask.request.headers, body=flask.request.data
        )
        return Request.from_event(event)


def with_header(name: str, value: bytes) -> Request:
    """Give a request with a header as WSGI hands it over: bytes read as Latin-1."""
    return Request(headers=Headers({name: value.decode("latin-1")}))


def test_a_request_is_read_from_the_templates_event() -> None:
    request = event_request("/a%20b/c?x=1&x=2&y=", "PUT", b"\x00\xff")
    assert (request.method, request.path, request.body) == ("PUT", "/a b/c", b"\x00\xff")
    assert request.headers["x-thing"] == "1"
    assert request.query == {"x": "2", "y": ""}


@pytest.mark.parametrize("query", ["a=%2f&b=+%20", "x=%C3%A9", "&&=;", "a", "q=%zz"])
def test_the_query_string_is_kept_byte_for_byte(query: str) -> None:
    assert event_request(f"/?{query}").query_string == query.encode()


@strategies.quick
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_the_function_path_leads_back_to_the_path(text: str) -> None:
    request = Request(path=f"/{text}")
    assert unquote(request.function_path) == ("" if text == "" else f"/{text}")
    assert all(c.isascii() and c not in " ?#%" for c in unquote_free(request.function_path))


def unquote_free(path: str) -> str:
    """Give a path without its percent-encoded parts."""
    first, *rest = path.split("%")
    return first + "".join(part[2:] for part in rest)


def test_a_path_that_is_not_utf8_is_encoded_as_it_came() -> None:
    with flask.Flask("function").test_request_context(environ_overrides={"PATH_INFO": "/\xff /x"}):
        event = SimpleNamespace(method="GET", headers=flask.request.headers, body=b"")
        assert Request.from_event(event).function_path == "/%FF%20/x"


def test_a_body_is_read_as_bytes_text_or_json() -> None:
    request = Request(body='{"a": "é"}'.encode())
    assert (request.text, request.json()) == ('{"a": "é"}', {"a": "é"})


@pytest.mark.parametrize("body", [b"\xff", b"", b"{", b"[" * 100_000, b"9" * 5000])
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        Request(body=body).json()


@strategies.quick
@given(strategies.session_ids)
def test_any_session_id_is_the_same_in_the_header_and_in_the_query(session: str) -> None:
    header = with_header("X-session", session.encode())
    parameter = Request(query_string=f"session={quote(session)}".encode())
    assert header.session_header() == parameter.session_parameter() == session


@pytest.mark.parametrize("session", [b"", b"a\nb", b"\x7f", b"x" * 257, b" a", b"\xff", b"\xc3"])
def test_a_malformed_session_id_is_refused_in_the_header_and_in_the_query(session: bytes) -> None:
    with pytest.raises(BadRequest):
        Request(query_string=b"session=" + quote(session).encode()).session_parameter()
    if b"\n" not in session:  # no HTTP server lets that through
        with pytest.raises(BadRequest):
            with_header("X-session", session).session_header()


@pytest.mark.parametrize("query", ["session=a&x=%FF", "session=%FF&session=a", "x=%FF"])
def test_a_session_is_not_taken_from_a_query_that_is_not_utf8(query: str) -> None:
    with pytest.raises(InvalidSession, match="the query is not UTF-8"):
        Request(query_string=query.encode()).session_parameter()


def with_cookies(text: str, **headers: str) -> Request:
    """Give a request with a Cookie header."""
    return Request(headers=Headers({"Cookie": text, **headers}))


@strategies.quick
@given(strategies.session_ids)
def test_any_session_id_can_come_in_a_cookie_percent_encoded(session: str) -> None:
    request = with_cookies(f"theme=dark; edge={quote(session, safe='')}; other=\xff")
    assert request.session_header("edge") == session
    assert request.session_header("theme") == "dark"
    assert request.session_header("cart") is None
    assert request.session_header() is None


def test_the_header_wins_over_the_cookie() -> None:
    request = with_cookies("edge=cookie", **{"X-session": "header"})
    assert request.session_header("edge") == "header"


def test_two_cookies_of_one_name_are_refused_unless_they_say_the_same() -> None:
    assert with_cookies('edge=a; edge="a"').session_header("edge") == "a"
    with pytest.raises(InvalidSession, match="two cookies named edge"):
        with_cookies("edge=a; edge=b").session_header("edge")


@pytest.mark.parametrize("value", ["", "%FF", "a%0A", "%20a", "x" * 257, "\xff"])
def test_a_malformed_session_id_is_refused_in_a_cookie(value: str) -> None:
    with pytest.raises(InvalidSession):
        with_cookies(f"edge={value}").session_header("edge")


def test_a_missing_session_is_named() -> None:
    assert Request().session_header() is None
    with pytest.raises(InvalidSession, match="parameter session is missing"):
        Request().required_session()
    assert Request().session_parameter() is None


@pytest.mark.parametrize(("query", "number"), [(b"", 7), (b"count=0", 0), (b"count=10", 10)])
def test_a_number_is_read_up_to_its_limit(query: bytes, number: int) -> None:
    assert Request(query_string=query).number("count", 7, limit=10) == number


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", BadRequest),
        ("x", BadRequest),
        ("-1", BadRequest),
        ("1.0", BadRequest),
        ("1e3", BadRequest),
        ("+1", BadRequest),
        (quote("٣"), BadRequest),
        (quote("²"), BadRequest),
        ("11", TooLarge),
        ("9" * 5000, TooLarge),
    ],
)
def test_anything_else_is_not_a_number(text: str, error: type[EdgeError]) -> None:
    with pytest.raises(error):
        Request(query_string=f"count={text}".encode()).number("count", 7, limit=10)


def test_a_choice_is_one_of_the_words_there_are() -> None:
    assert Request(query_string=b"policy=random").choice("policy", Policy) is Policy.RANDOM
    assert Request().choice("policy", Policy, Policy.LARGEST) is Policy.LARGEST


@pytest.mark.parametrize("query", ["", "status=", "status=Accept", "status=accept+", "status=%FF"])
def test_any_other_word_is_refused_with_those_there_are(query: str) -> None:
    with pytest.raises(BadRequest, match="status must be one of accept, reject, got"):
        Request(query_string=query.encode()).choice("status", OffloadStatus)


@dataclass
class Span:
    first: int
    last: int


JSON = "application/json"
OCTETS = "application/octet-stream"


@pytest.mark.parametrize(
    ("returned", "status", "body", "content_type"),
    [
        (None, 200, b"", TEXT),
        ("é", 200, "é".encode(), TEXT),
        (b"\x00\xff", 200, b"\x00\xff", OCTETS),
        (bytearray(b"x"), 200, b"x", OCTETS),
        ([1, "é", None], 200, '[1, "é", null]'.encode(), JSON),
        ({"products": []}, 200, b'{"products": []}', JSON),
        ({}, 200, b"{}", JSON),
        (7, 200, b"7", JSON),
        (False, 200, b"false", JSON),
        ({"headers": {"a": 1}}, 200, b'{"headers": {"a": 1}}', JSON),
        ({"body": "x", "other": 1}, 200, b'{"body": "x", "other": 1}', JSON),
        (
            {"statusCode": 0, "headers": {}, "x": 1},
            200,
            b'{"statusCode": 0, "headers": {}, "x": 1}',
            JSON,
        ),
        (Response.json({"body": "x"}), 200, b'{"body": "x"}', JSON),
        (datetime(2026, 1, 2, 3, 4, 5), 200, b'"Fri, 02 Jan 2026 03:04:05 GMT"', JSON),
        ({"on": date(2026, 1, 2)}, 200, b'{"on": "Fri, 02 Jan 2026 00:00:00 GMT"}', JSON),
        (
            [Decimal("1.50"), UUID(int=1)],
            200,
            b'["1.50", "00000000-0000-0000-0000-000000000001"]',
            JSON,
        ),
        (Span(1, 2), 200, b'{"first": 1, "last": 2}', JSON),
        (["\ud800"], 200, b'["\\ud800"]', JSON),
        ({"statusCode": 201}, 201, b"", TEXT),
        ({"statusCode": 204, "body": "x"}, 204, b"", TEXT),
        ({"statusCode": HTTPStatus.ACCEPTED, "body": None}, 202, b"", TEXT),
        ({"statusCode": "404 NOT FOUND", "body": "x"}, 404, b"x", TEXT),
        (("x", {"Content-Type": "text/x"}), 200, b"x", "text/x"),
        ((Response(b"x", 404, (("X-A", "a"),)), 410), 410, b"x", OCTETS),
        (flask.Response("x", 410), 410, b"x", "text/html; charset=utf-8"),
        ((flask.Response("x"), 201, {"content-type": "a/b"}), 201, b"x", "a/b"),
        (
            flask.Response(iter(["a", "b"]), 200, mimetype="text/x"),
            200,
            b"ab",
            "text/x; charset=utf-8",
        ),
        (Response(b"x", 200, {"Content-Type": "c/d", "Content-Length": "1"}), 200, b"x", "c/d"),
        ({"body": b"x", "statusCode": "404"}, 404, b"x", OCTETS),
        ({"body": {"a": 1}}, 200, b'{"a": 1}', JSON),
        ({"body": "<p>", "headers": {"content-type": "text/html"}}, 200, b"<p>", "text/html"),
        (("x", 202), 202, b"x", TEXT),
        (([1], 200, {"Content-Type": "application/x"}), 200, b"[1]", "application/x"),
        ((b"", 204, [("Content-Type", "a/b")]), 204, b"", "a/b"),
        (Response(b"x", 418, (("Content-Type", "c/d"),)), 418, b"x", "c/d"),
        (Response(b"x"), 200, b"x", OCTETS),
    ],
    ids=repr,
)
def test_what_a_handler_may_return(
    returned: Any, status: int, body: bytes, content_type: str
) -> None:
    response = as_response(returned)
    found = {name.lower(): value for name, value in response.headers}
    assert (response.status, response.body, found["content-type"]) == (status, body, content_type)


def test_a_handlers_headers_are_kept_with_their_repetitions() -> None:
    response = as_response(("", 200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-N", 1)]))
    assert response.headers[:3] == (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-N", "1"))


def test_a_header_may_have_several_values_and_none_keeps_its_white_space() -> None:
    response = as_response(("", 200, {"X-A": ["a", "b"], "X-B": " c\t", "Content-Length": 0}))
    assert response.headers[:-1] == (("X-A", "a"), ("X-A", "b"), ("X-B", "c"))


def test_headers_of_a_tuple_go_before_those_of_its_response() -> None:
    response = as_response((Response(b"", 200, (("X-A", "1"), ("X-B", "1"))), 200, {"x-a": "2"}))
    assert response.headers[:2] == (("x-a", "2"), ("X-B", "1"))


@pytest.mark.parametrize(
    "returned", [object(), {"body": object()}, {1, 2}, ("x",), ("x", 200, {}, 1), ("x", [200])]
)
def test_what_no_answer_can_be_made_of_is_an_error(returned: object) -> None:
    with pytest.raises(TypeError):
        as_response(returned)


def test_a_response_is_the_tuple_that_flask_passes_on() -> None:
    response = Response.json({"é": 1}, 201)
    assert response.as_tuple() == ('{"é": 1}'.encode(), 201, [("Content-Type", JSON)])
    with flask.Flask("function").test_request_context():
        answer = flask.make_response(response.as_tuple())  # type: ignore[arg-type]
    assert (answer.status_code, json.loads(answer.data)) == (201, {"é": 1})
