"""Whatever is parsed, it is taken or refused with one of the library's own 4xx errors.

And what is taken can be kept and sent on: as UTF-8, and as JSON.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, strategies as st
from werkzeug.datastructures import Headers

from edgectl import infrastructure
from edgectl.errors import EdgectlError
from edgedb.errors import BadRequest, ConfigurationError, EdgeError, InvalidTopology, Unauthorized
from edgedb.peers import credentials
from edgedb.request import Request
from edgedb.topology.file import TopologyFile
from edgedb.topology.tree import Topology
from edgedb.wire import fates
from edgedb.wire.hand_over import Answer, answers_from_msgpack, asks_from_json
from edgedb.wire.items import StoredReply, item_from_json
from edgedb.wire.model import Propagation, SessionToken, message_from_json, value_from_json
from edgedb.wire.packet import SessionPacket, packets_of
from tests.hostile import strategies
from tests.hostile.calls import asked, propagation, token
from tests.hostile.strategies import many
from tests.support.signed import good_claims, sign
from tests.support.tree import NODE_KEY, THREE_LEVELS

TOKEN = json.loads(token("s"))
ITEMS: list[Any] = [
    {"key": "k", "data": "text"},
    {"key": "b", "data": "AAEC", "encoding": "base64"},
    {"key": "k", "born": 1, "start": 0, "data": ["a", {"data": "AA==", "encoding": "base64"}]},
    {"key": "k", "deleted": "scalar"},
    {"key": "k", "piece": 1, "data": "text", "unfinished": True},
]
REPLY = {"key": "k", "data": base64.b64encode(bytes(8) + b"{}\n").decode(), "encoding": "base64"}
PACKET = {
    "token": TOKEN,
    "version": 3,
    "session_data": ITEMS,
    "replies": [REPLY],
    "stay": "x",
    "run": "y",
    "next": 2,
    "floor": 1,
}
PACKED = PACKET | {"scalars": ["l", "text"], "replies": ["k", bytes(8) + b"{}\n"]}
MESSAGE = json.loads(propagation())
PROBLEM = {"type": "urn:edgedb:problem:NotFound", "title": "t", "status": 404, "detail": "d"}
ANSWERS = {
    "handed": {"handed": 1},
    "changed": {"changed": 4, "difference": PACKED},
    "ended": {"ended": 1, "run": "y"},
    "problem": {"problem": PROBLEM},
}
FATES = [TOKEN, {"session": "t", "problem": PROBLEM}]


def packed(document: Any) -> bytes:
    """Write MessagePack; what that cannot say is refused."""
    try:
        return bytes(msgpack.packb(document))
    except (ValueError, OverflowError) as error:
        raise BadRequest(str(error)) from error


def answered(document: Any) -> dict[str, Answer]:
    """Read answers as the caller of a node does, who takes none that makes no sense for none."""
    try:
        return answers_from_msgpack(packed(document))
    except ValueError as error:
        raise BadRequest(str(error)) from error


def moved(document: Any) -> dict[str, fates.Fate]:
    """Read what has become of sessions, as the caller of a node does."""
    try:
        return fates.from_json(document, "city")
    except ValueError as error:
        raise BadRequest(str(error)) from error


PARSERS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "token": (SessionToken.from_json, TOKEN),
    "packet": (SessionPacket.from_json, PACKET),
    "messagepack": (lambda document: packets_of(packed(document)), [PACKED]),
    "asks": (asks_from_json, [asked("s"), asked("up")]),
    "answers": (answered, ANSWERS),
    "fates": (moved, FATES),
    "item": (item_from_json, ITEMS[2]),
    "value": (value_from_json, ITEMS[1]),
    "reply": (StoredReply.from_json, REPLY),
    "propagation": (Propagation.from_json, MESSAGE),
    "update": (message_from_json, {"kind": "update", "to": "edge-a", "token": TOKEN}),
}


def taken(parse: Callable[[Any], Any], document: Any) -> Any:
    """Parse; None if it is refused with a 4xx."""
    try:
        return parse(document)
    except EdgeError as error:
        status = error.status
    assert 400 <= status < 500
    return None


@pytest.mark.parametrize(("parse", "good"), PARSERS.values(), ids=PARSERS.keys())
@many
@given(st.data())
def test_a_document_is_taken_or_refused(
    parse: Callable[[Any], Any], good: Any, data: st.DataObject
) -> None:
    found = taken(parse, data.draw(strategies.like(good)))
    for one in found if isinstance(found, list) else [found]:
        if hasattr(one, "to_json"):
            assert json.dumps(one.to_json(), ensure_ascii=False).encode()


@pytest.mark.parametrize(("parse", "good"), PARSERS.values(), ids=PARSERS.keys())
def test_the_document_itself_is_taken(parse: Callable[[Any], Any], good: Any) -> None:
    assert taken(parse, good) is not None


@pytest.mark.parametrize(
    "name", [name for name, (_, good) in PARSERS.items() if "function" in good]
)
@pytest.mark.parametrize("member", ["function", "id", "to", "origin", "data", "currentLocation"])
def test_text_that_utf8_cannot_carry_is_refused(name: str, member: str) -> None:
    parse, good = PARSERS[name]
    if member in good:
        assert taken(parse, good | {member: "\ud800"}) is None


@many
@given(strategies.bytes_like(TOKEN))
def test_a_body_is_taken_or_refused(body: bytes) -> None:
    taken(lambda body: SessionToken.from_json(Request(body=body).json()), body)


not_json = pytest.mark.parametrize(
    "content", strategies.NOT_JSON.values(), ids=strategies.NOT_JSON.keys()
)


@not_json
def test_a_body_that_is_no_json_is_refused(content: bytes) -> None:
    assert taken(Request.json, Request(body=content)) is None


@many
@given(st.binary(max_size=40) | strategies.texts.map(lambda text: text.encode(errors="replace")))
def test_a_query_is_taken_or_refused(raw: bytes) -> None:
    for query in (raw, b"session=" + raw, b"count=" + raw, b"session=s&session=" + raw):
        request = Request(query_string=query)
        assert all(value.encode() is not None for pair in request.query.items() for value in pair)
        taken(Request.required_session, request)
        taken(lambda request: request.number("count", 1), request)


@many
@given(st.binary(max_size=40))
def test_a_header_is_taken_or_refused(raw: bytes) -> None:
    value = raw.decode("latin-1").replace("\r", "").replace("\n", "")
    request = Request(headers=Headers({"X-session": value, "Idempotency-Key": value}))
    taken(Request.session_header, request)
    cookies = Request(headers=Headers({"Cookie": f"edge={value}; {value}"}))
    taken(lambda request: request.session_header("edge"), cookies)
    taken(lambda request: request.header("Idempotency-Key"), request)


CALL = credentials.Call("POST", "/function/f", b"", b"")


def verified(authorization: str | None) -> str | None:
    """Give who signed it; None if it is refused."""
    try:
        return credentials.verify(NODE_KEY, authorization, "edge-a", CALL)
    except Unauthorized:
        return None


@many
@given(st.binary(max_size=40))
def test_an_authorization_is_refused(raw: bytes) -> None:
    for value in (raw, b"Bearer " + raw, b"Bearer a.b." + raw):
        request = Request(
            headers=Headers({"Authorization": value.translate(None, b"\r\n").decode("latin-1")})
        )
        text = taken(lambda request: request.header("Authorization"), request)
        assert verified(text) is None


@many
@given(strategies.bytes_like({"alg": "HS256", "typ": "JWT"}))
def test_a_signed_head_is_taken_or_refused(head: bytes) -> None:
    assert verified(sign(json.dumps(good_claims(CALL)).encode(), head)) in {None, "city"}


@not_json
def test_a_credential_of_what_is_no_json_is_refused(content: bytes) -> None:
    assert verified(sign(b"{}", content)) is None
    assert verified(sign(content)) is None


@many
@given(st.data())
def test_signed_claims_are_taken_or_refused(data: st.DataObject) -> None:
    claims = data.draw(strategies.bytes_like(good_claims(CALL)))
    caller = verified(sign(claims))
    assert caller is None or isinstance(caller, str)


@many
@given(strategies.like(THREE_LEVELS))
def test_a_topology_is_taken_or_refused(document: Any) -> None:
    try:
        tree = Topology.from_json(document)
    except InvalidTopology:
        return
    assert tree.root.id in tree


@many
@given(strategies.bytes_like(THREE_LEVELS))
def test_a_topology_file_is_taken_or_refused(folder: Path, content: bytes) -> None:
    file = folder / "edge-topology"
    file.write_bytes(content)
    try:
        tree = TopologyFile(file, "edge-a").current()
    except ConfigurationError:
        return
    assert "edge-a" in tree


@not_json
def test_a_topology_file_that_is_no_json_is_refused(folder: Path, content: bytes) -> None:
    file = folder / "edge-topology"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError):
        TopologyFile(file, "edge-a").current()


@many
@given(strategies.bytes_like(THREE_LEVELS))
def test_a_topology_file_that_turns_bad_leaves_the_last_good_one(
    folder: Path, content: bytes
) -> None:
    file = folder / "edge-topology"
    file.write_text(json.dumps(THREE_LEVELS))
    kept = TopologyFile(file, "edge-a")
    kept.current()
    file.write_bytes(content)
    assert "edge-a" in kept.current()


NOT_YAML = [
    "a: &a [*a]",
    "!!python/object:os.system {}",
    "\x00",
    "{a: 1, a: 2}",
    "? []",
]
yaml_texts = (
    strategies.like(THREE_LEVELS).map(json.dumps)
    | st.text(st.sampled_from("ab:{}[]-&*!|>'\"%@` \n\t#?,0\x00\ufeff"), max_size=40)
    | st.sampled_from(NOT_YAML)
)


@many
@given(yaml_texts)
@example("[" * 5000)
def test_an_infrastructure_file_is_taken_or_refused(folder: Path, text: str) -> None:
    file = folder / "infrastructure.yml"
    file.write_bytes(text.encode(errors="surrogatepass"))
    with contextlib.suppress(EdgectlError):
        assert len(infrastructure.load(file)) > 0
