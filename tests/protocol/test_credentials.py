"""Without the right credentials every endpoint answers 401 or 403, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import Forbidden
from edgedb.wire.hand_over import Ask, answers_from_msgpack
from edgedb.wire.headers import ONLOAD_LOCATION, PROPAGATE
from edgedb.wire.model import Propagation, SessionToken
from edgedb.wire.packet import SessionPacket
from tests.support.dumps import dump
from tests.support.signed import NodeCall
from tests.support.tree import ORACLE_TOKEN, Tree

FREE = SessionToken("free", "edge-a", "edge-a", "notebook", 1)
UP = SessionToken("up", "edge-a", "city", "notebook", 2)
MESSAGE = Propagation.of("m", "city", "tally", "milk", "edge-a")


def body(document: SessionToken | Propagation) -> bytes:
    return msgspec.json.encode(document)


CALLS = {
    "offload": NodeCall("edge-a", "city", "offload-session", body=body(FREE)),
    "onload": NodeCall(
        "edge-a", "city", "onload-session", "GET", headers={ONLOAD_LOCATION: "edge-a"}
    ),
    "read": NodeCall("city", "edge-a", "migrate-session", "GET", "session=s"),
    "hand-over": NodeCall("city", "edge-a", "migrate-session", query="phase=hand-over&to=city"),
    "known": NodeCall("city", "edge-a", "migrate-session/known", body=b'["s"]'),
    "update": NodeCall("cloud", "edge-a", "update-session", body=body(UP.moved_to("cloud"))),
    "propagate": NodeCall("edge-a", "city", "tally", body=body(MESSAGE), headers={PROPAGATE: "m"}),
}


def asked(tree: Tree, session: str = "s") -> bytes:
    """Ask for a session as it is now, wherever it is."""
    (place,) = tree.residents(session)
    (packet,) = tree.node(place).store.source.offers([session])
    assert isinstance(packet, SessionPacket)
    ask = Ask(session, "t", packet.token.epoch, *packet.offer, packet.version)
    return msgspec.json.encode([ask])


@pytest.fixture
def state(tree: Tree) -> Tree:
    """Give a tree in which each of the calls would do something."""
    for session in ("s", "free", "up"):
        tree.write("edge-a", "one", session)
    tree.offload("edge-a", "up")
    return tree


@pytest.fixture(params=CALLS.values(), ids=CALLS.keys())
def call(request: pytest.FixtureRequest, state: Tree) -> NodeCall:
    """Give one call of each kind, with what is offered now."""
    found: NodeCall = request.param
    return replace(found, body=asked(state)) if "hand-over" in found.query else found


def test_with_its_own_credential_each_call_is_served(state: Tree, call: NodeCall) -> None:
    response = call.signed(state)
    assert response.status in {200, 204}, response.body


FORGERIES: dict[str, Callable[[NodeCall], str | None]] = {
    "none": lambda _: None,
    "empty": lambda _: "",
    "no-token": lambda _: "Bearer",
    "garbage": lambda _: "Bearer a.b.c",
    "basic": lambda _: "Basic ZWRnZS1hOng=",
    "the-oracles": lambda _: f"Bearer {ORACLE_TOKEN}",
    "another-key": lambda call: call.credential(b"another key of enough bytes, 32 "),
    "expired": lambda call: call.credential(after_s=-80),
    "of-tomorrow": lambda call: call.credential(after_s=80),
    "another-place": lambda call: replace(call, location="edge-b").credential(),
    "another-body": lambda call: replace(call, body=call.body + b" ").credential(),
    "another-method": lambda call: replace(call, method="PUT").credential(),
    "another-function": lambda call: replace(call, function="test-function").credential(),
    "another-query": lambda call: replace(call, query=f"{call.query}&x=1").credential(),
}


def test_a_credential_that_is_not_for_this_call_is_401_and_changes_nothing(
    state: Tree, call: NodeCall
) -> None:
    before = dump(state)
    for forgery, forge in FORGERIES.items():
        response = call.send(state, forge(call))
        assert response.status == 401, forgery
        assert dict(response.headers)["WWW-Authenticate"] == "Bearer"
        assert dump(state) == before, forgery


def test_a_credential_for_another_path_of_the_function_is_401(state: Tree) -> None:
    before, call = dump(state), CALLS["propagate"]
    headers = Headers({**call.headers, "Authorization": call.credential()})
    request = edgedb.Request(call.method, "/x", call.query.encode(), headers, call.body)
    assert state.respond(call.location, call.function, request).status == 401
    assert dump(state) == before


STRANGERS = {
    "offload": ["city", "cloud", "nobody"],
    "onload": ["city", "cloud", "nobody", "edge-b"],
    "read": ["edge-a", "edge-b", "nobody"],
    "known": ["edge-a", "edge-b", "nobody"],
    "update": ["edge-a", "edge-b", "nobody"],
    "propagate": ["cloud", "nobody"],
    "hand-over": ["edge-a", "edge-b", "nobody", "cloud"],  # cloud speaks for city, which it names
}


def test_a_caller_who_may_not_make_the_call_is_403_and_changes_nothing(state: Tree) -> None:
    before = dump(state)
    for name, call in CALLS.items():
        for caller in STRANGERS[name]:
            response = replace(call, caller=caller).signed(state)
            assert response.status == 403, (name, caller, response.body)
            assert dump(state) == before, (name, caller)


@pytest.mark.parametrize("query", ["session=up", "session=up&page=0", "session=up&list=words"])
def test_who_is_not_on_a_sessions_way_to_the_root_reads_nothing_of_it(
    state: Tree, query: str
) -> None:
    call = NodeCall("edge-b", "city", "migrate-session", "GET", query)
    assert call.signed(state).status in {400, 403}


def test_who_is_not_on_a_sessions_way_to_the_root_does_not_get_it(state: Tree) -> None:
    before, query = dump(state), "phase=hand-over&to=edge-b"
    call = NodeCall("edge-b", "city", "migrate-session", query=query, body=asked(state, "up"))
    (answer,) = answers_from_msgpack(call.signed(state).body).values()
    assert isinstance(answer, Forbidden)
    assert dump(state) == before


ORACLE_CALLS = [
    ("edge-a", "set-offload-status", edgedb.Request("POST", "/", b"status=reject")),
    ("edge-a", "set-offload-status", edgedb.Request("GET", "/", b"status=reject")),
    ("edge-a", "force-offload", edgedb.Request("POST", "/", b"session=free")),
    ("edge-a", "force-offload", edgedb.Request("GET")),
    ("edge-a", "force-onload", edgedb.Request("POST", "/", b"session=up")),
    ("edge-a", "force-onload", edgedb.Request("GET")),
    ("edge-a", "oracle", edgedb.Request("GET")),
    ("edge-a", "oracle", edgedb.Request("GET", "/sessions")),
    ("city", "oracle", edgedb.Request("GET", "/sessions", b"limit=1")),
    ("edge-a", "oracle", edgedb.Request("POST", "/claim", b"location=edge-a")),
    ("edge-a", "oracle", edgedb.Request("POST", "/lost", b"location=city")),
]
WRONG = {
    "none": None,
    "empty": "",
    "no-token": "Bearer ",
    "wrong": "Bearer guess",
    "shorter": f"Bearer {ORACLE_TOKEN[:-1]}",
    "longer": f"Bearer {ORACLE_TOKEN}x",
    "basic": f"Basic {ORACLE_TOKEN}",
    "a-nodes": NodeCall("city", "edge-a", "force-offload").credential(),
}


def ask(
    tree: Tree, location: str, function: str, request: edgedb.Request, authorization: str | None
) -> edgedb.Response:
    """Call an endpoint of the oracle, with any credential or none."""
    headers = Headers({} if authorization is None else {"Authorization": authorization})
    return tree.respond(location, function, replace(request, headers=headers))


@pytest.mark.parametrize(("location", "function", "request_"), ORACLE_CALLS)
def test_without_its_bearer_token_the_oracle_is_401_and_changes_nothing(
    state: Tree, location: str, function: str, request_: edgedb.Request
) -> None:
    before = dump(state)
    for name, authorization in WRONG.items():
        response = ask(state, location, function, request_, authorization)
        assert response.status == 401, name
        assert dict(response.headers)["WWW-Authenticate"] == "Bearer"
        assert dump(state) == before, name
    right = ask(state, location, function, request_, f"Bearer {ORACLE_TOKEN}")
    assert right.status == 200, right.body


def test_a_tick_needs_no_credential_but_refuses_a_wrong_one(state: Tree) -> None:
    before, tick = dump(state), edgedb.Request("POST")
    for authorization in [wrong for wrong in WRONG.values() if wrong is not None]:
        assert ask(state, "edge-a", "oracle", tick, authorization).status == 401
        assert dump(state) == before, authorization
    assert ask(state, "edge-a", "oracle", tick, None).status == 200
    assert ask(state, "edge-a", "oracle", tick, f"Bearer {ORACLE_TOKEN}").status == 200


def test_an_oracle_without_its_secret_serves_nobody(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"oracle_tokens": tuple})
    for location, function, request in ORACLE_CALLS:
        for authorization in (None, "Bearer None", f"Bearer {ORACLE_TOKEN}"):
            assert ask(tree, location, function, request, authorization).status == 403
    assert not any(dump(tree).values())


def test_an_insecure_node_on_purpose_asks_nobody(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"oracle_tokens": tuple, "node_keys": tuple, "insecure": True})
    tree.write("edge-a", "one")
    assert ask(tree, "edge-a", "force-offload", edgedb.Request("POST"), None).status == 200
    assert tree.residents() == ["city"]
