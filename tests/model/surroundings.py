"""The world around the steps: what has been sent, and what can happen next.

* Every call, remote or to the location's own server, is put into ``State.sent`` and stays there:
  it may be executed at any later moment, in any order, any number of times, or never. That is
  loss, duplication, reordering, and the death of whoever made it or waits for its answer. Each
  answer may be lost too: what follows from it is then never executed.
* Clocks are arbitrary: a lock may end at any moment (``expire``). Any number of requests, ticks and
  restarts may find a prepared arrival (``resume``).
* A client may call any location at any moment (``begin``), and its handler may be so slow that its
  lock has ended when it comes to ``commit``.
* A store may come back as it was at any earlier moment (``restore``), or empty (``empty``), and
  there may be a second of the same name, at which calls come out instead (``double``, ``swap``).
  The node asks its relatives (``seen``) before it takes part again, or serves alone.
* A server that dies forgets its locks; a machine that dies (``lose``), all that was not on the
  disk. What *stage* prepares and what *hand_over* gives away is on the disk before it is answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .accounts import spared
from .disasters import DISASTERS
from .protocol import STEPS
from .records import Call, Handed, Known, Node
from .rejoining import REJOINING, is_refused, questions
from .rules import P, World

FIRST_FRESH = 100
"""Random ids from here on; lower numbers are locks."""


class State(NamedTuple):
    """The world at one moment."""

    nodes: tuple[Node, ...]
    sent: frozenset[Call]
    acknowledged: frozenset[int]
    """The writes whose client may have been told so, but for those lost with a disk."""
    spared: frozenset[int] = frozenset()
    """Those lost with a store that are elsewhere, and must not be deleted there."""
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
    backups: int = 0
    rollbacks: int = 0
    empties: int = 0
    twins: int = 0
    others: int = 0

    @property
    def has_lost(self) -> bool:
        """Whether a store has come back old or empty, or there are two."""
        return bool(self.rollbacks or self.empties or self.twins)


def initial(world: World) -> State:
    """Give the start: the session is resident, P points at it, every transfer may begin."""
    epoch = 1 if world.resident == P else 2
    nodes = [Node() for _ in range(world.locations)]
    nodes[P] = Node(world.resident, epoch)
    nodes[world.resident] = Node(world.resident, epoch, stay=1, data=(1,))
    if world.forgets:
        nodes = [node._replace(relatives=(Known(),) * world.locations) for node in nodes]
    if world.forgets and world.resident != P:
        nodes[P] = nodes[P].knows(world.resident, told=1, counter=1)
        nodes[world.resident] = nodes[world.resident].knows(P, told=1, counter=1)
    return _settled(world, State(tuple(nodes), frozenset(), frozenset({1})))


def successors(world: World, state: State) -> Iterator[tuple[Call, State]]:
    """Give every step that can be the next one and changes something, and what it leads to."""
    for call in (*state.sent, *_spontaneous(world, state)):
        called, after = _execute(world, state, call)
        if not _is_only_said(state, after):
            yield called, _settled(world, after)


def _settled(world: World, state: State) -> State:
    """Let all be said that is said without anything being changed.

    What has been sent need not arrive, so nothing that can happen without it is prevented by it.
    """
    sent: frozenset[Call] | None = None
    while sent != state.sent:
        sent = state.sent
        for call in (*sent, *_spontaneous(world, state)):
            _, after = _execute(world, state, call)
            if _is_only_said(state, after):
                state = after
    return state


def _is_only_said(before: State, after: State) -> bool:
    return after.nodes is before.nodes and after.offered == before.offered


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
        if node.disk is not None:
            yield Call("sync", at)
            if state.losses < world.losses:
                yield Call("lose", at)
        if world.forgets:
            yield from _losses(world, state, at)


def _losses(world: World, state: State, at: int) -> Iterator[Call]:
    """Give what may happen to a location's store, and what its node does about it."""
    node = state.nodes[at]
    yield from questions(world, node, at)
    if world.alone and node.unheard and not node.alone:
        yield Call("stay_alone", at)
    if state.backups < world.rollbacks and node.backup is None:
        yield Call("back_up", at)
    if node.backup is not None and state.rollbacks < world.rollbacks:
        yield Call("restore", at)
    if state.empties < world.empties:
        yield Call("empty", at)
    if state.twins < world.twins:
        yield Call("double", at)
    if node.twin is not None:
        yield Call("swap", at)
    if state.others < world.others:
        for relative in set(range(world.locations)) - node.unheard - {at}:
            yield Call("elsewhere", at, to=relative)


