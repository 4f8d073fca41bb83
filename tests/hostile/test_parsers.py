"""Whatever is parsed, it is taken or refused with one of the library's own 4xx errors.

And what is taken can be kept and sent on: as UTF-8, and as JSON.
"""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, strategies as st
from werkzeug.datastructures import Headers

from edgectl import infrastructure
from edgectl.errors import EdgectlError
from edgedb.errors import (
    BadRequest,
    ConfigurationError,
    EdgeError,
    Forbidden,
    InvalidTopology,
    Unauthorized,
)
from edgedb.peers import credentials
from edgedb.request import Request
from edgedb.topology.file import topology_file
from edgedb.topology.tree import Topology
from edgedb.wire import fates, model
from edgedb.wire.hand_over import Answer, answers_from_msgpack, asks_from_json
from edgedb.wire.items import MANY
from edgedb.wire.model import COUNT_LIMIT, read
from edgedb.wire.packet import SessionPacket, from_msgpack, to_msgpack
from edgedb.wire.sendable import json_bytes
from tests.hostile import strategies
from tests.hostile.calls import asked, propagation, token
from tests.hostile.strategies import many
from tests.support.signed import authorization, key_of, keyring
from tests.support.tree import THREE_LEVELS

TOKEN = json.loads(token("s"))
PACKED: dict[str, Any] = {
    "token": TOKEN,
    "version": 3,
    "items": [
        ["s", "k", b"stext", 0],
        ["s", "b", b"B\x00\x01", 1],
        ["l", "k", 1, 0, [b"Sa", b"b\x00"], True],
        ["d", "k", "scalar"],
    ],
    "replies": [["k", bytes(8) + b"{}\n"]],
    "offer": ["x", "y"],
    "next": 2,
    "floor": 1,
}
MESSAGE = json.loads(propagation())
PROBLEM = {"type": "urn:edgedb:problem:NotFound", "title": "t", "status": 404, "detail": "d"}
ANSWERS = {
    "handed": {"answer": "handed", "version": 1},
    "changed": {"answer": "changed", "version": 4, "difference": PACKED},
    "ended": {"answer": "ended", "version": 1, "run": "y"},
    "problem": {"answer": "problem", "problem": PROBLEM},
}
FATES = [TOKEN, {"session": "t", "problem": PROBLEM}]


def written(document: Any) -> bytes:
    """Write JSON, and what only Python's parser takes for it."""
    return json.dumps(document).encode()


def packed(document: Any) -> bytes:
    """Write MessagePack; what that cannot say is refused."""
    try:
        return msgspec.msgpack.encode(document)
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
        return fates.from_json(written(document), "city")
    except ValueError as error:
        raise BadRequest(str(error)) from error


PARSERS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "token": (lambda document: read(model.TOKEN, written(document)), TOKEN),
    "packets": (lambda document: from_msgpack(packed(document)), [PACKED]),
    "asks": (lambda document: asks_from_json(written(document)), [asked("s"), asked("up")]),
    "answers": (answered, ANSWERS),
    "fates": (moved, FATES),
    "propagation": (lambda document: read(model.PROPAGATION, written(document)), MESSAGE),
    "update": (
        lambda document: read(model.MESSAGE, written(document)),
        {"kind": "update", "to": "edge-a", "token": TOKEN},
    ),
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
        document = one.to_json() if isinstance(one, SessionPacket) else one
        if not isinstance(found, dict):
            assert json_bytes(document).decode()


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


MESSAGEPACK: dict[str, tuple[Callable[[bytes], Any], Any]] = {
    "packets": (from_msgpack, [PACKED]),
    "answers": (answers_from_msgpack, ANSWERS),
}


@pytest.mark.parametrize(("unpack", "good"), MESSAGEPACK.values(), ids=MESSAGEPACK.keys())
@many
@given(st.data())
def test_messagepack_is_taken_or_refused(
    unpack: Callable[[bytes], Any], good: Any, data: st.DataObject
) -> None:
    body = data.draw(strategies.packed_like(good))
    with contextlib.suppress(BadRequest, ValueError):
        for found in (each for each in unpack(body) if isinstance(each, SessionPacket)):
            assert json_bytes(found.to_json()).decode()
            assert from_msgpack(to_msgpack([found])) == [found]


def test_messagepack_of_surrogates_is_refused() -> None:
    body = packed([PACKED]).replace(b"edge-a", b"\xed\xa0\x80aaa")
    assert taken(from_msgpack, body) is None


