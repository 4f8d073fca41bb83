"""A store that has lost what other nodes know forks nothing: it rejoins before it serves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from edgedb.errors import NodeReplaced, PeerUnavailable
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.response import Response
from edgedb.store.keys import STATUS
from tests.support import snapshot
from tests.support.hooks import lose_request
from tests.support.tree import Tree


def start_anew(tree: Tree, location: str) -> None:
    """Let a node's server be in another run, as far as can be seen."""
    tree.clients[location].hdel(STATUS, "whole", "admitted")


def roll_back(tree: Tree, location: str, then: snapshot.Dump) -> None:
    """Let a node's server come back as it was then."""
    snapshot.restore(tree.clients[location], then)
    start_anew(tree, location)


def empty(tree: Tree, location: str) -> None:
    """Put an empty store in the place of a node's, and claim it."""
    tree.clients[location].flushall()
    tree._store(location, tree._settings(location, "oracle")).admission.claim()


def declare_lost(tree: Tree, location: str) -> None:
    """Say so at all other nodes, as ``edgectl lost`` does."""
    for other in tree.topology.view_of(location):
        if other.id != location:
            assert tree.oracle(other.id, "oracle", f"location={location}", "/lost").status == 200


def silent(*locations: str) -> Callable[[PeerRequest, Callable[[], PeerResponse]], PeerResponse]:
    """Give a hook under which some nodes do not answer."""

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if request.location in locations:
            raise PeerUnavailable("it does not answer")
        return deliver()

    return hook


def problem(response: Response) -> tuple[int, str, str]:
    document = json.loads(response.body)
    return response.status, document["type"].rpartition(":")[2], document["detail"]


def asides(tree: Tree, location: str) -> list[str]:
    return [each.token.session for each in tree.node(location).store.aside.listed()[1]]


def assert_counted(tree: Tree, location: str) -> None:
    """Check that indexes and sums say what is there."""
    assert [*snapshot.left_over(location, snapshot.read(tree.clients[location]))] == []


def test_a_leaf_that_comes_back_from_a_backup_sets_aside_what_lives_above(tree: Tree) -> None:
    tree.write("edge-a", "one")
    then = snapshot.dump(tree.clients["edge-a"])
    tree.write("edge-a", "two")
    tree.offload("edge-a")
    roll_back(tree, "edge-a", then)
    assert tree.write("edge-a", "three").status == 200
    assert (tree.residents(), tree.words("edge-a")) == (["city"], ["one", "two", "three"])
    assert asides(tree, "edge-a") == ["s"]
    assert_counted(tree, "edge-a")
    tree.onload("edge-a")
    assert tree.words("edge-a") == ["one", "two", "three"]


