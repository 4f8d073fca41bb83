"""What must hold in every state and at every step: the invariants of ``docs/protocol.md``.

I3 (a request with an ``Idempotency-Key`` takes effect once) needs no check of its own here: stored
replies are part of the data, committed in one step with the writes, so I2 keeps both together.
"""

from __future__ import annotations

from .accounts import Nodes, copies, held, stores
from .records import GARBAGE, NOWHERE, Call, Node
from .rejoining import is_admitted, is_refused, questions
from .rules import P, World
from .surroundings import EVENTS, State


class Soundness:
    """Checks every step of one search, looking at what it leads to only when that is new."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: set[State] = set()

    def __call__(self, before: State, after: State) -> str | None:
        """Name an invariant that the step or the state after it breaks, if there is one."""
        if after.nodes is before.nodes:
            return None
        kept = after._replace(sent=frozenset())
        if kept in self._known:
            return broken_by(self._world, before, after)
        self._known.add(kept)
        fault = broken_by(self._world, before, after) or broken_in(self._world, kept)
        return fault or broken_at_rest(self._world, kept)


def broken_in(world: World, state: State) -> str | None:
    """Name an invariant that this state breaks, if there is one."""
    nodes = state.nodes
    if sum(_serves(world, state, node, at) for at, node in stores(nodes)) > 1:
        return "I1: two locations would run a handler"
    found, may_be_gone = copies(world, nodes), state.ends or state.has_lost
    if not may_be_gone and len(found) != 1:
        return "I2: the session is not at one place"
    if not state.acknowledged <= {write for copy in found for write in copy.data}:
        return "I2: an acknowledged write is not where the session is"
    if any(GARBAGE in copy.data or state.removed.intersection(copy.data) for copy in found):
        return "I2: the session has what does not belong to it"
    if state.has_lost and not state.spared <= held(world, nodes):
        return "I7: an acknowledged write is deleted"
    if any(node.stranger and (node.arrival or node.owner == at) for at, node in enumerate(nodes)):
        return "I2: another session of the same name is written over"
    if not may_be_gone and not all(_leads_on(nodes, at) for at in range(len(nodes))):
        return "I4: pointers do not lead to the session"
    return None


def broken_by(world: World, before: State, after: State) -> str | None:
    """Name what a step breaks though it leads from one sound state to another."""
    for at, (old, new) in enumerate(zip(before.nodes, after.nodes, strict=True)):
        is_removed = after.ends > before.ends and new.owner == NOWHERE
        if new.run != old.run or is_removed:
            continue
        if (
            new.owner == at
            and old.arrival
            and not new.arrival
            and not _was_given(world, before, at)
        ):
            return "I2: a version goes live that was not given"
        if old.owner != NOWHERE and not old.data and new.owner == NOWHERE and old.stay:
            continue  # it was never committed
        if new.epoch < old.epoch or (new.epoch == old.epoch and new.owner != old.owner):
            return "epoch: a token changed without a higher epoch"
    return None


def broken_at_rest(world: World, state: State) -> str | None:
    """Name what is undone when faults and clients stop here and every location ticks once.

    Where a machine has lost that it had activated a session, who was offered it from there hears
    the first time that it is not known, and what to do with the copy the next time.
    """
    if state.has_lost:
        return None if state.twins else _broken_after_loss(world, state)
    rest = _ticked(world, state.nodes)
    live = [node.data for at, node in enumerate(rest) if node.owner == at]
    if not state.ends and (len(live) != 1 or not state.acknowledged <= set(live[0])):
        return "I5: the session is not resident with all its data"
    if any(
        node.arrival or node.outbox for node in (_ticked(world, rest) if state.losses else rest)
    ):
        return "I5: something is left over"
    if not state.ends and not _is_known(rest, is_direct=not state.losses):
        return "I4: the proprietary location does not know where the session is"
    return None


def _broken_after_loss(world: World, state: State) -> str | None:
    """Name what is undone when every location has heard from all others, and ticks."""
    rest = _ticked(world, _ticked(world, state.nodes))
    live = [node.data for at, node in enumerate(rest) if node.owner == at]
    if any(node.unheard or node.outbox or _is_left(world, rest, node) for node in rest):
        return "I5: something is left over"
    if len(live) > 1:
        return "I1: two locations would run a handler"
    if not state.acknowledged <= {write for data in live for write in data}:
        return "I5: the session is not resident with all its data"
    if not state.spared <= held(world, rest):
        return "I7: an acknowledged write is deleted"
    if not all(_leads_on(rest, at, may_be_lost=True) for at in range(len(rest))):
        return "I4: pointers do not lead to the session"
    return None


def _is_left(world: World, nodes: Nodes, node: Node) -> bool:
    """Tell whether an arrival should have ended: not where its source knows nothing any more."""
    there = node.arrival
    return there is not None and nodes[world.transfers[there.transfer][0]].epoch > 0


def _serves(world: World, state: State, node: Node, at: int) -> bool:
    """Tell whether the session is served here; not where that is done alone, after a loss."""
    may_serve = is_admitted(world, node) or (node.alone and not state.has_lost)
    return node.owner == at and may_serve


def _was_given(world: World, state: State, at: int) -> bool:
    """Tell whether the source has given away the version that is prepared here."""
    there = state.nodes[at].arrival
    handed = there and state.nodes[world.transfers[there.transfer][0]].handed
    is_for_it = there and handed and handed.transfer == there.transfer
    return not (is_for_it and there and handed) or handed.version == there.version


def _is_known(nodes: Nodes, *, is_direct: bool) -> bool:
    """Tell whether P leads to the session, at once if nobody has lost that news."""
    owner = nodes[P].owner
    return nodes[owner].owner == owner if is_direct else _leads_on(nodes, P)


def _leads_on(nodes: Nodes, at: int, *, may_be_lost: bool = False) -> bool:
    """Follow pointers, epochs rising, to the resident or to where requests wait for it.

    Or to where it was when it was lost: one created there is of a later epoch.
    """
    pointer = nodes[at]
    if pointer.owner in (at, NOWHERE) or _waits(pointer):
        return True
    target = nodes[pointer.owner]
    if target.owner in (pointer.owner, NOWHERE) and target.epoch >= pointer.epoch:
        return target.owner != NOWHERE or may_be_lost or _waits(target)
    further = target.owner != NOWHERE and target.epoch > pointer.epoch
    follow = further and _leads_on(nodes, pointer.owner, may_be_lost=may_be_lost)
    return _waits(target) or follow


def _waits(node: Node) -> bool:
    return node.arrival is not None and node.arrival.version != 0


def _ticked(world: World, nodes: Nodes) -> Nodes:
    """Let every location tick once."""
    for at in range(len(nodes)):
        nodes = _tick(world, nodes, at)
    return nodes


def _tick(world: World, nodes: Nodes, at: int) -> Nodes:
    """Hear from all relatives, finish or drop the arrival here, then deliver the outbox."""
    for question in questions(world, nodes[at], at):
        nodes = _deliver(world, nodes, question)
    nodes = _deliver(world, nodes, Call("resume", at))
    for news in nodes[at].outbox:
        nodes = _deliver(world, nodes, news)
    return nodes


def _deliver(world: World, nodes: Nodes, call: Call) -> Nodes:
    """Execute a call and what a tick does with its answer, with nothing lost."""
    if is_refused(world, nodes[call.at], call):
        return nodes
    node, answer = EVENTS[call.step](world, nodes[call.at], call)
    nodes = (*nodes[: call.at], node, *nodes[call.at + 1 :])
    return _deliver(world, nodes, answer[-1]) if answer else nodes
