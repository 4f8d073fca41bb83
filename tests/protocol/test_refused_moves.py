"""A move that may not be leaves everything as it was, and the session serves where it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from edgedb.errors import (
    BadRequest,
    Conflict,
    EdgeError,
    Forbidden,
    NotFound,
    NotResident,
    StaleToken,
)
from edgedb.peers.transport import PeerResponse
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import Since
from tests.protocol.test_requests import problem
from tests.support.dumps import dump
from tests.support.signed import NodeCall
from tests.support.tree import Tree

TOKEN = SessionToken("s", "edge-a", "edge-a", "notebook", 1)
SOURCE, OWNER = "current_location", "proprietary_location"


@pytest.mark.parametrize(
    ("caller", "asked", "claims", "error"),
    [
        ("edge-a", "city", {OWNER: "nowhere"}, BadRequest),
        ("edge-a", "city", {SOURCE: "nowhere"}, BadRequest),
        ("edge-a", "city", {SOURCE: ""}, BadRequest),
        ("edge-a", "city", {SOURCE: "http://evil"}, BadRequest),
        ("edge-a", "city", {SOURCE: "edge-b"}, BadRequest),
        ("edge-a", "city", {OWNER: "city"}, BadRequest),
        ("edge-a", "city", {OWNER: "cloud"}, BadRequest),
        ("edge-a", "city", {SOURCE: "city"}, Conflict),
        ("edge-a", "city", {SOURCE: "cloud"}, Forbidden),
        ("edge-a", "city", {"session": "unknown"}, NotFound),
        ("edge-b", "city", {OWNER: "edge-b"}, BadRequest),
        ("edge-a", "city", {"epoch": 0}, Conflict),
        ("edge-a", "city", {"epoch": 7}, Conflict),
        ("edge-a", "cloud", {SOURCE: "edge-b"}, BadRequest),
        ("city", "cloud", {SOURCE: "city"}, NotFound),
    ],
    ids=lambda value: "=".join(map(str, *value.items())) if isinstance(value, dict) else None,
)
def test_a_token_that_does_not_say_how_it_is_moves_nothing(
    tree: Tree, caller: str, asked: str, claims: dict[str, Any], error: type[EdgeError]
) -> None:
    tree.write("edge-a", "one")
    before, token = dump(tree), replace(TOKEN, **claims)
    call = NodeCall(caller, asked, "offload-session", body=msgspec.json.encode(token))
    assert problem(call.signed(tree)) == error.__name__
    assert {**dump(tree), "edge-a": {}} == {**before, "edge-a": {}}
    assert (tree.residents(), tree.leftovers()) == (["edge-a"], {})
    assert tree.write("edge-a", "two").status == 200


def test_a_stranger_with_the_same_id_is_refused_and_stays_where_it_is(tree: Tree) -> None:
    tree.write("edge-a", "mine")
    tree.offload("edge-a")
    tree.write("edge-b", "theirs")
    before = dump(tree)
    response = tree.oracle("edge-b", "force-offload", "session=s")
    assert (response.status, problem(response)) == (409, "Conflict")
    assert dump(tree) == before
    assert tree.words("edge-b") == ["theirs"]
    assert tree.words("edge-a") == ["mine"]


def test_a_session_of_the_parents_own_with_the_same_id_is_a_stranger_too(tree: Tree) -> None:
    tree.write("city", "city's")
    tree.write("edge-a", "mine")
    assert tree.oracle("edge-a", "force-offload").status == 409
    assert tree.words("edge-a") == ["mine"]
    assert tree.words("city") == ["city's"]


def test_a_session_that_turns_out_to_be_somebody_elses_is_not_taken(tree: Tree) -> None:
    tree.write("edge-a", "one")
    token, before = tree.offload("edge-a"), dump(tree)
    claimed = replace(token, proprietary_location="edge-b")
    call = NodeCall("city", "cloud", "offload-session", body=msgspec.json.encode(claimed))
    answer = call.signed(tree)
    assert (problem(answer), b"belongs to edge-a" in answer.body) == ("Conflict", True)
    assert dump(tree)["cloud"] == before["cloud"]
    assert (tree.residents(), tree.write("edge-a", "two").status) == (["city"], 200)


def test_a_rejecting_parent_passes_the_session_on_and_keeps_nothing(tree: Tree) -> None:
    tree.oracle("city", "set-offload-status", "status=reject")
    tree.write("edge-a", "one")
    token = tree.offload("edge-a")
    assert (token.current_location, token.epoch) == ("cloud", 2)
    assert tree.words("edge-a") == ["one"]
    assert not any(key.startswith(b"edge:{") for key in dump(tree)["city"])


def test_a_node_that_accepts_again_takes_sessions_again(tree: Tree) -> None:
    for status in ("reject", "accept"):
        response = tree.oracle("city", "set-offload-status", f"status={status}")
        assert json.loads(response.body) == {"location": "city", "status": status}
    tree.write("edge-a", "one")
    assert tree.offload("edge-a").current_location == "city"


def test_a_rejecting_node_still_serves_and_brings_home(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.offload("city")
    tree.oracle("edge-a", "set-offload-status", "status=reject")
    tree.oracle("city", "set-offload-status", "status=reject")
    assert tree.onload("city").current_location == "city"
    assert tree.write("edge-a", "two").status == 200


@pytest.mark.parametrize(
    ("location", "action", "query", "status"),
    [
        ("cloud", "set-offload-status", "status=reject", 400),
        ("cloud", "force-offload", "session=s", 400),
        ("cloud", "force-onload", "session=s", 400),
        ("edge-a", "set-offload-status", "", 400),
        ("edge-a", "set-offload-status", "status=maybe", 400),
        ("edge-a", "force-offload", "session=unknown", 404),
        ("edge-a", "force-offload", "session=s&policy=smallest", 400),
        ("edge-a", "force-offload", "policy=smallest", 400),
        ("edge-b", "force-offload", "", 404),
        ("edge-a", "force-onload", "session=unknown", 404),
        ("edge-a", "force-onload", "session=s", 404),
        ("edge-a", "force-onload", "count=many", 400),
        ("edge-a", "force-onload", "count=1001", 413),
        ("edge-a", "force-offload", "session=", 400),
    ],
)
def test_what_the_oracle_cannot_have_changes_nothing(
    tree: Tree, location: str, action: str, query: str, status: int
) -> None:
    tree.write("edge-a", "one")
    before = dump(tree)
    response = tree.oracle(location, action, query)
    assert response.status == status, response.body
    assert problem(response)
    assert dump(tree) == before


def test_a_session_that_has_left_cannot_be_offloaded_from_here(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    before = dump(tree)
    response = tree.oracle("edge-a", "force-offload", "session=s")
    assert (response.status, problem(response)) == (409, "NotResident")
    assert dump(tree) == before


@pytest.mark.parametrize(
    ("status", "known_as"),
    [(404, "NotFound"), (413, "TooLarge"), (429, "EdgeError"), (503, "Unavailable")],
)
def test_a_refusal_of_a_later_version_is_passed_on_with_its_status(
    tree: Tree, status: int, known_as: str
) -> None:
    tree.write("edge-a", "one")
    document = {"type": "urn:edgedb:problem:OfALaterVersion", "title": "t", "detail": "d"}
    tree.hook = lambda *_: PeerResponse(status, json.dumps(document).encode())
    response = tree.oracle("edge-a", "force-offload", "session=s")
    assert (response.status, problem(response)) == (status, known_as)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda token: replace(token, epoch=1), StaleToken),
        (lambda token: replace(token, current_location="cloud"), Forbidden),
        (lambda token: replace(token, proprietary_location="city"), BadRequest),
        (lambda token: replace(token, current_location="edge-a", epoch=9), BadRequest),
        (lambda token: replace(token, current_location="edge-b", epoch=9), BadRequest),
        (lambda token: replace(token, current_location="nowhere", epoch=9), BadRequest),
        (lambda token: replace(token, session="unknown"), NotFound),
    ],
)
def test_an_update_that_is_old_or_makes_no_sense_is_refused(
    tree: Tree, change: Callable[[SessionToken], SessionToken], error: type[EdgeError]
) -> None:
    tree.write("edge-a", "one")
    token, before = tree.offload("edge-a"), dump(tree)
    with pytest.raises(error):
        tree.node("city").peers.update_session("edge-a", change(token))
    assert dump(tree) == before
    tree.node("city").peers.update_session("edge-a", token)
    assert dump(tree) == before


def test_a_session_is_asked_for_where_it_is_not(tree: Tree) -> None:
    tree.write("edge-a", "one")
    token = tree.offload("edge-a")
    with pytest.raises(NotResident):
        tree.node("city").peers.page("edge-a", token.session, Since())
