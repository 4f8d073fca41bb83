"""What docs/security.md says of who may call what and who cannot do what, tried and attacked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgedb.topology.tree import Topology
from edgedb.wire.headers import NODE, ONLOAD_LOCATION, PROPAGATE
from tests.docs.markdown import PROJECT, code, table
from tests.hostile.calls import (
    EXAMPLES,
    GUESSING,
    NOBODY,
    ORACLE,
    Call,
    asks,
    packets,
    propagation,
    token,
)
from tests.hostile.document import USERS, Operation, operations
from tests.support.dumps import Held
from tests.support.tree import THREE_LEVELS, Tree

SECURITY = PROJECT / "docs" / "security.md"
ROWS = {cells[0]: cells[1:] for cells in table(SECURITY, "<!-- callers -->")}
CLAIMS = table(SECURITY, "<!-- claims -->")
CALLERS = {
    "nobody": ("city", NOBODY),
    "the oracle": ("city", ORACLE),
    "another's oracle": ("city", GUESSING),
    "above": ("city", "cloud"),
    "below": ("city", "edge-a"),
    "itself": ("city", "city"),
    "beside": ("edge-a", "edge-b"),
}
"""Where each column's call is made, and as whom."""

MINE = {"proprietaryLocation": "city", "currentLocation": "cloud", "epoch": 2}


def _onload(location: str, caller: str) -> Call:
    below = caller if caller.startswith("edge") else "edge-a"
    return Call(location, "onload-session", headers=((ONLOAD_LOCATION, below),))


def _told(location: str, caller: str) -> Call:
    body = propagation(to=location, origin=caller)
    return Call(location, "receiver", body=body, headers=((PROPAGATE, "m"),))


def _hand_over(location: str, caller: str) -> Call:
    to = caller if caller in TREE else "cloud"
    return Call(location, "migrate-session", f"phase=hand-over&to={to}", asks(THERE[location]))


TREE = Topology.from_json(THREE_LEVELS)
THERE = {"city": "up", "edge-a": "s"}
MADE: dict[str, Callable[[str, str], Call]] = {
    "test-function": lambda at, _: Call(at, "test-function", f"session={THERE[at]}"),
    "offload-session": lambda at, _: Call(at, "offload-session", body=token("s")),
    "onload-session": _onload,
    "migrate-session": _hand_over,
    "migrate-session/known": lambda at, _: Call(
        at, "migrate-session", body=b'["s", "up"]', path="/known"
    ),
    "update-session": lambda at, _: Call(at, "update-session", body=token("mine", **MINE)),
    USERS: lambda at, _: Call(at, "keeper", headers=(("X-session", "new"),)),
    f"{USERS}, {PROPAGATE}": _told,
}
"""By function and path: a call that each caller may make who is served at all; where it is the same
for all, it is an example."""


def example(address: str) -> Call:
    """Give a call that succeeds if its caller may make it."""
    return next(e.succeeding[0] for o, e in EXAMPLES.items() if o.split(" ")[1] == address)


def made(operation: str, column: str) -> Call:
    """Give the call of a cell."""
    method, _, address = operation.partition(" ")
    location, caller = CALLERS[column]
    make = MADE.get(address.removeprefix("/function/"))
    call = make(location, caller) if make else example(address)
    if address == "/function/migrate-session" and method == "GET":
        call = replace(call, query=f"session={THERE[location]}", body=b"")
    if call.function == "migrate-session":
        call = replace(call, location=location)
    return replace(call, caller=caller, method=method)


def row_of(operation: Operation) -> str:
    """Give the first cell of an operation's row, or of that of another method of its path."""
    if operation.function == USERS:
        return "any `/function/<function>` of yours"
    stated = [row for row in ROWS if code(row).partition(" ")[2] == operation.path]
    return next((row for row in stated if code(row) == str(operation)), [*stated, ""][0])


OPERATIONS = {str(operation): row_of(operation) for operation in operations()}
OPERATIONS[f"POST /function/{USERS}, {PROPAGATE}"] = next(row for row in ROWS if PROPAGATE in row)


@pytest.fixture
def all_there(state: Tree) -> Tree:
    """Give the tree with a session of city's too, which is at cloud."""
    state.call("city", "keeper", "mine", body=b"one")
    state.offload("city", "mine")
    return state


