"""Session packets: what everyone reads of them, and what nodes send each other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from edgedb.errors import BadRequest
from edgedb.wire.items import (
    AS_SENT,
    MANY,
    Deleted,
    Item,
    ListPart,
    Scalar,
    StoredReply,
    in_one_piece,
)
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import Offer, SessionPacket, from_msgpack, to_msgpack
from edgedb.wire.pieces import PIECES_LIMIT
from tests.support import strategies
from tests.unit.test_model import TOKEN

HELD = msgspec.convert(TOKEN, SessionToken)
SENT: dict[str, Any] = {
    "token": TOKEN,
    "version": 9,
    "items": [["s", "k", b"stext", 0]],
    "replies": [["k", b"blob"]],
    "offer": ["s1", "r1"],
    "next": 4,
    "floor": 3,
}
PIECE: dict[str, Any] = {"key": "k", "piece": 0}
PART: dict[str, Any] = {"key": "words", "born": 4, "start": 0, "data": []}


@pytest.mark.parametrize(
    ("item", "document"),
    [
        (Scalar("key1", b"sdata1"), {"key": "key1", "data": "data1"}),
        (Scalar("k", b"b\xff"), {"key": "k", "data": "/w==", "encoding": "base64"}),
        (ListPart("words", 4, 0, (b"sa", b"sb")), PART | {"data": ["a", "b"]}),
        (
            ListPart("words", 4, 7, (b"sa", b"b\xff")),
            PART | {"start": 7, "data": ["a", {"data": "/w==", "encoding": "base64"}]},
        ),
        (ListPart("words", 4, 0, (b"sa",), more=True), PART | {"data": ["a"], "more": True}),
        (Deleted("k", "scalar"), {"key": "k", "deleted": "scalar"}),
        (Deleted("k", "list"), {"key": "k", "deleted": "list"}),
        (Scalar("k", b"Sa"), PIECE | {"data": "a", "unfinished": True}),
        (Scalar("k", b"sb", 2), PIECE | {"data": "b", "piece": 2}),
        (
            ListPart("words", 4, 0, (b"Sa", b"sb")),
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


def test_everyone_reads_the_token_and_the_seeds_session_data() -> None:
    packet = SessionPacket(
        HELD, 9, (Scalar("key1", b"sdata1"),), (StoredReply("key", b"\x00blob"),), Offer("s1", "r1")
    )
    document = {
        "token": TOKEN,
        "version": 9,
        "stay": "s1",
        "run": "r1",
        "session_data": [{"key": "key1", "data": "data1"}],
        "replies": [{"key": "key", "data": "AGJsb2I=", "encoding": "base64"}],
    }
    assert packet.to_json() == document
    assert list(packet.to_json()) == list(document)


def test_a_packet_says_where_to_go_on_and_what_is_forgotten_only_if_there_is_something() -> None:
    document = SessionPacket(HELD, 9, next=0, floor=3).to_json()
    assert (document["next"], document["floor"]) == (0, 3)
    assert not {"next", "floor"} & SessionPacket(HELD, 9).to_json().keys()


def test_an_offer_without_content_is_to_be_read_from_the_beginning() -> None:
    packet = SessionPacket(HELD, 9, (Scalar("k", b"sd"),), offer=Offer("s1", "r1"), floor=3)
    head = packet.without_content()
    assert (head.items, head.replies, head.next) == ((), (), 0)
    assert (head.token, head.version, head.offer) == (packet.token, 9, Offer("s1", "r1"))
    assert (packet.size, head.size) == (len("ksd") + AS_SENT, 0)


@strategies.quick
@given(st.lists(strategies.packets, max_size=3))
def test_packets_survive_the_way_between_nodes(packets: list[SessionPacket]) -> None:
    assert from_msgpack(to_msgpack(packets)) == packets


def test_a_packet_as_it_is_sent_is_read() -> None:
    assert from_msgpack(msgspec.msgpack.encode([SENT])) == [
        SessionPacket(
            *(HELD, 9, (Scalar("k", b"stext"),), (StoredReply("k", b"blob"),)),
            *(Offer("s1", "r1"), 4, 3),
        )
    ]


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x91", b"{}", b"\x80", b"\x91\xc0", b"\x91" * 2000]
)
def test_a_body_that_holds_no_packets_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        from_msgpack(body)


SCALAR = ["s", "k", b"sdata", 0]
UNFIT: list[tuple[str, dict[str, Any]]] = [
    ("token", {"token": None}),
    ("token", {"token": "alice"}),
    ("control", {"token": TOKEN | {"session": "a\n"}}),
    ("epoch", {"token": TOKEN | {"epoch": -1}}),
    ("version", {"version": -1}),
    ("version", {"version": 2**53}),
    ("version", {"version": "9"}),
    ("items", {"items": None}),
    ("items", {"items": {}}),
    ("items", {"items": ["k"]}),
    ("items", {"items": [["x", "k"]]}),
    ("items", {"items": [["s", "k"]]}),
    ("items", {"items": [["s", b"k", b"sv", 0]]}),
    ("items", {"items": [["s", "k", "text", 0]]}),
    ("items", {"items": [["s", "k", 1, 0]]}),
    ("items", {"items": [["s", "k", b"sv", PIECES_LIMIT]]}),
    ("items", {"items": [["s", "k", b"sv", -1]]}),
    ("items", {"items": [["s", "k", b"sv", "1"]]}),
    ("twice", {"items": [SCALAR, SCALAR]}),
    ("twice", {"items": [["s", "k", b"sone", 1], ["s", "k", b"stwo", 1]]}),
    ("none", {"items": [["s", "k", b"", 0]]}),
    ("none", {"items": [["s", "k", b"value", 0]]}),
    ("none", {"items": [["s", "k", b"s\xff", 0]]}),
    ("none", {"items": [["l", "k", 1, 0, [b"S\xff"], False]]}),
    ("items", {"items": [["l", "k", None, 0, [b"se"], False]]}),
    ("items", {"items": [["l", "k", 1, -1, [b"se"], False]]}),
    ("items", {"items": [["l", "k", 1, 0, ["text"], False]]}),
    ("items", {"items": [["l", "k", 1, 0, b"se", False]]}),
    ("items", {"items": [["l", "k", 1, 0, [b"se"], 1]]}),
    ("items", {"items": [["l", "k", 1, 0, [b"s"] * (MANY + 1), False]]}),
    ("items", {"items": [["s", str(n), b"s", 0] for n in range(MANY + 1)]}),
    ("items", {"items": [["d", "k", "all"]]}),
    ("items", {"items": [["d", "k", True]]}),
    ("replies", {"replies": None}),
    ("replies", {"replies": [["k", "text"]]}),
    ("replies", {"replies": [["k", b"x"]] * (MANY + 1)}),
    ("offer", {"offer": ["s1", 1]}),
    ("offer", {"offer": {"stay": "s1", "run": "r1"}}),
    ("offer", {"offer": None}),
    ("next", {"next": {}}),
    ("next", {"next": -1}),
    ("floor", {"floor": None}),
    ("floor", {"floor": 2**53}),
]


@pytest.mark.parametrize(("said", "change"), UNFIT, ids=lambda value: repr(value)[-50:])
def test_a_malformed_packet_is_refused_and_told_where(said: str, change: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=said):
        from_msgpack(msgspec.msgpack.encode([SENT | change]))


@pytest.mark.parametrize("missing", ["token", "version"])
def test_a_packet_of_nothing_or_of_no_version_is_refused(missing: str) -> None:
    document = {name: part for name, part in SENT.items() if name != missing}
    with pytest.raises(BadRequest, match=missing):
        from_msgpack(msgspec.msgpack.encode([document]))


def test_what_another_release_sends_beside_it_is_not_lost_silently() -> None:
    with pytest.raises(BadRequest, match="unknown field `scalars`"):
        from_msgpack(msgspec.msgpack.encode([SENT | {"scalars": ["k", "text"]}]))


def test_pieces_are_put_together_unless_the_first_is_missing() -> None:
    items: list[Item] = [
        Scalar("short", b"sx"),
        Scalar("long", b"sb", 1),
        Scalar("long", b"Sa"),
        Scalar("cut", b"Sc", 1),
        ListPart("words", 1, 0, (b"sw", b"Bx", b"by")),
        Deleted("gone", "scalar"),
    ]
    assert in_one_piece(items) == (
        Scalar("short", b"sx"),
        Scalar("long", b"sab"),
        Scalar("cut", b"Sc", 1),
        Deleted("gone", "scalar"),
        ListPart("words", 1, 0, (b"sw", b"bxy")),
    )