def _execute(world: World, state: State, call: Call) -> tuple[Call, State]:
    """Take one step at its location."""
    called = call._replace(fresh=state.fresh + 1) if call.step in FRESH else call
    at = _store_of(world, call.at)
    before = state.nodes[at]
    if is_refused(world, before, call) or (at != call.at and world.rules.claim):
        return called, state
    node, answer = EVENTS[call.step](world, before, called)
    after = _counted(world, state, at, node, called)
    if call.step == "offer" and answer:
        after = after._replace(offered=after.offered | {call.transfer})
    sent = after.sent.union(answer)
    if call.step in COMES_BACK:
        sent = frozenset(each for each in sent if not _is_over(after.nodes, each))
    return called, after._replace(sent=sent)


def _is_over(nodes: tuple[Node, ...], call: Call) -> bool:
    """Tell whether an answer has nobody left who waits for it, so that it changes nothing."""
    node = nodes[call.at]
    is_awaited = call.asker == node.run and call.to in node.unheard
    return call.step == "heard" and not is_awaited and node.twin is None


FRESH = frozenset({"begin", "activate", "another_stay"})
FRESH |= {"restart", "lose", "restore", "empty", "double"}
COMES_BACK = frozenset({"heard", "restart", "lose", "restore", "empty"})
EVENTS = STEPS | DISASTERS | REJOINING


def _store_of(world: World, at: int) -> int:
    """Give whose store the functions of a location work on."""
    return world.shared[1] if world.shared and at == world.shared[0] else at


def _counted(world: World, state: State, at: int, node: Node, call: Call) -> State:
    """Put the location's new record in place and keep account of what is bounded or promised."""
    before = state.nodes[at]
    if node == before:
        return state
    node = node._replace(disk=_on_disk(world, before, node, call))
    nodes = (*state.nodes[:at], node, *state.nodes[at + 1 :])
    acknowledged, kept, removed = state.acknowledged, state.spared, state.removed
    if call.step == "commit" and state.has_lost and node.alone:
        kept |= {node.data[-1]}
    elif call.step == "commit":
        acknowledged |= {node.data[-1]}
    if world.forgets:
        lost = spared(world, state.nodes, nodes, call, acknowledged | kept)
        acknowledged, kept = (acknowledged, kept) if lost is None else (frozenset(), lost)
    if call.step == "lose":  # operations.md, "Durability", says so
        there = node.data if node.arrival is None else (*node.data, *node.arrival.data)
        acknowledged -= set(before.data) - set(there)
    if call.step == "end":
        acknowledged, removed = frozenset(), removed | acknowledged
    return State(
        nodes,
        state.sent,
        acknowledged,
        kept,
        removed,
        state.offered,
        state.locks + (call.step == "begin" and node.lock != before.lock),
        state.fresh + (call.step in FRESH),
        state.restarts + (call.step == "restart"),
        state.losses + (call.step == "lose"),
        state.ends + (call.step == "end"),
        state.stays + (call.step == "another_stay"),
        state.backups + (call.step == "back_up"),
        state.rollbacks + (call.step == "restore"),
        state.empties + (call.step == "empty"),
        state.twins + (call.step == "double"),
        state.others + (call.step == "elsewhere"),
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
