"""The world around the steps: what has been sent, and what can happen next.

* Every call, remote or to the location's own server, is put into ``State.sent`` and stays there:
  it may be executed at any later moment, in any order, any number of times, or never. That is
  loss, duplication, reordering, and the death of whoever made it or waits for its answer. Each
  answer may be lost too: what follows from it is then never executed.
* Clocks are arbitrary: a lock may end at any moment (``expire``). Any number of requests, ticks and
  restarts may find a prepared arrival (``resume``).
* A client may call any location at any moment (``begin``), and its handler may be so slow that its
  lock has ended when it comes to ``commit``.
* A destination may come back as it was when a session was prepared there (``restore``), unless
  what it has offered is prepared elsewhere: that is for its rejoin to settle.
* A server that dies forgets its locks; a machine that dies (``lose``), all that was not on the
  disk. What *stage* prepares and what *hand_over* gives away is on the disk before it is answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .protocol import STEPS
from .records import Call, Handed, Node
from .rules import P, World

FIRST_FRESH = 100
"""Random ids from here on; lower numbers are locks."""


class State(NamedTuple):
    """The world at one moment."""

    nodes: tuple[Node, ...]
    sent: frozenset[Call]
    acknowledged: frozenset[int]
    """The writes whose client may have been told so, but for those lost with a disk."""
    removed: frozenset[int] = frozenset()
    """The writes of sessions that were removed."""
    offered: frozenset[int] = frozenset()
    """The transfers that were begun; each is of one offer."""
    locks: int = 1
    fresh: int = FIRST_FRESH
    restarts: int = 0
    losses: int = 0
    ends: int = 0
    stays: int = 0
    rollbacks: int = 0


def initial(world: World) -> State:
    """Give the start: the session is resident, P points at it, every transfer may begin."""
    epoch = 1 if world.resident == P else 2
    nodes = [Node() for _ in range(world.locations)]
    nodes[P] = Node(world.resident, epoch)
    nodes[world.resident] = Node(world.resident, epoch, stay=1, data=(1,))
    return State(tuple(nodes), frozenset(), frozenset({1}))


def successors(world: World, state: State) -> Iterator[tuple[Call, State]]:
    """Give every step that can be the next one, and the state it leads to."""
    for call in state.sent:
        left = state if world.duplicates else state._replace(sent=state.sent - {call})
        yield _execute(world, left, call)
    for call in _spontaneous(world, state):
        yield _execute(world, state, call)


def _spontaneous(world: World, state: State) -> Iterator[Call]:
    """Give what clients, clocks, movers and disasters may do at any moment."""
    for transfer, (source, _) in enumerate(world.transfers):
        if transfer not in state.offered:
            yield Call("offer", source, transfer)
    for at, node in enumerate(state.nodes):
        if state.locks <= world.writes:
            yield Call("begin", at, lock=state.locks + 1)
        if node.lock:
            yield Call("expire", at)
        if node.owner == at and not node.data:
            yield Call("release", at)
        if node.owner == at and state.ends < world.ends:
            yield Call("end", at)
        if node.owner == at and state.stays < world.stays:
            yield Call("another_stay", at)
        if node.arrival is not None:
            yield Call("resume", at)
        if state.restarts < world.restarts:
            yield Call("restart", at)
        if world.rollbacks and node.backup is None and _is_prepared(node):
            yield Call("back_up", at)
        is_asked_for = any(_is_prepared_from(world, other, at) for other in state.nodes)
        if node.backup is not None and state.rollbacks < world.rollbacks and not is_asked_for:
            yield Call("restore", at)
        if node.disk is not None:
            yield Call("sync", at)
            if state.losses < world.losses:
                yield Call("lose", at)


def _is_prepared(node: Node) -> bool:
    return node.arrival is not None and node.arrival.version != 0


def _is_prepared_from(world: World, node: Node, source: int) -> bool:
    """Tell whether a copy of what a location has offered is prepared here."""
    there = node.arrival
    return there is not None and there.version != 0 and world.transfers[there.transfer][0] == source


def _execute(world: World, state: State, call: Call) -> tuple[Call, State]:
    """Take one step at its location."""
    called = call._replace(fresh=state.fresh + 1) if call.step in FRESH else call
    before = state.nodes[call.at]
    node, answer = STEPS[call.step](world, before, called)
    after = _counted(world, state, before, node, called)
    if call.step == "offer" and answer:
        after = after._replace(offered=after.offered | {call.transfer})
    return called, after._replace(sent=after.sent.union(answer))


FRESH = frozenset({"begin", "activate", "restart", "lose", "restore", "another_stay"})


def _counted(world: World, state: State, before: Node, node: Node, call: Call) -> State:
    """Put the location's new record in place and keep account of what is bounded or promised."""
    if node == before:
        return state
    node = node._replace(disk=_on_disk(world, before, node, call))
    nodes = (*state.nodes[: call.at], node, *state.nodes[call.at + 1 :])
    acknowledged, removed = state.acknowledged, state.removed
    if call.step == "commit":
        acknowledged |= {node.data[-1]}
    if call.step in {"lose", "restore"}:  # operations.md, "Durability", says so
        there = node.data if node.arrival is None else (*node.data, *node.arrival.data)
        acknowledged -= set(before.data) - set(there)
    if call.step == "end":
        acknowledged, removed = frozenset(), removed | acknowledged
    return State(
        nodes,
        state.sent,
        acknowledged,
        removed,
        state.offered,
        state.locks + (call.step == "begin" and node.lock != before.lock),
        state.fresh + (call.step in FRESH),
        state.restarts + (call.step == "restart"),
        state.losses + (call.step == "lose"),
        state.ends + (call.step == "end"),
        state.stays + (call.step == "another_stay"),
        state.rollbacks + (call.step == "restore"),
    )


def _on_disk(world: World, before: Node, node: Node, call: Call) -> Node | None:
    """Give what comes back if the machine dies after the step; None: all of it."""
    rules, gives = world.rules, node.handed != before.handed and isinstance(node.handed, Handed)
    is_synced = (
        (call.step == "stage" and rules.prepare_is_on_disk)
        or (call.step == "hand_over" and gives and rules.hand_over_is_on_disk)
        or call.step in {"restart", "lose", "sync"}
    )
    if not world.losses or (is_synced and call.step != "restart"):
        return None
    return node.disk if call.step == "restart" else before.disk or before