def test_a_parent_that_comes_back_from_a_backup_does_not_serve_what_went_home(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    then = snapshot.dump(tree.clients["city"])
    tree.onload("edge-a")
    tree.write("edge-a", "two")
    roll_back(tree, "city", then)
    assert tree.follow("city", "reader")[0] == "edge-a"
    assert tree.residents() == ["edge-a"]


def test_an_empty_leaf_is_refused_until_the_store_before_it_is_declared_lost(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.write("edge-a", "mine", "gone")
    empty(tree, "edge-a")
    status, kind, detail = problem(tree.call("edge-a"))
    assert (status, kind) == (503, "Rejoining")
    assert "edgectl lost edge-a" in detail
    assert [each.location for each in tree.node("city").store.relatives.refused()] == ["edge-a"]
    declare_lost(tree, "edge-a")
    assert tree.words("edge-a") == ["one"]
    assert tree.residents() == ["city"]
    assert_counted(tree, "edge-a")
    tree.onload("edge-a")
    start_anew(tree, "edge-a")  # it has rejoined once and for all
    assert tree.words("edge-a") == ["one"]


def test_a_session_that_was_at_the_lost_node_leaves_its_epoch(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    empty(tree, "city")
    declare_lost(tree, "city")
    assert tree.write("edge-a", "anew").status == 200
    (place,) = tree.residents()
    token = tree.node(place).store.residents.token("s")
    assert (place, token is not None and token.epoch) == ("city", 3)


def test_one_that_has_lost_nothing_asks_once_in_each_run(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.onload("edge-a")
    start_anew(tree, "edge-a")
    tree.calls.clear()
    assert tree.words("edge-a") == ["one"]
    assert sorted(tree.calls) == [
        "GET city/migrate-session/seen",
        "GET cloud/migrate-session/seen",
    ]
    tree.calls.clear()
    tree.write("edge-a", "two")
    assert tree.calls == []


def test_while_others_are_silent_a_server_that_may_forget_waits(tree: Tree) -> None:
    tree.write("edge-a", "one")
    start_anew(tree, "edge-a")
    tree.hook = silent("cloud")
    status, kind, detail = problem(tree.call("edge-a"))
    assert (status, kind) == (503, "Rejoining")
    assert "cloud do not answer; edgectl rejoin edge-a --alone" in detail
    # who waits answers others
    start_anew(tree, "city")
    assert problem(tree.call("city"))[1] == "Rejoining"
    tree.hook = silent()
    assert tree.call("city", "reader", "other").status == 200
    assert tree.words("edge-a") == ["one"]


def test_one_that_forgets_nothing_serves_and_asks_again(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"fsync_moves": False})
    tree.write("edge-a", "one")
    then = snapshot.dump(tree.clients["edge-a"])
    tree.offload("edge-a")
    roll_back(tree, "edge-a", then)
    tree.hook = silent("city", "cloud")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgedb.store.relatives.RelativeStore.syncs", lambda _: True)
        assert tree.words("edge-a") == ["one"]  # nobody could have said so
    tree.hook = silent("cloud")
    assert problem(tree.oracle("edge-a", "oracle"))[1] == "Rejoining"
    assert tree.words("city") == ["one"]
    tree.hook = silent()
    assert tree.follow("edge-a", "reader")[0] == "city"
    assert tree.residents() == ["city"]


def test_an_operator_ends_the_wait(tree: Tree) -> None:
    tree.write("edge-a", "one")
    then = snapshot.dump(tree.clients["edge-a"])
    tree.offload("edge-a")
    roll_back(tree, "edge-a", then)
    tree.hook = silent("cloud")
    assert "1 of 2 nodes" in problem(tree.call("edge-a"))[2]
    assert tree.oracle("edge-a", "oracle", "location=edge-a&alone=1", "/rejoin").status == 200
    assert tree.follow("edge-a", "reader")[0] == "city"
    tree.hook = silent()
    tree.tick_all()
    assert tree.node("edge-a").store.relatives.unheard()[0] == []


def served_alone(tree: Tree, location: str, *others: str) -> None:
    """Let a node's server be in another run, and serve while some nodes are silent."""
    tree.hook = silent(*others)
    start_anew(tree, location)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgedb.store.relatives.RelativeStore.syncs", lambda _: True)
        assert tree.call(location, "reader").status == 200


def test_who_is_served_alone_gives_nothing_away(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"fsync_moves": False})
    tree.write("edge-a", "one")
    served_alone(tree, "edge-a", "cloud")
    status, kind, detail = problem(tree.oracle("edge-a", "force-offload", "session=s"))
    assert (status, kind) == (504, "OutcomeUnknown"), detail
    assert "what they know of the store of edge-a" in detail
    assert tree.residents() == ["edge-a"]
    tree.hook = silent()
    tree.tick_all()
    tree.tick_all()
    assert len(tree.residents()) == 1
    assert tree.leftovers() == {}
    assert tree.words("edge-a") == ["one"]


def test_who_is_served_alone_takes_nothing(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"fsync_moves": False})
    tree.write("edge-a", "one")
    served_alone(tree, "city", "cloud")
    status, kind, detail = problem(tree.oracle("edge-a", "force-offload", "session=s"))
    assert (status, kind) == (503, "Rejoining"), detail
    assert (tree.residents(), tree.leftovers()) == (["edge-a"], {})


def test_a_silent_leaf_keeps_no_other_where_it_is(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"fsync_moves": False})
    tree.write("edge-a", "one")
    served_alone(tree, "city", "edge-b")
    tree.offload("edge-a")
    assert tree.residents() == ["city"]