def test_the_table_has_the_columns_that_are_tried_and_no_rows_that_are_not() -> None:
    head = re.search(r"<!-- callers -->\n\| call \| (.*) \|\n", SECURITY.read_text())
    assert head is not None
    assert head[1].split(" | ") == [*CALLERS]
    assert {*OPERATIONS.values()} == {*ROWS}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_cell_of_the_table_is_what_happens(all_there: Tree, operation: str) -> None:
    held = Held(all_there)
    for column, cell in zip(CALLERS, ROWS[OPERATIONS[operation]], strict=True):
        status = made(operation, column)(all_there)
        if cell == "yes":
            assert status < 400, column
            held.put_back()
        else:
            assert status == int(cell), column
            assert held.is_unchanged(), column


# What may be claimed: calls of edge-a at city that claim more, or of another at its place.

OFFER = {"headers": (("Content-Type", "application/vnd.edgedb.packet+msgpack"),)}
TOO_MUCH: dict[str, list[Call]] = {
    "offload-session": [
        Call("city", "offload-session", body=body, caller="edge-a", **more)
        for place in ("edge-b", "cloud", "city")
        for home in ("edge-a", "edge-b")
        for at in [token("s", currentLocation=place, proprietaryLocation=home)]
        for body, more in [(at, dict[str, Any]()), (packets(at), OFFER)]
    ],
    "onload-session": [
        Call("city", "onload-session", caller="edge-a", headers=((ONLOAD_LOCATION, place),))
        for place in ("edge-b", "city", "cloud", "nowhere")
    ],
    "migrate-session": [
        *(
            Call("city", "migrate-session", query, caller="edge-a", method="GET")
            for query in ("session=bs", "session=bs&page=0", "session=bs&list=bodies&start=0")
        ),
        *(
            Call("city", "migrate-session", f"phase=hand-over&to={to}", asks("up"), "edge-a")
            for to in ("edge-b", "cloud", "city")
        ),
    ],
    "update-session": [
        *(
            Call("edge-a", "update-session", body=token("up", **changes), caller=caller)
            for caller in ("city", "cloud")
            for changes in (
                {"currentLocation": "cloud" if caller == "city" else "city", "epoch": 2**53 - 1},
                {"currentLocation": "edge-b", "epoch": 2**53 - 1},
            )
        ),
    ],
    "X-edge-node": [
        Call("city", "migrate-session", "session=up", b"", "edge-a", ((NODE, said),), "GET")
        for said in ("edge-b aa bb 9", "cloud aa bb 9", "city aa bb 9", "edge-a", "edge-a x y z")
    ],
    "X-edge-propagate": [
        replace(_told("city", origin), caller="edge-a") for origin in ("edge-b", "city", "cloud")
    ],
}


@pytest.fixture
def of_both(state: Tree) -> Tree:
    """Give the tree with a session of edge-b's too, which is at city."""
    state.call("edge-b", "keeper", "bs", body=b"one")
    state.offload("edge-b", "bs")
    return state


def test_the_claims_are_those_that_are_tried() -> None:
    assert {code(cells[0]) for cells in CLAIMS} == {*TOO_MUCH}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_nobody_may_claim_more_than_is_said(of_both: Tree, name: str) -> None:
    (stated,) = [cells[2] for cells in CLAIMS if code(cells[0]) == name]
    held, called = Held(of_both), len(of_both.calls)
    for call in TOO_MUCH[name]:
        status = call(of_both)
        assert str(status) in stated, call
        assert held.is_unchanged(), call
    assert len(of_both.calls) == called, "nobody is asked for what was refused"


def test_a_session_that_is_resident_is_pointed_away_by_nobody(state: Tree) -> None:
    body = token("s", currentLocation="city", epoch=2**53 - 1)
    assert Call("edge-a", "update-session", body=body, caller="city")(state) == 409
    assert state.residents() == ["edge-a"]
    assert state.call("edge-a", "keeper", "s").status == 200


def test_nobody_says_which_store_another_has(state: Tree) -> None:
    client = state.clients["city"]
    before = client.hgetall("edge:relatives")
    for call in TOO_MUCH["X-edge-node"]:
        assert call(state) in {400, 403}
    assert client.hgetall("edge:relatives") == before
