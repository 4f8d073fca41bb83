"""Session ids, tokens, values and messages: what they look like on the wire, what is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from msgspec import to_builtins

from edgedb.errors import BadRequest, InvalidSession
from edgedb.wire import model
from edgedb.wire.model import (
    SESSION_ID_LIMIT,
    Message,
    Propagation,
    SessionToken,
    Value,
    checked_session_id,
    read,
    value_to_json,
)
from edgedb.wire.sendable import json_bytes
from tests.support import strategies

TOKEN = {
    "session": "alice",
    "proprietaryLocation": "edge-a",
    "currentLocation": "city",
    "function": "cart",
    "epoch": 3,
}
MESSAGE = {
    "kind": "propagation",
    "id": "m",
    "to": "city",
    "function": "tally",
    "origin": "edge-a",
    "data": "",
}


def sent(document: object) -> bytes:
    """Give the document as the other node gets it."""
    return json.dumps(document).encode()


@strategies.quick
@given(strategies.session_ids)
def test_a_session_id_without_control_characters_is_kept_as_it_is(session: str) -> None:
    assert checked_session_id(session) == session


@pytest.mark.parametrize("length", [1, SESSION_ID_LIMIT])
def test_a_session_id_has_1_to_256_characters(length: int) -> None:
    assert checked_session_id("\U0001f600" * length)


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        ("", "empty"),
        ("x" * (SESSION_ID_LIMIT + 1), "longer than 256"),
        ("a\nb", "control"),
        ("a\x00", "control"),
        ("a\x7fb", "control"),
        ("a\x85b", "control"),
        ("a\ud800", "surrogates"),
        ("one, two", "sent twice"),
        ("one, ", "sent twice"),
        (" a", "white space"),
        ("a ", "white space"),
        ("a\u00a0", "white space"),
    ],
)
def test_any_other_session_id_is_refused_with_the_reason(session: str, reason: str) -> None:
    with pytest.raises(InvalidSession, match=reason):
        checked_session_id(session)


def test_a_token_has_the_seeds_field_names_and_an_epoch() -> None:
    token = SessionToken("alice", "edge-a", "city", "cart", 3)
    assert to_builtins(token) == TOKEN
    assert list(to_builtins(token)) == list(TOKEN)
    assert read(model.TOKEN, sent(TOKEN)) == token


def test_a_move_changes_the_current_location_and_adds_one_to_the_epoch() -> None:
    before = read(model.TOKEN, sent(TOKEN))
    after = before.moved_to("cloud")
    assert to_builtins(after) == TOKEN | {"currentLocation": "cloud", "epoch": 4}
    assert before.epoch == 3


@strategies.quick
@given(strategies.tokens)
def test_a_token_survives_the_wire(token: SessionToken) -> None:
    assert read(model.TOKEN, msgspec.json.encode(token)) == token
    assert read(model.TOKEN, json_bytes(token)) == token


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "token",
        {},
        *({k: v for k, v in TOKEN.items() if k != missing} for missing in TOKEN),
        TOKEN | {"session": ""},
        TOKEN | {"session": 7},
        TOKEN | {"session": "a\nb"},
        TOKEN | {"proprietaryLocation": None},
        TOKEN | {"currentLocation": ["city"]},
        TOKEN | {"function": {}},
        TOKEN | {"epoch": "3"},
        TOKEN | {"epoch": 3.0},
        TOKEN | {"epoch": True},
        TOKEN | {"epoch": -1},
        TOKEN | {"epoch": 2**53},
    ],
)
def test_a_malformed_token_is_refused(document: object) -> None:
    with pytest.raises(BadRequest):
        read(model.TOKEN, sent(document))


@pytest.mark.parametrize("member", TOKEN)
def test_a_refusal_names_the_member_that_is_missing_or_of_another_kind(member: str) -> None:
    others = {name: part for name, part in TOKEN.items() if name != member}
    for document in (others, others | {member: []}):
        with pytest.raises(BadRequest, match=member):
            read(model.TOKEN, sent(document))


def test_a_session_that_nothing_can_be_called_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidSession, match="control"):
        read(model.TOKEN, sent(TOKEN | {"session": "a\n"}))


@pytest.mark.parametrize(
    ("value", "document"),
    [
        ("milk", {"data": "milk"}),
        ("", {"data": ""}),
        (b"\x00\xff", {"data": "AP8=", "encoding": "base64"}),
        (b"", {"data": "", "encoding": "base64"}),
    ],
)
def test_text_travels_as_it_is_and_bytes_as_base64(value: Value, document: object) -> None:
    assert value_to_json(value) == document


@strategies.quick
@given(strategies.values)
def test_a_value_survives_the_wire_with_its_type(value: Value) -> None:
    message = Propagation.of("m", "city", "tally", value, "edge-a")
    received = read(model.PROPAGATION, msgspec.json.encode(message)).value
    assert (type(received), received) == (type(value), value)


@pytest.mark.parametrize(
    "document",
    [
        {"data": 1},
        {"data": None},
        {"data": "\ud800"},
        {"data": "AP8=", "encoding": "hex"},
        {"data": "AP8=", "encoding": 64},
        {"data": "AP8", "encoding": "base64"},
        {"data": "!!!!", "encoding": "base64"},
        {"data": "grün", "encoding": "base64"},
    ],
)
def test_a_malformed_value_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read(model.PROPAGATION, sent(MESSAGE | document))


@strategies.quick
@given(strategies.messages)
def test_a_message_of_the_outbox_survives_being_stored(message: Message) -> None:
    assert read(model.MESSAGE, msgspec.json.encode(message)) == message


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"kind": "update"},
        {"kind": "update", "to": "edge-a", "token": "T"},
        {"kind": "update", "to": 1, "token": TOKEN},
        {"kind": "propagation", "id": "m", "to": "cloud", "function": "tally", "origin": "edge-a"},
        {"kind": "propagation", "id": 1, "to": "c", "function": "f", "origin": "o", "data": ""},
    ],
)
def test_a_malformed_message_is_refused(document: object) -> None:
    with pytest.raises(BadRequest):
        read(model.MESSAGE, sent(document))
