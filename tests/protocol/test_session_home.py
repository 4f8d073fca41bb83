"""A client that says its session exists finds it from any node, and never begins another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import Unavailable
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.response import Response
from edgedb.store.requests import Attempt
from tests.support.dumps import dump
from tests.support.hooks import answer, as_usual, lose_answer, lose_request, to, where
from tests.support.scripted import Scripted, ScriptedLocal
from tests.support.tree import Tree

EVERYWHERE = ("cloud", "city", "edge-a", "edge-b")
OF_EDGE_A = {"X-session-home": "edge-a"}
KEY = {"Idempotency-Key": "k"}


def home(response: Response) -> str | None:
    """Give the home that an answer names."""
    return dict(response.headers).get("X-session-home")


def kind(response: Response) -> tuple[int, str]:
    """Give status and type of a problem, which is true only now."""
    assert dict(response.headers)["Cache-Control"] == "no-store"
    return response.status, str(json.loads(response.body)["type"]).rpartition(":")[2]


def find(tree: Tree, at: str, **more: Any) -> tuple[str, Response]:
    """Call the notebook as a client that remembers edge-a as its session's home."""
    headers = {**OF_EDGE_A, **more.pop("headers", {})}
    return tree.follow(at, query="word=found", headers=headers, **more)


def move_to(tree: Tree, place: str) -> None:
    """Bring the session of edge-a somewhere on its path."""
    tree.write("edge-a", "one")
    for source, end in (("edge-a", "city"), ("city", "cloud")):
        if place in {end, "cloud"}:
            tree.offload(source)


def point(tree: Tree, location: str, target: str) -> None:
    """Let a node lead elsewhere, wherever the session is."""
    pointer = {"proprietary": "edge-a", "current": target, "function": "notebook", "epoch": 9}
    tree.clients[location].hset("edge:{s}:meta", mapping=pointer)


def kept(tree: Tree) -> dict[str, dict[bytes, bytes]]:
    """Give all that is kept of sessions."""
    of_nodes = {b"edge:node", b"edge:relatives"}
    return {
        at: {name: content for name, content in found.items() if name not in of_nodes}
        for at, found in dump(tree).items()
    }


def lose(tree: Tree, *locations: str) -> None:
    """Let nodes forget the session."""
    for location in locations:
        tree.clients[location].delete(*tree.clients[location].keys("edge:{s}:*"))


def test_what_is_said_of_a_session_that_exists_names_its_home(tree: Tree) -> None:
    assert home(tree.write("edge-a", "one")) == "edge-a"
    tree.offload("edge-a")
    for location, function in (("edge-a", "notebook"), ("city", "notebook"), ("city", "reader")):
        assert home(tree.call(location, function)) == "edge-a"
    assert home(tree.call("edge-a", headers={"X-session-redirect": "forward"})) == "edge-a"


def test_a_repeat_names_it_anew_though_no_stored_reply_has_it(tree: Tree) -> None:
    first = tree.call("edge-a", headers=KEY)
    (stored,) = tree.clients["edge-a"].hvals("edge:{s}:replies")
    assert b"home" not in stored.lower()
    repeats = [tree.call("edge-a", headers=KEY | more) for more in ({}, OF_EDGE_A)]
    assert repeats == [first, first]


def test_no_home_is_named_where_no_session_is_committed(tree: Tree) -> None:
    tree.functions["local"] = ScriptedLocal(lambda _: Response(b"", 200, (*OF_EDGE_A.items(),)))
    assert home(tree.call("edge-a", "local", headers=OF_EDGE_A)) is None
    assert home(tree.call("edge-a", "reader")) is None
    tree.node("edge-a").store.requests.begin(Attempt("s", "other", "another process"))
    assert home(tree.call("edge-a", "reader")) is None


def test_what_a_handler_says_of_a_home_is_not_passed_on(tree: Tree) -> None:
    wrong = (("x-Session-Home", "city"), ("X-Other", "kept"))
    tree.functions["liar"] = Scripted(lambda _: Response(b"", 200, wrong))
    names = [pair for pair in tree.call("edge-a", "liar").headers if pair[0] != "Content-Type"]
    assert names == [("X-Other", "kept"), ("X-session-home", "edge-a")]