MIB = 2**20


def _items(item: Any, count: int) -> bytes:
    """Give a packet of many items that are the same, or of so many elements."""
    return packed([PACKED | {"items": [item] * count}])


WEIGHTY: dict[str, bytes] = {
    "empty-lists": b"\xdd" + MIB.to_bytes(4, "big") + b"\x90" * MIB,
    "a-list-that-never-comes": b"\xdd\xff\xff\xff\xff",
    "bytes-that-never-come": b"\x91\x81\xa5items\x91\x94\xa1s\xa1k\xc6\xff\xff\xff\xff",
    "scalars": _items(["s", "kk", b"s1", 0], MANY),
    "packets-of-scalars": packed([PACKED | {"items": [["s", "kk", b"s1", 0]] * 4096}] * 24),
    "elements": _items(["l", "k", 1, 0, [b"s1"] * MANY, False], 16),
    "lists-of-elements": _items(["l", "k", 1, 0, [b"s1"] * 1024, False], 256),
    "deletions": _items(["d", "k", "scalar"], MANY),
    "replies": packed([PACKED | {"replies": [["kk", b"1"]] * MANY}] * 6),
    "offers": packed([{"token": TOKEN, "version": 1}] * COUNT_LIMIT),
    "lists-in-what-is-not-known": packed([PACKED | {"more": [[]] * MIB}]),
    "lists-in-a-token": packed([PACKED | {"token": TOKEN | {"more": [[]] * MIB}}]),
}


@pytest.mark.parametrize("body", WEIGHTY.values(), ids=WEIGHTY.keys())
def test_messagepack_takes_not_many_times_the_memory_that_it_is_long(body: bytes) -> None:
    tracemalloc.start()
    with contextlib.suppress(BadRequest):
        from_msgpack(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 * len(body) + MIB // 4


OVER_A_LIMIT: dict[str, bytes] = {
    "packets": packed([PACKED] * (COUNT_LIMIT + 1)),
    "items": _items(["s", "kk", b"s1", 0], MANY + 1),
    "elements": _items(["l", "k", 1, 0, [b"s1"] * (MANY + 1), False], 1),
    "replies": packed([PACKED | {"replies": [["kk", b"1"]] * (MANY + 1)}]),
}


@pytest.mark.parametrize("body", OVER_A_LIMIT.values(), ids=OVER_A_LIMIT.keys())
def test_messagepack_of_more_than_there_may_be_is_not_unpacked(body: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(BadRequest):
        from_msgpack(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 64 * 1024


@many
@given(strategies.bytes_like(TOKEN))
def test_a_body_is_taken_or_refused(body: bytes) -> None:
    taken(lambda body: read(model.TOKEN, body), body)


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
KEY = key_of("city", "edge-a")


def verified(sent: str | None) -> str | None:
    """Give who signed it; None if it is refused."""
    keys_of = partial(keyring("edge-a").between, called="edge-a")
    try:
        return credentials.verify(keys_of, sent, CALL)
    except (Unauthorized, Forbidden):
        return None


@many
@given(st.binary(max_size=40))
def test_an_authorization_is_refused(raw: bytes) -> None:
    good = authorization(KEY, "city", CALL).encode()
    signature = good.rpartition(b".")[2]
    assert verified(good.decode()) == "city"
    for value in (
        raw,
        b"Bearer " + raw,
        b"Bearer city.%b." % raw,
        good + raw + b"x",
        b"x" + raw + good,
    ):
        request = Request(
            headers=Headers({"Authorization": value.translate(None, b"\r\n").decode("latin-1")})
        )
        text = taken(lambda request: request.header("Authorization"), request)
        assert text is None or verified(text) is None
    for value in (b"Bearer city.%b.%b", b"Bearer %b.1.%b"):
        assert verified((value % (raw, signature)).decode("latin-1")) is None


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
        tree = topology_file(file, "edge-a").current()
    except ConfigurationError:
        return
    assert "edge-a" in tree


@not_json
def test_a_topology_file_that_is_no_json_is_refused(folder: Path, content: bytes) -> None:
    file = folder / "edge-topology"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError):
        topology_file(file, "edge-a").current()


@many
@given(strategies.bytes_like(THREE_LEVELS))
def test_a_topology_file_that_turns_bad_leaves_the_last_good_one(
    folder: Path, content: bytes
) -> None:
    file = folder / "edge-topology"
    file.write_text(json.dumps(THREE_LEVELS))
    kept = topology_file(file, "edge-a")
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
