"""A malformed call is answered with a problem document that says 400, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

import edgedb
from edgedb.wire.headers import ONLOAD_LOCATION, PROPAGATE
from tests.protocol.test_requests import problem
from tests.support import strategies
from tests.support.dumps import dump
from tests.support.signed import NodeCall
from tests.support.tree import ORACLE_TOKEN, Tree

TOKEN = {
    "session": "s",
    "proprietaryLocation": "edge-a",
    "currentLocation": "edge-a",
    "function": "notebook",
    "epoch": 1,
}
DEEP = b"[" * 50_000
PATH = {"session": "s", "phase": "freeze", "transfer": "t", "to": "city", "epoch": "1"}


@pytest.fixture
def state(tree: Tree) -> Tree:
    """Give a tree with a session at ``edge-a``, and one of its sessions at ``city``."""
    for session in ("s", "up"):
        tree.write("edge-a", "one", session)
    tree.offload("edge-a", "up")
    return tree


def refused(tree: Tree, call: Callable[[], edgedb.Response], status: int = 400) -> None:
    """Check that a call is refused and changes nothing."""
    before = dump(tree)
    response = call()
    assert response.status == status, response.body
    assert problem(response)
    assert dump(tree) == before


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no-json": b"{",
    "no-utf8": b"\xff",
    "too-deep": DEEP,
    "too-many-digits": b'{"epoch": ' + b"9" * 5000 + b"}",
    "null": b"null",
    "list": b"[]",
    "text": b'"s"',
    "nan": json.dumps({**TOKEN, "epoch": float("nan")}).encode(),
    **{f"no-{key}": json.dumps({**TOKEN, key: None}).encode() for key in TOKEN},
    **{f"list-{key}": json.dumps({**TOKEN, key: []}).encode() for key in TOKEN},
    "fraction": json.dumps({**TOKEN, "epoch": 1.5}).encode(),
    "negative": json.dumps({**TOKEN, "epoch": -1}).encode(),
    "too-large": json.dumps({**TOKEN, "epoch": 2**53}).encode(),
    "bad-session": json.dumps({**TOKEN, "session": "a\nb"}).encode(),
    "long-session": json.dumps({**TOKEN, "session": "x" * 257}).encode(),
    "surrogate": json.dumps({**TOKEN, "session": "\ud800"}).encode(),
    "no-location": json.dumps({**TOKEN, "proprietaryLocation": "\ud800"}).encode(),
}
TAKERS = {
    "offload-session": NodeCall("edge-a", "city", "offload-session"),
    "update-session": NodeCall("city", "edge-a", "update-session"),
    "propagation": NodeCall("edge-a", "city", "tally", headers={PROPAGATE: "m"}),
}
takers = pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS.keys())


@takers
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_not_what_it_should_be(state: Tree, taker: NodeCall, body: bytes) -> None:
    refused(state, lambda: replace(taker, body=body).signed(state))


json_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children),
    max_leaves=6,
)
token_like = st.fixed_dictionaries(
    {}, optional={key: st.just(value) | json_documents for key, value in TOKEN.items()}
)
bodies = st.binary(max_size=40) | (json_documents | token_like).map(
    lambda d: json.dumps(d).encode()
)


@strategies.quick
@given(st.sampled_from(list(TAKERS.values())), bodies)
def test_no_body_at_all_is_an_internal_error(state: Tree, taker: NodeCall, body: bytes) -> None:
    response = replace(taker, body=body).signed(state)
    assert response.status in {200, 400, 404, 409}, response.body


@strategies.quick
@given(json_documents | st.text(max_size=20))
def test_no_cursor_at_all_is_an_internal_error(state: Tree, cursor: Any) -> None:
    before = dump(state)
    page = cursor if isinstance(cursor, str) else json.dumps(cursor)
    query = quote(page)
    call = NodeCall("city", "edge-a", "migrate-session", "GET", f"session=s&page={query}")
    assert call.signed(state).status in {200, 400}
    assert dump(state) == before


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("session=", 400),
        ("session=%0A", 400),
        ("session=%FF", 400),
        (f"session={'x' * 257}", 400),
        ("session=s&since=", 400),
        ("session=s&since=-1", 400),
        ("session=s&since=one", 400),
        ("session=s&since=99999999999999999999", 413),
        ("session=s&page=", 400),
        ("session=s&page=1", 400),
        ("session=s&page={}", 400),
        ('session=s&page={"since":0,"began":0}', 400),
        ('session=s&page={"since":0,"began":0,"after":-1}', 400),
        ('session=s&page={"since":0,"began":0,"after":0,"key":"x"}', 400),
        (f"session=s&page={'[' * 5000}", 400),
        (f"session=s&page={'9' * 5000}", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_read_of_a_session_that_makes_no_sense(state: Tree, query: str, status: int) -> None:
    call = NodeCall("city", "edge-a", "migrate-session", "GET", query)
    refused(state, lambda: call.signed(state), status)


@pytest.mark.parametrize(
    "changes",
    [
        {"session": None},
        {"session": ""},
        {"session": "%00"},
        {"phase": None},
        {"phase": ""},
        {"phase": "melt"},
        {"to": None},
        {"to": ""},
        {"transfer": None},
        {"transfer": ""},
        {"since": "x"},
        {"epoch": "x"},
        {"phase": "hand-over", "grant": None},
        {"phase": "hand-over", "grant": ""},
        {"phase": "thaw", "transfer": None},
    ],
    ids=str,
)
def test_a_step_of_a_move_that_makes_no_sense(state: Tree, changes: dict[str, Any]) -> None:
    parameters = {key: value for key, value in (PATH | changes).items() if value is not None}
    query = "&".join(f"{key}={value}" for key, value in parameters.items())
    call = NodeCall("city", "edge-a", "migrate-session", query=query)
    refused(state, lambda: call.signed(state))


@pytest.mark.parametrize(
    ("query", "header"),
    [
        ("", None),
        ("", ""),
        ("", "nowhere"),
        ("", "city"),
        ("", "cloud"),
        ("", "\xff"),
        ("count=many", "edge-a"),
        ("count=-1", "edge-a"),
        ("session=", "edge-a"),
        ("session=%09", "edge-a"),
    ],
)
def test_a_call_for_sessions_that_makes_no_sense(
    state: Tree, query: str, header: str | None
) -> None:
    headers = {} if header is None else {ONLOAD_LOCATION: header}
    call = NodeCall("edge-a", "city", "onload-session", "GET", query, headers=headers)
    refused(state, lambda: call.signed(state))


SESSIONS = [
    None,
    "",
    " ",
    "\xff",
    "\xc3",
    "a\x7fb",
    "a\x01b",
    "x" * 257,
    "\xc2\x85",
    "\xed\xa0\x80",
]


@pytest.mark.parametrize("function", ["notebook", "reader"])
@pytest.mark.parametrize("session", SESSIONS, ids=lambda value: ascii(value)[:12])
def test_a_session_id_that_is_none(state: Tree, function: str, session: str | None) -> None:
    headers = Headers({} if session is None else {"X-session": session})
    request = edgedb.Request("POST", headers=headers)
    refused(state, lambda: state.respond("edge-a", function, request))


@pytest.mark.parametrize("query", ["", "session=", "session=%0D%0A", "session=%FF", "session=+"])
@pytest.mark.parametrize("function", ["test-function", "force-offload", "force-onload"])
def test_a_session_parameter_that_is_none(state: Tree, function: str, query: str) -> None:
    if not query and function != "test-function":
        query = "session="
    refused(state, lambda: state.oracle("edge-a", function, query))


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=x", 400), ("limit=-1", 400), ("limit=1001", 413), ("policy=", 400), ("policy=x", 400)],
)
def test_a_list_of_sessions_that_makes_no_sense(state: Tree, query: str, status: int) -> None:
    headers = Headers({"Authorization": f"Bearer {ORACLE_TOKEN}"})
    request = edgedb.Request("GET", "/sessions", query.encode(), headers)
    refused(state, lambda: state.respond("edge-a", "oracle", request), status)


METHODS = {
    "offload-session": {"POST"},
    "onload-session": {"GET", "POST"},
    "migrate-session": {"GET", "POST"},
    "update-session": {"POST"},
    "test-function": {"GET", "HEAD", "POST"},
    "set-offload-status": {"GET", "POST"},
    "force-offload": {"GET", "POST"},
    "force-onload": {"GET", "POST"},
    "oracle": {"GET", "POST"},
}


NOT_SERVED = [
    (function, method)
    for function, served in METHODS.items()
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW")
    if method not in served
]


@pytest.mark.parametrize(("function", "method"), NOT_SERVED)
def test_a_method_that_is_not_served(state: Tree, function: str, method: str) -> None:
    request = edgedb.Request(method, query_string=b"session=s&status=reject")
    refused(state, lambda: state.respond("edge-a", function, request), 405)


@pytest.mark.parametrize("function", METHODS)
def test_a_method_that_is_not_served_is_answered_with_those_that_are(
    tree: Tree, function: str
) -> None:
    response = tree.respond("edge-a", function, edgedb.Request("PUT"))
    allowed = dict(response.headers).get("Allow", "")  # RFC 9110, section 15.5.6
    assert set(allowed.split(", ")) == METHODS[function]


@pytest.mark.parametrize("path", ["/repair", "/finding", "/findings/", "/sessions/s", "//", "/é"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("function", METHODS)
def test_a_path_that_is_not_served(state: Tree, function: str, method: str, path: str) -> None:
    query, token = b"session=s&status=reject", {"Authorization": f"Bearer {ORACLE_TOKEN}"}
    request = edgedb.Request(method, path, query, Headers(token))
    refused(state, lambda: state.respond("edge-a", function, request), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/sessions", "GET"), ("POST", "/findings", "GET"), ("GET", "/repairs", "POST")],
)
def test_a_path_of_the_oracle_is_served_for_its_own_method_only(
    state: Tree, method: str, path: str, allowed: str
) -> None:
    response = state.respond("edge-a", "oracle", edgedb.Request(method, path))
    assert (response.status, dict(response.headers)["Allow"]) == (405, allowed)