@pytest.mark.parametrize("place", ["edge-a", "city", "cloud"])
def test_the_session_is_found_from_every_node_and_no_other_is_begun(tree: Tree, place: str) -> None:
    move_to(tree, place)
    for number, location in enumerate(EVERYWHERE, 2):
        reached, response = find(tree, location)
        assert (reached, json.loads(response.body)["count"]) == (place, number)
        assert home(response) == "edge-a"
    assert tree.residents() == [place]


@pytest.mark.parametrize("place", ["edge-a", "city", "cloud"])
@pytest.mark.parametrize("location", EVERYWHERE)
def test_so_it_is_by_a_node_that_carries_the_request(
    make_tree: Callable[..., Tree], place: str, location: str
) -> None:
    tree = make_tree(settings={"redirect": "forward"})
    move_to(tree, place)
    response = tree.call(location, query="word=two", headers=OF_EDGE_A)
    assert json.loads(response.body) == {"location": place, "count": 2}
    if location != place:
        assert dict(response.headers)["X-session-location"] == place
    assert home(response) == "edge-a"


def test_a_session_of_a_node_above_is_found_there(tree: Tree) -> None:
    tree.write("city", "one")
    tree.offload("city")
    reached, response = tree.follow("edge-a", headers={"X-session-home": "city"})
    assert (reached, home(response)) == ("cloud", "city")
    assert tree.residents() == ["cloud"]


