"""Sessions that live in two places, since a store was lost or came back old: named, and ended.

Each as an operator sees it: a tree whose gateways answer over HTTP, and ``edgectl``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug.datastructures import Headers

import edgedb
from edgectl.cli import cli
from edgectl.operating import CallFailed, Operator
from edgedb.checking.slices import examine
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.store import keys
from tests.support import snapshot
from tests.support.answering import Call, answering
from tests.support.dumps import dump
from tests.support.hooks import Deliver, as_usual, lose_answer, to
from tests.support.tree import ORACLE_TOKEN, Tree

Edgectl = Callable[..., Result]
HEALTHY = "healthy: cloud, city, edge-a, edge-b\n"


@pytest.fixture
def edgectl(tree: Tree, tmp_path: Path) -> Iterator[Edgectl]:
    """Give ``edgectl`` for the tree, which is served over HTTP."""

    def answer(call: Call) -> tuple[int, Any]:
        function, slash, path = call.function.partition("/")
        query = call.target.partition("?")[2].encode()
        headers = Headers({"Authorization": call.credentials} if call.credentials else {})
        request = edgedb.Request(call.method, slash + path or "/", query, headers)
        response = tree.respond(call.location, function, request)
        return response.status, response.body.decode()

    with answering(answer) as (base, _):
        document = tree.topology.to_json()
        for place in document["locations"]:
            document["locations"][place]["gateway"] = f"{base}/{place}"
        file = tmp_path / "infrastructure.yml"
        file.write_text(json.dumps(document))
        secrets = tmp_path / "secrets"
        for place in document["locations"]:
            (secrets / place).mkdir(parents=True)
            (secrets / place / "edge-oracle-token").write_text(ORACLE_TOKEN)
        where = ["--infrastructure", str(file), "--secrets", str(secrets)]

        def run(*words: str) -> Result:
            return CliRunner().invoke(cli, [*words, *where])

        yield run


def said(result: Result, exit_code: int = 0) -> str:
    """Give what a command printed, which has ended as it should."""
    assert result.exit_code == exit_code, (result.output, result.exception)
    return result.output


def fork(tree: Tree, session: str = "s") -> None:
    """Let a session be safe at its parent, and begun anew at its home, which came back empty."""
    tree.write("edge-a", "one", session)
    tree.write("edge-a", "two", session)
    tree.offload("edge-a", session)
    tree.forget("edge-a")
    assert tree.call("edge-a", "notebook", session, query="word=ghost").status == 200


@pytest.fixture
def forked(tree: Tree) -> Tree:
    """Give a tree in which ``s`` is forked."""
    fork(tree)
    return tree


def test_a_home_that_came_back_empty_is_named_as_a_fork_at_both_ends(
    forked: Tree, edgectl: Edgectl
) -> None:
    lines = said(edgectl("doctor"), 1).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["city", "forked s"],
        ["edge-a", "forked s"],
    ]
    for line, other in zip(lines, ("edge-a in epoch 1", "city in epoch 2"), strict=True):
        assert f"and at {other}, version " in line
        assert line.count("last used 20") == 2
        assert "edgectl resolve SESSION --keep LOCATION" in line
    assert "not repaired: only you can say" in said(edgectl("doctor", "--fix"), 1)
    assert forked.residents() == ["city", "edge-a"]


def test_nothing_says_that_a_ghost_has_moved(forked: Tree) -> None:
    response = forked.oracle("edge-a", "force-offload", "session=s")
    assert response.status == 409
    assert b"at city in epoch 2, and at edge-a too" in response.body
    (fate,) = json.loads(forked.oracle("edge-a", "force-offload", "count=5").body)
    assert "problem" in fate


def test_a_tick_counts_no_ghost_as_moved(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"offload_above": 0, "offload_below": 0})
    fork(tree)
    tick = json.loads(tree.oracle("edge-a", "oracle").body)
    assert tick["offloaded"] == 0
    (stuck,) = tree.node("edge-a").store.relief.stuck()
    assert "ask edgectl doctor" in stuck.reason


def test_a_source_that_does_not_answer_leaves_unknown_whether_it_has_given_a_session(
    forked: Tree,
) -> None:
    forked.hook = to("edge-a")
    assert forked.oracle("edge-a", "force-offload", "session=s").status == 502


@pytest.mark.parametrize(("kept", "words"), [("city", ["one", "two"]), ("edge-a", ["ghost"])])
def test_what_is_resolved_is_in_one_place(
    forked: Tree, edgectl: Edgectl, kept: str, words: list[str]
) -> None:
    assert f"s is kept at {kept}, in epoch 3" in said(edgectl("resolve", "s", "--keep", kept))
    assert said(edgectl("doctor")) == HEALTHY
    assert forked.residents() == [kept]
    assert forked.words("edge-a") == words
    for move in (forked.offload, forked.onload) if kept == "edge-a" else (forked.onload,):
        move("edge-a")
        assert forked.words("edge-a") == words


def test_what_was_set_aside_is_listed_shown_and_restored(forked: Tree, edgectl: Edgectl) -> None:
    said(edgectl("resolve", "s", "--keep", "city"))
    (entry,) = json.loads(said(edgectl("aside", "list", "--json")))["aside"]
    assert (entry["location"], entry["session"]) == ("edge-a", "s")
    assert f"edge-a {entry['id']}: s, " in said(edgectl("aside", "list", "edge-a"))
    assert "  - ghost" in said(edgectl("aside", "show", "edge-a", entry["id"]))
    refused = edgectl("aside", "restore", "edge-a", entry["id"])
    assert "city knows a session 's'" in said(refused, 1)
    back = edgectl("aside", "restore", "edge-a", entry["id"], "--as", "ghost")
    assert said(back) == "ghost of edge-a is at edge-a\n"
    assert said(edgectl("aside", "list")) == ""
    assert forked.words("edge-a", "ghost") == ["ghost"]
    forked.offload("edge-a", "ghost")
    assert said(edgectl("doctor")) == HEALTHY


def test_by_its_old_name_only_what_nobody_knows_is_restored(tree: Tree, edgectl: Edgectl) -> None:
    tree.write("edge-a", "one")
    (token,) = tree.node("edge-a").store.residents.tokens(["s"])
    assert token is not None
    tree.node("edge-a").store.aside.retire([token], "why")
    (entry,) = json.loads(said(edgectl("aside", "list", "--json")))["aside"]
    said(edgectl("aside", "restore", "edge-a", entry["id"]))
    assert tree.words("edge-a") == ["one"]


@pytest.mark.parametrize("broken_off", [0, 1])
def test_a_resolution_that_was_broken_off_is_said_again(
    forked: Tree, edgectl: Edgectl, monkeypatch: pytest.MonkeyPatch, broken_off: int
) -> None:
    steps, keep = iter(range(broken_off)), Operator.keep

    def broken(*arguments: Any) -> str | None:
        if next(steps, None) is None:
            raise CallFailed("the operator's machine died")
        return keep(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Operator, "keep", broken)
        said(edgectl("resolve", "s", "--keep", "city"), 1)
    said(edgectl("resolve", "s", "--keep", "city"))
    assert forked.residents() == ["city"]
    assert forked.words("edge-a") == ["one", "two"]
    assert said(edgectl("doctor")) == HEALTHY


def test_nothing_is_resolved_while_a_node_on_the_path_is_silent(
    forked: Tree, edgectl: Edgectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Operator.known

    def silent(operator: Operator, location: str, session: str) -> dict[str, Any] | None:
        if location == "cloud":
            raise CallFailed("cloud: no answer")
        return known(operator, location, session)

    monkeypatch.setattr(Operator, "known", silent)
    before = dump(forked)
    said(edgectl("resolve", "s", "--keep", "city"), 1)
    assert dump(forked) == before
    said(edgectl("resolve", "s", "--keep", "city", "--without", "cloud"))
    assert forked.residents() == ["city"]


def test_only_where_a_session_is_it_can_be_kept(forked: Tree, edgectl: Edgectl) -> None:
    before = dump(forked)
    for place in ("cloud", "edge-b", "nowhere"):
        said(edgectl("resolve", "s", "--keep", place), 1)
    assert dump(forked) == before


def test_a_home_that_an_update_told_of_another_owner_is_named(tree: Tree, edgectl: Edgectl) -> None:
    fork(tree)
    tree.offload("city")
    tree.tick_all()
    assert "cloud has told that it is there in epoch 3" in said(edgectl("doctor", "edge-a"), 1)


def test_a_later_owner_that_is_known_elsewhere_is_named(tree: Tree, edgectl: Edgectl) -> None:
    fork(tree)
    tree.strand("city", fault=lose_answer)  # handed over, and nobody has it yet
    assert "city leads to cloud in epoch 3" in said(edgectl("doctor", "edge-a"), 1)


def test_what_moves_while_it_is_looked_at_is_no_fork(tree: Tree) -> None:
    tree.write("edge-a", "one")

    def hook(request: PeerRequest, deliver: Deliver) -> PeerResponse:
        if request.function == "migrate-session/known":
            tree.hook = as_usual
            tree.offload("edge-a")
        return deliver()

    tree.hook = hook
    assert not examine(tree.node("edge-a")).findings
    assert tree.residents() == ["city"]


@pytest.mark.parametrize("query", ["", "count=2", "session=further"])
def test_sessions_further_up_come_home_past_one_that_cannot(tree: Tree, query: str) -> None:
    tree.write("edge-a", "far", "further")
    tree.offload("edge-a", "further")
    tree.offload("city", "further")
    pointer = tree.clients["edge-a"].dump("edge:{further}:meta")
    for number in range(3):
        fork(tree, f"ghost-{number}")
    for number in range(2):
        tree.call("edge-a", "notebook", f"ghost-{number}", query="word=ghost")
    tree.clients["edge-a"].restore("edge:{further}:meta", 0, pointer)
    response = tree.oracle("edge-a", "force-onload", query)
    assert [each["session"] for each in json.loads(response.body)] == ["further"]
    assert tree.residents("further") == ["edge-a"]
    response = tree.oracle("edge-a", "force-onload", query)
    assert response.status == (404 if "session" in query else 409)


def test_a_ghost_at_the_parent_does_not_hide_the_session_itself(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    then = snapshot.dump(tree.clients["city"])
    tree.write("edge-a", "two")
    tree.offload("city")
    tree.tick_all()
    snapshot.restore(tree.clients["city"], then)  # yesterday's backup
    tree.onload("edge-a")
    assert tree.words("edge-a") == ["one", "two"]


def test_a_volume_that_is_mounted_late_costs_nothing(tree: Tree, edgectl: Edgectl) -> None:
    tree.write("edge-a", "one", "left")
    tree.offload("edge-a", "left")
    tree.write("edge-a", "one", "copied")
    tree.strand("edge-a", "copied")
    tree.write("edge-a", "two", "copied")  # the freeze has run out
    tree.clock.advance(11)
    volumes = {place: snapshot.dump(tree.clients[place]) for place in ("edge-a", "city")}
    for place in ("edge-a", "city"):
        tree.clients[place].flushall()
        edgectl("doctor", "--fix")
        snapshot.restore(tree.clients[place], volumes[place])
    tree.tick_all()
    assert said(edgectl("doctor")) == HEALTHY
    assert tree.words("edge-a", "left") == ["one"]
    assert tree.words("edge-a", "copied") == ["one", "two"]


def test_a_copy_whose_source_is_gone_for_good_is_had_once_that_is_said(
    tree: Tree, edgectl: Edgectl
) -> None:
    tree.write("edge-a", "one")
    tree.strand()
    tree.clock.advance(11)
    tree.hook = to("edge-a")
    found = said(edgectl("doctor", "city", "--fix"), 1)
    assert "prepared s" in found
    assert "silent edge-a" in found
    said(edgectl("lost", "edge-a"))
    assert "last-copy s" in said(edgectl("doctor", "city"), 1)
    said(edgectl("doctor", "city", "--fix"))
    assert said(edgectl("doctor", "city", "cloud")) == "healthy: city, cloud\n"
    assert tree.words("city") == ["one"]


def test_a_dead_leaf_is_replaced(tree: Tree, edgectl: Edgectl) -> None:
    for session, moves in {"s": [], "up": ["edge-a"], "top": ["edge-a", "city"]}.items():
        tree.write("edge-a", "one", session)
        for place in moves:
            tree.offload(place, session)
    tree.onload("edge-a", "up")
    tree.offload("edge-a", "up")
    tree.tick_all()
    tree.strand()  # a copy of s is at city
    tree.clock.advance(11)
    tree.clients["edge-a"].flushall()
    said(edgectl("lost", "edge-a"))
    said(edgectl("claim", "edge-a"))
    edgectl("doctor", "--fix")
    said(edgectl("onload", "edge-a", "--count", "10"))
    said(edgectl("onload", "edge-a", "--count", "10"))
    assert [tree.words("edge-a", session) for session in ("s", "up", "top")] == [["one"]] * 3
    for _ in range(2):
        tree.tick_all()
    assert said(edgectl("doctor")) == HEALTHY


def test_a_leaf_is_restored_from_a_backup(tree: Tree, edgectl: Edgectl) -> None:
    for session in ("stayed", "left"):
        tree.write("edge-a", "one", session)
    backup = snapshot.dump(tree.clients["edge-a"])
    tree.write("edge-a", "two", "left")
    tree.offload("edge-a", "left")
    snapshot.restore(tree.clients["edge-a"], backup)
    tree.clients["edge-a"].hdel(keys.STATUS, "whole", "admitted")  # as in another run
    assert tree.words("edge-a", "stayed") == ["one"]
    assert tree.write("edge-a", "three", "left").status == 200
    assert tree.words("edge-a", "left") == ["one", "two", "three"]
    assert said(edgectl("doctor")) == HEALTHY
    (entry,) = json.loads(said(edgectl("aside", "list", "--json")))["aside"]
    assert (entry["location"], entry["session"]) == ("edge-a", "left")
