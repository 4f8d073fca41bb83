"""A malformed call is answered with a problem document that says 400, and changes nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import msgspec
import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb.wire.headers import ONLOAD_LOCATION, PACKET, PROPAGATE
from tests.protocol.test_requests import problem
from tests.support.dumps import dump
from tests.support.signed import NodeCall
from tests.support.tree import ENDPOINTS, ORACLE_TOKEN, Tree

TOKEN = {
    "session": "s",
    "proprietaryLocation": "edge-a",
    "currentLocation": "edge-a",
    "function": "notebook",
    "epoch": 1,
}
DEEP = b"[" * 50_000
TOLD = Headers({"Authorization": f"Bearer {ORACLE_TOKEN}"})
PATH = {"phase": "hand-over", "to": "city", "hold": "small"}
ASK = {"session": "s", "transfer": "t", "epoch": 1, "stay": "a", "run": "b", "version": 1}


@pytest.fixture
def state(tree: Tree) -> Tree:
    """Give a tree with a session at ``edge-a``, and one of its sessions at ``city``."""
    for session in ("s", "up"):
        tree.write("edge-a", "one", session)
    tree.offload("edge-a", "up")
    return tree


Calls = Iterable[tuple[str, Callable[[], edgedb.Response]]]
"""Calls by what they are, for a test's message."""


def refused(tree: Tree, calls: Calls, status: int = 400) -> None:
    """Check that each call is refused and changes nothing."""
    before = dump(tree)
    for name, call in calls:
        response = call()
        assert response.status == status, (name, response.body)
        assert problem(response)
        assert dump(tree) == before, name


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


@pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS.keys())
def test_a_body_that_is_not_what_it_should_be(state: Tree, taker: NodeCall) -> None:
    calls = {name: replace(taker, body=body) for name, body in BODIES.items()}
    refused(state, signed(state, calls))


def signed(tree: Tree, calls: Mapping[str, NodeCall]) -> Calls:
    """Give calls of nodes, each with its own credential."""
    return ((name, partial(call.signed, tree)) for name, call in calls.items())


READS = {
    400: [
        *("", "session=", "session=%0A", "session=%FF", f"session={'x' * 257}"),
        *("session=s&since=", "session=s&since=-1", "session=s&since=one"),
        *("session=s&page=", "session=s&page=-1", "session=s&page=1.5", "session=s&page={}"),
        *("session=s&list=words&start=", "session=s&list=words&start=-1"),
        f"session=s&page={'[' * 5000}",
    ],
    409: ["session=s&page=0&stay=another&run=another", "session=s&page=0&stay=&run=another"],
    413: [f"session=s&{name}=99999999999999999999" for name in ("since", "page", "list=x&start")],
}


@pytest.mark.parametrize("status", READS)
def test_a_read_of_a_session_that_makes_no_sense(state: Tree, status: int) -> None:
    call = NodeCall("city", "edge-a", "migrate-session", "GET")
    calls = {query[:40]: replace(call, query=query) for query in READS[status]}
    refused(state, signed(state, calls), status)


STEPS: list[dict[str, str | None]] = [
    *({"phase": None}, {"phase": ""}, {"phase": "melt"}),
    *({"to": None}, {"to": ""}, {"hold": ""}, {"hold": "tight"}),
]


def test_a_step_of_a_move_that_makes_no_sense(state: Tree) -> None:
    calls, body = dict[str, NodeCall](), json.dumps([ASK]).encode()
    for changes in STEPS:
        parameters = {key: value for key, value in (PATH | changes).items() if value is not None}
        query = "&".join(f"{key}={value}" for key, value in parameters.items())
        calls[str(changes)] = NodeCall("city", "edge-a", "migrate-session", query=query, body=body)
    refused(state, signed(state, calls))


ASKS: dict[str, object] = {
    "null": None,
    "text": "s",
    "object": ASK,
    "numbers": [1],
    "twice": [ASK, ASK],
    **{f"no-{key}": [{**ASK, key: None}] for key in ASK},
    **{f"list-{key}": [{**ASK, key: []}] for key in ASK},
    "bad-session": [{**ASK, "session": "a\nb"}],
    "negative": [{**ASK, "version": -1}],
    "fraction": [{**ASK, "epoch": 1.5}],
    "one-is-wrong": [ASK, {"session": "up"}],
}


def test_what_is_asked_for_and_makes_no_sense(state: Tree) -> None:
    query = "phase=hand-over&to=city"
    bodies = {name: json.dumps(document).encode() for name, document in ASKS.items()}
    bodies |= {"nothing": b"", "no-json": b"{", "no-utf8": b"\xff", "too-deep": DEEP}
    call = NodeCall("city", "edge-a", "migrate-session", query=query)
    refused(state, signed(state, {name: replace(call, body=b) for name, b in bodies.items()}))