def test_another_session_of_the_same_name_is_left_alone(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.write("edge-b", "not this")
    for location in ("edge-b", "city"):
        assert find(tree, location)[0] == "edge-a"
        tree.oracle("edge-b", "force-offload", "session=s")
    assert tree.words("city") == ["not this"]


def test_a_node_that_has_lost_the_session_does_not_begin_another(tree: Tree) -> None:
    move_to(tree, "city")
    lose(tree, "city")
    before = kept(tree)
    for location in EVERYWHERE:
        assert kind(find(tree, location)[1]) == (404, "SessionGone")
    assert kept(tree) == before


def test_a_node_that_has_lost_its_pointer_asks_the_home(tree: Tree) -> None:
    move_to(tree, "cloud")
    tree.onload("edge-a")
    lose(tree, "city", "cloud")
    tree.calls.clear()
    assert find(tree, "cloud")[0] == "edge-a"
    assert tree.calls == ["POST edge-a/migrate-session/known"]


def test_a_home_that_has_lost_it_begins_no_other(tree: Tree) -> None:
    move_to(tree, "city")
    lose(tree, "edge-a")
    before = kept(tree)
    assert kind(find(tree, "edge-a")[1]) == (404, "SessionGone")
    assert kept(tree) == before
    for location in ("cloud", "city", "edge-b"):
        reached, response = find(tree, location)
        expected = (404, "SessionGone") if location == "cloud" else ("city", 200)
        assert (kind(response) if location == "cloud" else (reached, response.status)) == expected


def test_a_session_that_was_removed_is_gone_until_somebody_begins_it_anew(tree: Tree) -> None:
    tree.write("edge-a", "one")
    lose(tree, "edge-a")
    for location in EVERYWHERE:
        assert kind(find(tree, location)[1]) == (404, "SessionGone")
    assert tree.write("edge-a", "anew").status == 200
    assert find(tree, "edge-b")[0] == "edge-a"


def test_a_session_whose_first_request_still_runs_does_not_exist(tree: Tree) -> None:
    tree.node("edge-a").store.requests.begin(Attempt("s", "other", "another process"))
    assert kind(find(tree, "city")[1]) == (404, "SessionGone")
    assert kind(find(tree, "edge-a")[1]) == (404, "SessionGone")


@pytest.mark.parametrize(
    ("pointers", "at"),
    [
        ({"edge-a": "city"}, "city"),
        ({"edge-a": "city", "city": "cloud"}, "cloud"),
        ({"edge-a": "city", "city": "cloud"}, "edge-b"),
    ],
)
def test_pointers_that_end_at_a_node_that_does_not_know_it_lead_nobody_round(
    tree: Tree, pointers: dict[str, str], at: str
) -> None:
    for location, target in pointers.items():
        point(tree, location, target)
    before = kept(tree)
    assert kind(find(tree, at)[1]) == (404, "SessionGone")
    assert kept(tree) == before


def test_nobody_is_sent_into_a_ring_of_pointers(tree: Tree) -> None:
    point(tree, "edge-a", "city")
    point(tree, "city", "edge-a")
    assert kind(tree.call("cloud", headers=OF_EDGE_A)) == (503, "SessionBusy")
    forward = {"X-session-redirect": "forward"}
    assert kind(find(tree, "edge-b", headers=forward)[1]) == (503, "SessionBusy")


def test_a_session_that_comes_while_its_home_is_asked_is_served(tree: Tree) -> None:
    tree.write("edge-a", "one")

    def moving(_: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        tree.hook = as_usual
        tree.offload("edge-a")
        return deliver()

    tree.hook = where(lambda call: call.function.endswith("/known"), moving)
    response = tree.call("city", query="word=two", headers=OF_EDGE_A)
    assert json.loads(response.body) == {"location": "city", "count": 2}


def test_a_session_that_is_arriving_is_waited_for(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.strand(fault=lose_answer)
    tree.hook = to("edge-a")
    assert kind(tree.call("city", headers=OF_EDGE_A)) == (503, "SessionBusy")


@pytest.mark.parametrize("fault", [lose_request, lose_answer, answer(Unavailable("it rejoins"))])
def test_a_home_that_does_not_answer_is_503_and_nothing_is_begun(tree: Tree, fault: Any) -> None:
    tree.write("edge-a", "one")
    before, tree.hook = kept(tree), to("edge-a", fault)
    for location in ("city", "edge-b"):
        response = find(tree, location)[1]
        assert kind(response)[0] == 503
        assert int(dict(response.headers)["Retry-After"]) >= 1
    assert kept(tree) == before


def test_who_asks_waits_in_the_waiting_room(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"threads": 2})
    tree.write("edge-a", "one")
    with tree.node("city", "notebook").room.place() as place:
        place.take()
        assert kind(tree.call("city", headers=OF_EDGE_A)) == (503, "Unavailable")
    assert tree.call("city", headers=OF_EDGE_A).status == 307


def test_a_home_that_is_no_location_of_the_tree_is_404_at_the_root(tree: Tree) -> None:
    reached, response = tree.follow("edge-b", headers={"X-session-home": "edge-z"})
    assert (reached, kind(response)) == ("cloud", (404, "SessionGone"))
    assert dict(tree.call("edge-b", headers={"X-session-home": "edge-z"}).headers) == {
        "Location": "http://city/function/notebook",
        "X-session-location": "city",
        "Cache-Control": "no-store",
        "Content-Type": "text/plain; charset=utf-8",
    }


@pytest.mark.parametrize("name", ["", "Edge", "edge-a, edge-a", "a" * 65, "\xff"])
def test_a_home_that_can_be_no_location_is_refused(tree: Tree, name: str) -> None:
    tree.write("edge-a", "one")
    before = kept(tree)
    assert kind(tree.call("edge-a", headers={"X-session-home": name})) == (400, "BadRequest")
    assert kept(tree) == before


def test_a_cookie_remembers_the_home_of_the_session_that_a_cookie_names(
    make_tree: Callable[..., Tree],
) -> None:
    tree = make_tree(settings={"session_cookie": "edge"})

    def call(location: str, cookies: str, **headers: str) -> Response:
        given = Headers({"Cookie": cookies, **headers})
        return tree.respond(location, "notebook", edgedb.Request("POST", headers=given))

    def cookie(response: Response) -> str:
        return dict(response.headers).get("Set-Cookie", "").partition(";")[0]

    first = call("edge-a", "edge=alice%20smith")
    assert dict(first.headers)["Set-Cookie"] == (
        "edge-home=edge-a%3Aalice%20smith; Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly"
    )
    both = f"edge=alice%20smith; {cookie(first)}"
    assert cookie(call("edge-a", both)) == ""
    assert dict(call("edge-b", both).headers)["Location"] == "http://city/function/notebook"
    carried = call("edge-b", "edge=alice%20smith", **OF_EDGE_A, **{"X-session-redirect": "forward"})
    assert (carried.status, str(carried.headers).count("Set-Cookie")) == (200, 1)
    assert tree.residents("alice smith") == ["edge-a"]
    # of another session it says nothing
    another = both.replace("alice%20smith;", "bob;")
    assert cookie(call("edge-b", another)) == "edge-home=edge-b%3Abob"
    assert cookie(call("edge-b", both, **{"X-session": "carol"})) == ""
    assert (tree.residents("bob"), tree.residents("carol")) == (["edge-b"], ["edge-b"])
