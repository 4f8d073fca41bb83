"""The world around the steps: what has been sent, who waits, and what can happen next.

* Every call, remote or to the location's own server, is put into ``State.sent`` and stays there:
  it may be executed at any later moment, in any order, any number of times, or never. That is
  loss, duplication and reordering. Each answer may be lost.
* A *mover* is the process at the destination that drives one transfer. It is volatile: all it knows
  is which answer it waits for, and a crash takes that away. ``prepare`` makes the arrival durable;
  from there on whoever finds it carries on, any number of ticks at once, so no mover is needed.
* Clocks are arbitrary: a lock or a freeze may end at any moment (``expire``, ``thaw``), and a
  copying arrival may be found too old at any moment (``discard``). A mover that gives up sends
  just these, so giving up needs no step of its own.
* A client may call any location at any moment (``begin``), and its handler may be so slow that its
  lock has ended when it comes to ``commit``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .protocol import STEPS
from .records import Call, Node
from .rules import P, World

VOLATILE = frozenset({"start", "arrive", "page", "stage", "freeze"})
"""Steps whose answer only the mover can use."""
READING = frozenset({"start", "page"})
"""Steps that change nothing: to have them executed late, or again, is no event."""


class State(NamedTuple):
    """The world at one moment."""

    nodes: tuple[Node, ...]
    movers: tuple[Call | None, ...]
    """The call whose answer each mover waits for; None: crashed, gave up or done."""
    sent: frozenset[Call]
    acknowledged: int
    """The version that contains every write whose client may have been told so."""
    locks: int = 0
    grants: int = 0
    restarts: int = 0
    losses: int = 0


def initial(world: World) -> State:
    """Give the start: the session is resident, P points at it, every transfer may begin."""
    epoch = 1 if world.resident == P else 2
    nodes = [Node() for _ in range(world.locations)]
    nodes[P] = Node(world.resident, epoch)
    nodes[world.resident] = Node(world.resident, epoch, version=1)
    movers = tuple(Call("start", source, t) for t, (source, _) in enumerate(world.transfers))
    return State(tuple(nodes), movers, frozenset(), acknowledged=1)


def successors(world: World, state: State) -> Iterator[tuple[Call, State]]:
    """Give every step that can be the next one, and the state it leads to."""
    for call in state.sent:
        left = state if world.duplicates else state._replace(sent=state.sent - {call})
        yield from _execute(world, left, call)
    for call in _spontaneous(world, state):
        yield from _execute(world, state, call)
    for transfer, waiting in enumerate(state.movers):
        if waiting is not None:
            yield Call("crash", waiting.at, transfer), _after_answer(state, transfer, ())


def _spontaneous(world: World, state: State) -> Iterator[Call]:
    """Give what clients, clocks and readers may do at any moment."""
    for at, node in enumerate(state.nodes):
        if state.locks < world.writes:
            yield Call("begin", at, lock=state.locks + 1)
        if node.lock:
            yield Call("expire", at)
            if state.restarts < world.restarts:
                yield Call("restart", at)
        if node.disk is not None:
            yield Call("sync", at)
            if state.losses < world.losses:
                yield Call("lose", at)
        if node.freeze is not None:
            yield Call("thaw", at)
        if node.arrival is not None:
            yield Call("discard", at, node.arrival.transfer)
    yield from (call for call in state.movers if call is not None and call.step in READING)


def _execute(world: World, state: State, call: Call) -> Iterator[tuple[Call, State]]:
    """Take one step at its location: with the answer lost, and with the answer received."""
    called = call if call.step != "freeze" else call._replace(grant=_new_grant(world, state, call))
    before = state.nodes[call.at]
    node, answer = STEPS[call.step](world, before, called)
    after = _counted(state, before, node, called)
    if after.grants > world.grants:
        return
    if call.step not in VOLATILE:
        yield called, after._replace(sent=state.sent.union(answer))
        return
    yield called, after
    if answer and state.movers[call.transfer] == call:
        yield called, _after_answer(after, call.transfer, answer)


def _new_grant(world: World, state: State, call: Call) -> int:
    return state.grants + 1 if world.rules.fresh_grants else call.transfer + 1


def _counted(state: State, before: Node, node: Node, call: Call) -> State:
    """Put the location's new record in place and keep account of what is bounded or promised."""
    if node is before:
        return state
    nodes = (*state.nodes[: call.at], node, *state.nodes[call.at + 1 :])
    is_lost = call.step == "lose"
    # what is lost with a disk is no longer promised: operations.md, "Durability", says so
    wrote = 1 if call.step == "commit" else node.version - before.version if is_lost else 0
    locked = call.step == "begin" and node != before
    granted = call.step == "freeze" and node.freeze is not None and node.freeze.grant > state.grants
    return State(
        nodes,
        state.movers,
        state.sent,
        state.acknowledged + wrote,
        state.locks + locked,
        state.grants + granted,
        state.restarts + (call.step == "restart"),
        state.losses + is_lost,
    )


def _after_answer(state: State, transfer: int, answer: tuple[Call, ...]) -> State:
    """Let the mover make its next calls and wait for the first of them, or be gone."""
    waits = answer[0] if answer and answer[0].step in VOLATILE else None
    movers = (*state.movers[:transfer], waits, *state.movers[transfer + 1 :])
    lasting = (call for call in answer if call.step not in READING)
    return state._replace(movers=movers, sent=state.sent.union(lasting))
