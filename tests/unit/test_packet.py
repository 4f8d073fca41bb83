"""Session packets: ``session_data`` and what is beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given, strategies as st

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
from edgedb.wire.packet import Offer, SessionPacket, from_msgpack, packets_of, to_msgpack
from edgedb.wire.pieces import PIECES_LIMIT, Unfinished
from tests.support import strategies
from tests.unit.test_model import TOKEN, over_the_wire

PACKET: dict[str, Any] = {
    "token": TOKEN,
    "version": 9,
    "stay": "s1",
    "run": "r1",
    "session_data": [],
    "replies": [],
}
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
        (ListPart("words", 4, 0, ("a",), more=True), PART | {"data": ["a"], "more": True}),
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
        "cut-list",
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
    token, offer = SessionToken.from_json(TOKEN), Offer("s1", "r1")
    packet = SessionPacket(token, 9, (Scalar("key1", "data1"),), offer=offer)
    document = PACKET | {"session_data": [{"key": "key1", "data": "data1"}]}
    assert packet.to_json() == document


def test_a_packet_says_where_to_go_on_and_what_is_forgotten_only_if_there_is_something() -> None:
    token = SessionToken.from_json(TOKEN)
    document = SessionPacket(token, 9, next=0, floor=3).to_json()
    assert (document["next"], document["floor"]) == (0, 3)
    assert not {"next", "floor"} & SessionPacket(token, 9).to_json().keys()


def test_an_offer_without_content_is_to_be_read_from_the_beginning() -> None:
    packet = SessionPacket.from_json(
        PACKET | {"session_data": [{"key": "k", "data": "d"}], "floor": 3}
    )
    head = packet.without_content()
    assert (head.items, head.replies, head.next) == ((), (), 0)
    assert (head.token, head.version, head.offer) == (packet.token, 9, Offer("s1", "r1"))
    assert (packet.size, head.size) == (len("kd"), 0)


@strategies.quick
@given(strategies.packets)
def test_a_packet_survives_the_wire(packet: SessionPacket) -> None:
    assert SessionPacket.from_json(over_the_wire(packet.to_json())) == packet


@strategies.quick
@given(st.lists(strategies.packets, max_size=3))
def test_packets_survive_as_messagepack_too_but_for_the_order_of_their_items(
    packets: list[SessionPacket],
) -> None:
    read = from_msgpack(to_msgpack(packets))
    for found, packet in zip(read, packets, strict=True):
        assert sorted(map(repr, found.items)) == sorted(map(repr, packet.items))
        assert replace(found, items=()) == replace(packet, items=())


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x91", b"{}", b"\x80", b"\x91\xc0", b"\x91" * 2000]
)
def test_a_body_that_holds_no_packets_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        packets_of(body)


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
        from_msgpack(msgpack.packb([PACKET | {"scalars": []} | columns]))


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
        PACKET | {"next": -1},
        PACKET | {"floor": None},
        PACKET | {"floor": 2**53},
        PACKET | {"stay": 1},
        PACKET | {"stay": "\ud800"},
        PACKET | {"run": None},
        PACKET | {"run": "\ud800"},
    ],
    ids=lambda document: json.dumps(document)[-40:],
)
def test_a_malformed_packet_is_refused(document: object) -> None:
    with pytest.raises(BadRequest):
        SessionPacket.from_json(document)
