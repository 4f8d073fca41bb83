"""What a destination asks and what a source answers, for some sessions at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given, strategies as st

from edgedb import errors
from edgedb.errors import BadRequest
from edgedb.wire import fates
from edgedb.wire.hand_over import (
    Answer,
    Ask,
    Changed,
    answers_from_msgpack,
    answers_to_msgpack,
    asks_from_json,
)
from edgedb.wire.model import SessionToken
from tests.support import strategies
from tests.unit.test_model import TOKEN, over_the_wire
from tests.unit.test_packet import PACKET

ASK: dict[str, Any] = {
    "session": "s",
    "transfer": "t",
    "epoch": 1,
    "stay": "s1",
    "run": "r1",
    "version": 9,
}
PROBLEM = {"type": "urn:edgedb:problem:NotFound", "title": "t", "status": 404, "detail": "d"}


@strategies.quick
@given(st.lists(strategies.asks, max_size=3, unique_by=lambda ask: ask.session))
def test_what_is_asked_survives_the_wire(asks: list[Ask]) -> None:
    assert asks_from_json(over_the_wire([ask.to_json() for ask in asks])) == asks


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
        asks_from_json(document)


@strategies.quick
@given(st.dictionaries(strategies.session_ids, strategies.answers, max_size=3))
def test_answers_survive_the_wire_but_for_the_order_of_items(answers: dict[str, Answer]) -> None:
    found = answers_from_msgpack(answers_to_msgpack(answers))
    assert {name: in_order(each) for name, each in found.items()} == {
        name: in_order(each) for name, each in answers.items()
    }


def in_order(answer: Answer) -> Answer:
    """Give an answer with the items of its difference sorted."""
    if not isinstance(answer, Changed) or answer.difference is None:
        return answer
    items = tuple(sorted(answer.difference.items, key=repr))
    return replace(answer, difference=replace(answer.difference, items=items))


def test_a_problem_of_one_session_is_an_answer_too() -> None:
    found = answers_from_msgpack(answers_to_msgpack({"s": errors.NotFound("what happened")}))
    assert (type(found["s"]), str(found["s"])) == (errors.NotFound, "what happened")


def test_whether_a_request_is_running_stays_with_the_source() -> None:
    found = answers_from_msgpack(answers_to_msgpack({"s": Changed(9, is_running=True)}))
    assert found == {"s": Changed(9)}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"": {"handed": 1}},
        {7: {"handed": 1}},
        {"s": None},
        {"s": {}},
        {"s": {"handed": "1"}},
        {"s": {"handed": True}},
        {"s": {"handed": -1}},
        {"s": {"changed": None}},
        {"s": {"changed": 1, "difference": {}}},
        {"s": {"changed": 1, "difference": PACKET | {"scalars": [], "version": "9"}}},
        {"s": {"ended": 1}},
        {"s": {"ended": 1, "run": 7}},
        {"s": {"ended": "1", "run": "r"}},
        {"s": {"problem": "no"}},
        {"s": {"problem": {}}},
        {"s": {"problem": {k: v for k, v in PROBLEM.items() if k != "status"}}},
        {"s": {"problem": PROBLEM | {"status": 200}}},
        {"s": {"problem": PROBLEM | {"status": "404"}}},
    ],
    ids=lambda document: repr(document)[-40:],
)
def test_what_makes_no_sense_is_no_answer(document: object) -> None:
    with pytest.raises((BadRequest, ValueError)):
        answers_from_msgpack(msgpack.packb(document))


def test_of_sessions_that_were_to_be_moved_each_has_its_token_or_its_problem() -> None:
    found = {"alice": SessionToken.from_json(TOKEN), "s": errors.SessionBusy("wait")}
    document = over_the_wire(fates.to_json(found))
    assert document[0] == TOKEN
    read = fates.from_json(document, "city")
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
        fates.from_json(document, "city")
