"""Session packets and cursors: ``session_data`` and what is beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given

from edgedb.errors import BadRequest
from edgedb.wire.items import (
    Deleted,
    Item,
    ListPart,
    Scalar,
    StoredReply,
    in_one_piece,
    item_from_json,
)
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import Cursor, SessionPacket
from edgedb.wire.pieces import PIECES_LIMIT, Unfinished
from tests.support import strategies
from tests.unit.test_model import TOKEN, over_the_wire

PACKET: dict[str, Any] = {"token": TOKEN, "version": 9, "session_data": [], "replies": []}
CURSOR: dict[str, Any] = {"since": 1, "began": 2, "after": 3}
PIECE: dict[str, Any] = {"key": "k", "piece": 0}
PART: dict[str, Any] = {"key": "words", "born": 4, "start": 0, "data": []}


@pytest.mark.parametrize(
    ("item", "document"),
    [
        (Scalar("key1", "data1"), {"key": "key1", "data": "data1"}),
        (Scalar("k", b"\xff"), {"key": "k", "data": "/w==", "encoding": "base64"}),
        (ListPart("words", 4, 0, ("a", "b")), PART | {"data": ["a", "b"]}),
        (
            ListPart("words", 4, 7, ("a", b"\xff")),
            PART | {"start": 7, "data": ["a", {"data": "/w==", "encoding": "base64"}]},
        ),
        (Deleted("k", "scalar"), {"key": "k", "deleted": "scalar"}),
        (Deleted("k", "list"), {"key": "k", "deleted": "list"}),
        (Scalar("k", Unfinished("a")), PIECE | {"data": "a", "unfinished": True}),
        (Scalar("k", "b", 2), PIECE | {"data": "b", "piece": 2}),
        (
            ListPart("words", 4, 0, (Unfinished("a"), "b")),
            PART | {"data": [{"data": "a", "unfinished": True}, "b"]},
        ),
    ],
    ids=[
        "text",
        "bytes",
        "list",
        "list-of-both",
        "deleted-scalar",
        "deleted-list",
        "first-piece",
        "last-piece",
        "list-of-pieces",
    ],
)
def test_an_item_has_the_seeds_form_and_marks_what_is_more(item: Item, document: object) -> None:
    assert item.to_json() == document
    assert item_from_json(document) == item


def test_a_packet_is_the_token_and_the_seeds_session_data() -> None:
    packet = SessionPacket(SessionToken.from_json(TOKEN), 9, (Scalar("key1", "data1"),))
    document = PACKET | {"session_data": [{"key": "key1", "data": "data1"}]}
    assert packet.to_json() == document


@strategies.quick
@given(strategies.packets)
def test_a_packet_survives_the_wire(packet: SessionPacket) -> None:
    assert SessionPacket.from_json(over_the_wire(packet.to_json())) == packet


@strategies.quick
@given(strategies.packets)
def test_a_packet_survives_as_messagepack_too_but_for_the_order_of_its_items(
    packet: SessionPacket,
) -> None:
    found = SessionPacket.from_msgpack(packet.to_msgpack())
    assert sorted(map(repr, found.items)) == sorted(map(repr, packet.items))
    assert replace(found, items=()) == replace(packet, items=())


@pytest.mark.parametrize(
    "columns",
    [
        {"scalars": None},
        {"scalars": ["k"]},
        {"scalars": ["k", 1]},
        {"scalars": [b"k", "v"]},
        {"scalars": ["k", ["v"]]},
        {"replies": ["k", "text"]},
        {"replies": {"k": b"blob"}},
        {"session_data": [{"key": "k", "data": "d", "piece": PIECES_LIMIT}]},
        {"session_data": [{"key": "k", "data": "d", "piece": "1"}]},
        {"session_data": [{"key": "k", "data": "d", "piece": -1}]},
        {"scalars": ["k", "one", "k", "two"]},
        {"session_data": [{"key": "k", "data": "d", "piece": 1}] * 2},
    ],
    ids=repr,
)
def test_malformed_columns_are_refused(columns: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        SessionPacket.from_msgpack(msgpack.packb(PACKET | {"scalars": []} | columns))


def test_pieces_are_put_together_unless_the_first_is_missing() -> None:
    items: list[Item] = [
        Scalar("short", "x"),
        Scalar("long", "b", 1),
        Scalar("long", Unfinished("a")),
        Scalar("cut", Unfinished("c"), 1),
        ListPart("words", 1, 0, ("w", Unfinished(b"x"), b"y")),
        Deleted("gone", "scalar"),
    ]
    assert in_one_piece(items) == (
        Scalar("short", "x"),
        Scalar("long", "ab"),
        Scalar("cut", Unfinished("c"), 1),
        ListPart("words", 1, 0, ("w", b"xy")),
        Deleted("gone", "scalar"),
    )


@strategies.quick
@given(strategies.cursors)
def test_a_cursor_survives_the_wire(cursor: Cursor) -> None:
    assert Cursor.from_json(over_the_wire(cursor.to_json())) == cursor


def test_a_stored_reply_travels_as_base64() -> None:
    reply = StoredReply("key", b"\x00blob")
    document = {"key": "key", "data": "AGJsb2I=", "encoding": "base64"}
    assert (reply.to_json(), StoredReply.from_json(document)) == (document, reply)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        *({k: v for k, v in PACKET.items() if k != missing} for missing in PACKET),
        PACKET | {"token": "alice"},
        PACKET | {"version": -1},
        PACKET | {"version": 2**53},
        PACKET | {"version": "9"},
        PACKET | {"session_data": {}},
        PACKET | {"session_data": ["key1"]},
        PACKET | {"session_data": [{"data": "data1"}]},
        PACKET | {"session_data": [{"key": "key1"}]},
        PACKET | {"session_data": [{"key": 1, "data": "data1"}]},
        PACKET | {"session_data": [{"key": "\ud800", "data": "data1"}]},
        PACKET | {"session_data": [{"key": "k", "deleted": True}]},
        PACKET | {"session_data": [{"key": "k", "data": ["a"]}]},
        PACKET | {"session_data": [PART | {"start": -1}]},
        PACKET | {"session_data": [PART | {"born": None}]},
        PACKET | {"session_data": [PART | {"data": [1]}]},
        PACKET | {"session_data": [PART | {"data": ["\ud800"]}]},
        PACKET | {"replies": None},
        PACKET | {"replies": [{"key": "k", "data": "text"}]},
        PACKET | {"replies": [{"key": "k", "data": "?", "encoding": "base64"}]},
        PACKET | {"next": None},
        PACKET | {"next": {}},
        PACKET | {"grant": 1},
    ],
    ids=lambda document: json.dumps(document)[-40:],
)
def test_a_malformed_packet_is_refused(document: object) -> None:
    with pytest.raises(BadRequest):
        SessionPacket.from_json(document)


@pytest.mark.parametrize(
    "document",
    [
        None,
        7,
        [],
        *({k: v for k, v in CURSOR.items() if k != missing} for missing in CURSOR),
        CURSOR | {"since": -1},
        CURSOR | {"began": 1.5},
        CURSOR | {"after": "3"},
        CURSOR | {"key": "words"},
        CURSOR | {"key": "words", "start": 0},
        CURSOR | {"key": None, "start": 0, "until": 4},
        CURSOR | {"key": "words", "start": -1, "until": 4},
    ],
    ids=json.dumps,
)
def test_a_malformed_cursor_is_refused(document: object) -> None:
    with pytest.raises(BadRequest):
        Cursor.from_json(document)
