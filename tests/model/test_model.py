"""The hand-over protocol keeps its invariants in every state, and needs every one of its rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest

from .records import Arrival, Handed, Node
from .rules import D, P, Rules, S, World
from .scenarios import BROKEN, SMALL
from .search import explore
from .surroundings import State, initial, successors

THERE_AND_BACK = World(3, S, ((S, D), (D, S)), writes=2)


@pytest.mark.parametrize("name", SMALL)
def test_every_reachable_state_is_sound(name: str) -> None:
    """No loss, duplicate, delay, crash or timeout breaks an invariant."""
    report = explore(SMALL[name])
    assert report.found is None, str(report)


@pytest.mark.parametrize("rule", BROKEN)
def test_without_any_one_rule_there_is_a_counterexample(rule: str) -> None:
    """Each rule is needed, and the search sees what it prevents."""
    assert explore(BROKEN[rule]).found is not None


def test_every_rule_is_broken_once() -> None:
    """A rule added to the protocol comes with a world that goes wrong without it."""
    assert BROKEN.keys() == {field.name for field in fields(Rules)}


def names(node: Node, at: int, epoch: int) -> bool:
    """Tell whether the token kept here names a location, under an epoch."""
    return (node.owner, node.epoch) == (at, epoch)


def prepared(node: Node) -> Arrival | None:
    """Give the arrival here if it is a prepared one."""
    return node.arrival if node.arrival is not None and node.arrival.version else None


def handed(node: Node) -> Handed:
    """Give what this location has given away, and to whom."""
    return node.handed or Handed(P, 0, 0)


EVENTS: dict[str, Callable[[State, State], bool]] = {
    "it comes home with a write made while away": lambda before, after: (
        names(after.nodes[S], S, 4)
        and not before.nodes[S].data
        and set(after.nodes[S].data) == after.acknowledged > {1}
        and not any(call.step == "commit" and call.at == S for call in after.sent)
    ),
    "P hears of the second move, but never of the first": lambda before, after: (
        names(before.nodes[P], S, 2) and names(after.nodes[P], S, 4)
    ),
    "a copy is brought up to date and then given": lambda before, after: (
        prepared(before.nodes[D]) == Arrival(0, before.nodes[S].offer, 2, before.nodes[S].data)
        and handed(after.nodes[S]) == Handed(D, 0, 2)
        and any(call.step == "drop" and call.version == 1 for call in before.sent)
    ),
    "a prepared arrival is refused and discarded": lambda before, after: (
        prepared(before.nodes[D]) is not None
        and names(after.nodes[S], S, 2)
        and after.nodes[D].arrival is None
    ),
    "a request outlives its lock and another gets it": lambda before, after: (
        before.nodes[S].data == after.nodes[S].data == (1,)
        and after.nodes[S].lock == 3
        and any(call.step == "commit" and call.lock == 2 for call in after.sent)
    ),
    "a request runs when its session is given away": lambda before, after: (
        before.nodes[S].lock != 0 and names(after.nodes[S], D, 3)
    ),
    "a version is asked for again after it was given": lambda before, after: (
        names(before.nodes[D], D, 3)
        and handed(after.nodes[S]).transfer == 0
        and any(call.step == "hand_over" and call.to == D for call in after.sent)
    ),
    "one session is offered to two at once": lambda _, after: after.offered == {0, 1},
}


@pytest.mark.parametrize("event", EVENTS)
def test_what_matters_does_happen(event: str) -> None:
    """The search is not sound for lack of anything happening."""
    happens = EVENTS[event]
    report = explore(THERE_AND_BACK, lambda *step: event if happens(*step) else None)
    assert report.found == event


def test_a_trace_can_be_replayed() -> None:
    """A counterexample is a run of the protocol: each of its steps is possible after the last."""
    world = BROKEN["keep_prepared"]
    states = {initial(world)}
    for step in explore(world).trace:
        states = {new for old in states for call, new in successors(world, old) if call == step}
    assert states