def test_packets_that_make_no_sense(state: Tree) -> None:
    packet = msgspec.to_builtins(state.node("edge-a").store.source.whole("s", 0))
    documents = {
        "null": None,
        "object": packet,
        "numbers": [1],
        "text": ["s"],
        **{f"no-{key}": [{**packet, key: None}] for key in packet},
        "one-is-wrong": [packet, {}],
    }
    bodies = {name: msgspec.msgpack.encode(document) for name, document in documents.items()}
    bodies |= {"nothing": b"", "no-packet": b"{", "cut": msgspec.msgpack.encode([packet])[:-1]}
    call = NodeCall("edge-a", "city", "offload-session", headers={"Content-Type": PACKET})
    refused(state, signed(state, {name: replace(call, body=b) for name, b in bodies.items()}))


def test_a_call_for_sessions_that_makes_no_sense(state: Tree) -> None:
    call = NodeCall("edge-a", "city", "onload-session", "GET")
    headers = [{}, *({ONLOAD_LOCATION: at} for at in ("", "nowhere", "city", "cloud", "\xff"))]
    calls = {str(each): replace(call, headers=each) for each in headers}
    good = replace(call, headers={ONLOAD_LOCATION: "edge-a"})
    queries = ("count=many", "count=-1", "session=", "session=%09")
    calls |= {query: replace(good, query=query) for query in queries}
    refused(state, signed(state, calls))


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
def test_a_session_id_that_is_none(state: Tree, function: str) -> None:
    headers = [Headers({} if name is None else {"X-session": name}) for name in SESSIONS]
    requests = [edgedb.Request("POST", headers=each) for each in headers]
    calls = ((ascii(r.headers), partial(state.respond, "edge-a", function, r)) for r in requests)
    refused(state, calls)


@pytest.mark.parametrize("function", ["test-function", "force-offload", "force-onload"])
def test_a_session_parameter_that_is_none(state: Tree, function: str) -> None:
    queries = ["session=", "session=%0D%0A", "session=%FF", "session=+"]
    queries += [""] if function == "test-function" else []
    refused(state, ((query, partial(state.oracle, "edge-a", function, query)) for query in queries))


LISTED = {400: ["limit=x", "limit=-1", "policy=", "policy=x"], 413: ["limit=1001"]}


@pytest.mark.parametrize("status", LISTED)
def test_a_list_of_sessions_that_makes_no_sense(state: Tree, status: int) -> None:
    requests = {q: edgedb.Request("GET", "/sessions", q.encode(), TOLD) for q in LISTED[status]}
    calls = ((q, partial(state.respond, "edge-a", "oracle", r)) for q, r in requests.items())
    refused(state, calls, status)


METHODS = dict.fromkeys(ENDPOINTS, frozenset({"GET", "POST"})) | {
    **dict.fromkeys(["offload-session", "update-session"], frozenset({"POST"})),
    "test-function": frozenset({"GET", "HEAD", "POST"}),
}


@pytest.mark.parametrize("function", METHODS)
def test_a_method_that_is_not_served_is_answered_with_those_that_are(
    state: Tree, function: str
) -> None:
    before = dump(state)
    for method in {"GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} - METHODS[function]:
        request = edgedb.Request(method, query_string=b"session=s&status=reject")
        response = state.respond("edge-a", function, request)
        allowed = dict(response.headers).get("Allow", "")  # RFC 9110, section 15.5.6
        assert (response.status, set(allowed.split(", "))) == (405, METHODS[function])
    assert dump(state) == before


PATHS = ["/repair", "/finding", "/findings/", "/sessions/s", "//", "/é"]


@pytest.mark.parametrize("function", METHODS)
def test_a_path_that_is_not_served(state: Tree, function: str) -> None:
    requests = [
        edgedb.Request(method, path, b"session=s&status=reject", TOLD)
        for method, path in itertools.product(("GET", "POST"), PATHS)
    ]
    refused(state, ((r.path, partial(state.respond, "edge-a", function, r)) for r in requests), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/sessions", "GET"), ("POST", "/findings", "GET"), ("GET", "/repairs", "POST")],
)
def test_a_path_of_the_oracle_is_served_for_its_own_method_only(
    state: Tree, method: str, path: str, allowed: str
) -> None:
    response = state.respond("edge-a", "oracle", edgedb.Request(method, path))
    assert (response.status, dict(response.headers)["Allow"]) == (405, allowed)
