"""What a destination asks and what a source answers, for some sessions at a time."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from edgedb import errors
from edgedb.errors import BadRequest
from edgedb.wire import fates
from edgedb.wire.hand_over import (
    Answer,
    Ask,
    answers_from_msgpack,
    answers_to_msgpack,
    asks_from_json,
)
from edgedb.wire.sendable import json_bytes
from tests.support import strategies
from tests.unit.test_model import TOKEN, sent
from tests.unit.test_packet import HELD, SENT

ASK: dict[str, Any] = {
    "session": "s",
    "transfer": "t",
    "epoch": 1,
    "stay": "s1",
    "run": "r1",
    "version": 9,
}
HANDED = {"answer": "handed", "version": 1}
FAILED = {"answer": "problem"}
CHANGED = {"answer": "changed", "version": 1}
PROBLEM = {"type": "urn:edgedb:problem:NotFound", "title": "t", "status": 404, "detail": "d"}


@strategies.quick
@given(st.lists(strategies.asks, max_size=3, unique_by=lambda ask: ask.session))
def test_what_is_asked_survives_the_wire(asks: list[Ask]) -> None:
    assert asks_from_json(msgspec.json.encode(asks)) == asks


@pytest.mark.parametrize(
    "document",
    [
        None,
        7,
        "ab",
        {},
        [None],
        [ASK, ASK],
        *([{k: v for k, v in ASK.items() if k != missing}] for missing in ASK),
        [ASK | {"session": ""}],
        [ASK | {"session": "a\n"}],
        [ASK | {"transfer": "\ud800"}],
        [ASK | {"epoch": -1}],
        [ASK | {"epoch": True}],
        [ASK | {"stay": "\ud800"}],
        [ASK | {"run": 1}],
        [ASK | {"version": 2**53}],
        [ASK | {"version": 1.5}],
    ],
    ids=lambda document: json.dumps(document)[-40:],
)
def test_malformed_asks_are_refused(document: object) -> None:
    with pytest.raises(BadRequest):
        asks_from_json(sent(document))


@strategies.quick
@given(st.dictionaries(strategies.session_ids, strategies.answers, max_size=3))
def test_answers_survive_the_wire(answers: dict[str, Answer]) -> None:
    assert answers_from_msgpack(answers_to_msgpack(answers)) == answers


def test_a_problem_of_one_session_is_an_answer_too() -> None:
    found = answers_from_msgpack(answers_to_msgpack({"s": errors.NotFound("what happened")}))
    assert (type(found["s"]), str(found["s"])) == (errors.NotFound, "what happened")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"": HANDED},
        {"a\n": HANDED},
        {7: HANDED},
        {"s": None},
        {"s": {}},
        {"s": {"version": 1}},
        {"s": HANDED | {"answer": "given"}},
        {"s": HANDED | {"answer": None}},
        {"s": HANDED | {"version": "1"}},
        {"s": HANDED | {"version": True}},
        {"s": HANDED | {"version": -1}},
        {"s": {"answer": "changed"}},
        {"s": CHANGED | {"version": 2**53}},
        {"s": CHANGED | {"difference": {}}},
        {"s": CHANGED | {"difference": SENT | {"version": "9"}}},
        {"s": CHANGED | {"difference": SENT | {"items": [["s", "k", b"value", 0]]}}},
        {"s": CHANGED | {"difference": [SENT]}},
        {"s": {"answer": "ended", "version": 1}},
        {"s": {"answer": "ended", "version": 1, "run": 7}},
        {"s": {"answer": "ended", "version": "1", "run": "r"}},
        {"s": {"answer": "problem", "problem": "no"}},
        {"s": {"answer": "problem", "problem": {}}},
        {
            "s": {
                "answer": "problem",
                "problem": {k: v for k, v in PROBLEM.items() if k != "status"},
            }
        },
        {"s": {"answer": "problem", "problem": PROBLEM | {"status": 200}}},
        {"s": {"answer": "problem", "problem": PROBLEM | {"status": "404"}}},
    ],
    ids=lambda document: repr(document)[-40:],
)
def test_what_makes_no_sense_is_no_answer(document: object) -> None:
    with pytest.raises((BadRequest, ValueError)):
        answers_from_msgpack(msgspec.msgpack.encode(document))


def test_of_sessions_that_were_to_be_moved_each_has_its_token_or_its_problem() -> None:
    found = {"alice": HELD, "s": errors.SessionBusy("wait")}
    body = json_bytes(fates.as_told(found))
    assert json.loads(body)[0] == TOKEN
    assert json.loads(body)[1].keys() == {"session", "problem"}
    read = fates.from_json(body, "city")
    assert read["alice"] == found["alice"]
    assert (type(read["s"]), str(read["s"])) == (errors.SessionBusy, "city: wait")


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        [None],
        [{}],
        [{"session": "s"}],
        [{"session": 7, "problem": PROBLEM}],
        [{"session": "s", "problem": None}],
        [{"session": "s", "problem": {"status": 404}}],
        [{"session": "s", "problem": {k: v for k, v in PROBLEM.items() if k != "status"}}],
        [TOKEN | {"epoch": -1}],
    ],
    ids=lambda document: json.dumps(document)[-40:],
)
def test_what_makes_no_sense_is_no_fate(document: object) -> None:
    with pytest.raises((BadRequest, ValueError)):
        fates.from_json(sent(document), "city")
