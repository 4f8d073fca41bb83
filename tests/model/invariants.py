"""What must hold in every state and at every step: the invariants of ``docs/protocol.md``.

I3 (a request with an ``Idempotency-Key`` takes effect once) needs no check of its own here: stored
replies are part of the data, committed in one step with the writes, so I2 keeps both together.
"""

from __future__ import annotations

from .protocol import STEPS
from .records import GARBAGE, NOWHERE, Call, Data, Node
from .rules import P, World
from .surroundings import State

Nodes = tuple[Node, ...]


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
    if sum(node.owner == at for at, node in enumerate(nodes)) > 1:
        return "I1: two locations would run a handler"
    copies, may_be_gone = _custody(world, nodes), state.ends or state.rollbacks
    if len(copies) > 1 or (not copies and not may_be_gone):
        return "I2: the session is not at one place"
    if copies and not state.acknowledged <= {write for copy in copies for write in copy}:
        return "I2: an acknowledged write is not where the session is"
    if any(GARBAGE in copy or state.removed.intersection(copy) for copy in copies):
        return "I2: the session has what does not belong to it"
    if any(node.stranger and (node.arrival or node.owner == at) for at, node in enumerate(nodes)):
        return "I2: another session of the same name is written over"
    if not may_be_gone and not all(_leads_on(nodes, at) for at in range(len(nodes))):
        return "I4: pointers do not lead to the session"
    return None


def broken_by(world: World, before: State, after: State) -> str | None:
    """Name what a step breaks though it leads from one sound state to another."""
    is_forgetful = (after.losses, after.rollbacks) > (before.losses, before.rollbacks)
    for at, (old, new) in enumerate(zip(before.nodes, after.nodes, strict=True)):
        is_removed = after.ends > before.ends and new.owner == NOWHERE
        if is_forgetful or is_removed:
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
    if state.rollbacks:
        return None  # what was lost with a store that is old is not for a tick to find out
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


def _custody(world: World, nodes: Nodes) -> list[Data]:
    """Give every copy that is live, or was handed over and must go live."""
    copies = [node.data for at, node in enumerate(nodes) if node.owner == at]
    for at, node in enumerate(nodes):
        there = node.arrival
        if there is not None and there.version:
            source, _ = world.transfers[there.transfer]
            if nodes[source].handed == (at, there.transfer, there.version):
                copies.append(there.data)
    return copies


def _leads_on(nodes: Nodes, at: int) -> bool:
    """Follow pointers, epochs rising, to the resident or to where requests wait for it."""
    pointer = nodes[at]
    if pointer.owner in (at, NOWHERE) or _waits(pointer):
        return True
    target = nodes[pointer.owner]
    arrives = pointer.owner == target.owner and target.epoch >= pointer.epoch
    further = target.owner != NOWHERE and target.epoch > pointer.epoch
    return _waits(target) or arrives or (further and _leads_on(nodes, pointer.owner))


def _waits(node: Node) -> bool:
    return node.arrival is not None and node.arrival.version != 0


def _ticked(world: World, nodes: Nodes) -> Nodes:
    """Let every location tick once."""
    for at in range(len(nodes)):
        nodes = _tick(world, nodes, at)
    return nodes


def _tick(world: World, nodes: Nodes, at: int) -> Nodes:
    """Finish or drop the arrival here, then deliver the outbox."""
    nodes = _deliver(world, nodes, Call("resume", at))
    for news in nodes[at].outbox:
        nodes = _deliver(world, nodes, news)
    return nodes


def _deliver(world: World, nodes: Nodes, call: Call) -> Nodes:
    """Execute a call and what a tick does with its answer, with nothing lost."""
    node, answer = STEPS[call.step](world, nodes[call.at], call)
    nodes = (*nodes[: call.at], node, *nodes[call.at + 1 :])
    return _deliver(world, nodes, answer[-1]) if answer else nodes
