"""Keys are replaced while sessions are used and moved, in any order: nobody is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from edgectl import rotating
from edgedb.topology.tree import Topology
from tests.support.signed import NodeCall, key_of
from tests.support.tree import Tree

LOCATIONS = ("cloud", "city", "edge-a")


def states(topology: Topology, location: str) -> Iterator[Topology]:
    """Give the tree before a rotation, between its steps, and after it."""
    yield topology
    while True:
        generations = rotating.next_step(topology, location)
        topology = rotating.with_generations(topology, {location: generations})
        yield topology
        if len(generations) == 1:
            return


def work(tree: Tree, number: int) -> None:
    """Do whatever nodes call each other for; all of it must succeed at once."""
    session = f"s{number}"
    tree.write("edge-a", "one", session, headers={"Idempotency-Key": "1"})
    assert tree.offload("edge-a", session).current_location == "city"
    assert tree.offload("city", session).current_location == "cloud"
    tree.tick_all()
    assert tree.write("edge-a", "two", session).status == 200
    assert tree.onload("edge-a", session).current_location == "edge-a"
    assert tree.words("edge-a", session) == ["one", "two"]
    assert tree.residents(session) == ["edge-a"]


@pytest.mark.parametrize("rotated", LOCATIONS)
@pytest.mark.parametrize("order", [*itertools.permutations(LOCATIONS)], ids="-".join)
def test_whatever_nodes_are_told_first_no_call_fails(
    tree: Tree, rotated: str, order: tuple[str, ...]
) -> None:
    number = itertools.count()
    work(tree, next(number))
    for step in list(states(tree.topology, rotated))[1:]:
        for location in order:
            tree.tell(location, step)
            work(tree, next(number))
    assert len(set(tree.keys("edge-a"))) == 1


def test_a_call_that_is_on_its_way_at_a_step_succeeds(tree: Tree) -> None:
    """Each call between nodes meets the next step between its signature and its receipt."""
    work(tree, 0)
    steps = itertools.cycle(list(states(tree.topology, "edge-a"))[1:])
    behind = list[tuple[str, Topology]]()

    def hook(_: object, deliver: Callable[[], object]) -> object:
        if not behind:
            step = next(steps)
            behind.extend((place, step) for place in LOCATIONS)
        tree.tell(*behind.pop())
        return deliver()

    tree.hook = hook  # type: ignore[assignment]
    for number in range(1, 6):
        work(tree, number)


def test_after_a_rotation_the_old_key_is_of_no_use(tree: Tree) -> None:
    old, call = (
        key_of("edge-a", "city"),
        NodeCall("edge-a", "city", "migrate-session/known", body=b"[]"),
    )
    before, between, after = states(tree.topology, "edge-a")
    for step, expected in ((before, 200), (between, 200), (after, 401)):
        for place in LOCATIONS:
            tree.tell(place, step)
        assert call.send(tree, call.credential(old)).status == expected
    new = key_of("edge-a", "city", after)
    assert call.send(tree, call.credential(new)).status == 200


def test_nodes_that_have_no_key_in_common_say_so_and_nothing_moves(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.tell("edge-a", list(states(tree.topology, "edge-a"))[-1])
    answer = tree.oracle("edge-a", "force-offload", "session=s")
    assert (answer.status, b"KeysDiffer" in answer.body) == (503, True)
    assert tree.residents() == ["edge-a"]
    assert tree.words("edge-a") == ["one"]