def test_moves_with_others_do_not_make_up_for_what_is_lost(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"fsync_moves": False})
    tree.write("edge-b", "one")
    then = snapshot.dump(tree.clients["city"])
    tree.offload("edge-b")  # which city has forgotten then
    snapshot.restore(tree.clients["city"], then)
    served_alone(tree, "city", "edge-b")
    for number in range(3):
        tree.write("edge-a", "one", session=f"another-{number}")
        tree.offload("edge-a", f"another-{number}")
    tree.hook = silent()
    tree.oracle("city", "oracle")
    assert tree.clients["city"].hexists(STATUS, "rejoined")


def test_who_is_served_alone_begins_no_session_anew_that_may_live_elsewhere(
    make_tree: Callable[..., Tree],
) -> None:
    tree = make_tree(settings={"fsync_moves": False})
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.onload("edge-a")
    tree.offload("edge-a")
    tree.offload("city")
    start_anew(tree, "edge-a")
    empty(tree, "edge-a")
    declare_lost(tree, "edge-a")
    tree.clients["city"].hset("edge:{s}:meta", mapping={"current": "edge-a", "epoch": 3})
    tree.hook = silent("cloud")
    assert "1 of 2 nodes" in problem(tree.call("edge-a"))[2]
    assert tree.oracle("edge-a", "oracle", "location=edge-a&alone=1", "/rejoin").status == 200
    assert problem(tree.call("edge-a"))[:2] == (503, "Rejoining")
    assert tree.call("edge-a", session="a-new-one").status == 200
    tree.hook = silent()
    tree.tick_all()
    assert tree.follow("edge-a", "reader")[0] == "cloud"


def test_who_answers_gives_up_what_was_to_arrive_from_there(tree: Tree) -> None:
    tree.write("edge-a", "one")
    then = snapshot.dump(tree.clients["edge-a"])
    tree.strand(fault=lose_request)
    roll_back(tree, "edge-a", then)
    tree.clients["city"].hset("edge:relatives", "edge-a", seen_further(tree))
    tree.node("city").store.relatives._met.clear()
    assert tree.words("edge-a") == ["one"]
    assert (asides(tree, "city"), tree.leftovers()) == (["s"], {})


def seen_further(tree: Tree) -> str:
    """Give what city would know if edge-a had taken a step more."""
    identity = tree.node("edge-a").store.relatives.identity()
    return f"{identity.incarnation} 0 {identity.counter + 1}"


def test_a_second_node_of_a_name_is_refused(make_tree: Callable[..., Tree], clients: Any) -> None:
    tree = make_tree()
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    twin = Tree(tree.topology, {**tree.clients, "edge-a": clients[4]}, is_claimed=False)
    twin.functions, twin.send = tree.functions, tree.send  # type: ignore[method-assign]
    twin._store("edge-a", twin._settings("edge-a", "oracle")).admission.claim()
    assert problem(twin.call("edge-a"))[1] == "Rejoining"
    with pytest.raises(NodeReplaced):
        twin.node("edge-a").peers.onload_session("city", "edge-a", "s", 1)
    assert tree.words("edge-a") == ["one"]


def test_who_waits_is_told_who_is_lost(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    start_anew(tree, "edge-a")
    empty(tree, "city")
    assert problem(tree.call("edge-a"))[1] == "Rejoining"
    declare_lost(tree, "city")
    assert tree.call("edge-a", "reader", "other").status == 200
