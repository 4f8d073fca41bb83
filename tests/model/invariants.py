"""What must hold in every state and at every step: the invariants of ``docs/protocol.md``.

I3 (a request with an ``Idempotency-Key`` takes effect once) needs no check of its own here: stored
replies are part of the data, committed in one step with the writes, so I2 keeps both together.
"""

from __future__ import annotations

from .protocol import STEPS, is_frozen
from .records import NOWHERE, Call, Node
from .rules import P, World
from .surroundings import State

Nodes = tuple[Node, ...]


class Soundness:
    """Checks every step of one search, looking at what it leads to only when that is new."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: set[tuple[Nodes, int]] = set()

    def __call__(self, before: State, after: State) -> str | None:
        """Name an invariant that the step or the state after it breaks, if there is one."""
        if after.nodes is before.nodes:
            return None
        kept = (after.nodes, after.acknowledged)
        if kept in self._known:
            return broken_by(before, after)
        self._known.add(kept)
        fault = broken_by(before, after) or broken_in(self._world, *kept)
        return fault or broken_at_rest(self._world, *kept)


def broken_in(world: World, nodes: Nodes, acknowledged: int) -> str | None:
    """Name an invariant that this state breaks, if there is one."""
    if sum(node.owner == at for at, node in enumerate(nodes)) > 1:
        return "I1: two locations would run a handler"
    if _custody(world, nodes) != [acknowledged]:
        return "I2: the acknowledged writes are not all at the one place where the session is"
    if any(node.stranger and (node.arrival or node.owner == at) for at, node in enumerate(nodes)):
        return "I2: another session of the same name is written over"
    if not all(_leads_on(nodes, at) for at in range(len(nodes))):
        return "I4: pointers do not lead to the session"
    return None


def broken_by(before: State, after: State) -> str | None:
    """Name what a step breaks though it leads from one sound state to another."""
    for old, new in zip(before.nodes, after.nodes, strict=True):
        if new.epoch < old.epoch or (new.epoch == old.epoch and new.owner != old.owner):
            return "epoch: a token changed without a higher epoch"
        if new.honoured not in (0, old.honoured) and _was_refused(before, new.honoured):
            return "grant: one that was refused is honoured"
    return None


def broken_at_rest(world: World, nodes: Nodes, acknowledged: int) -> str | None:
    """Name what is undone when faults and clients stop here and every location ticks once."""
    for thawed_first in (True, False):
        rest = _settled(world, nodes, thawed_first=thawed_first)
        if [node.version for at, node in enumerate(rest) if node.owner == at] != [acknowledged]:
            return "I5: the session is not resident with all its data"
        if any(node.arrival or node.outbox or is_frozen(node) for node in rest):
            return "I5: something is left over"
        if rest[rest[P].owner].owner != rest[P].owner:
            return "I4: the proprietary location does not know where the session is"
    return None


def _was_refused(state: State, grant: int) -> bool:
    return any(call.step == "discard" and call.grant == grant for call in state.sent)


def _custody(world: World, nodes: Nodes) -> list[int]:
    """Give the version of every copy that is live, or was handed over and must go live."""
    copies = [node.version for at, node in enumerate(nodes) if node.owner == at]
    for node in nodes:
        if node.arrival is not None and node.arrival.grant:
            source, _ = world.transfers[node.arrival.transfer]
            if nodes[source].honoured == node.arrival.grant:
                copies.append(node.arrival.staged)
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
    return node.arrival is not None and node.arrival.grant != 0


def _settled(world: World, nodes: Nodes, *, thawed_first: bool) -> Nodes:
    """Let every location tick once; a freeze ends before that or after it."""
    if thawed_first:
        nodes = _each(world, nodes, "thaw")
    for at in range(len(nodes)):
        nodes = _tick(world, nodes, at)
    return _each(world, nodes, "thaw")


def _tick(world: World, nodes: Nodes, at: int) -> Nodes:
    """Finish or discard the arrival here, then deliver the outbox."""
    arrival = nodes[at].arrival
    if arrival is not None:
        source, _ = world.transfers[arrival.transfer]
        step, place = ("hand_over", source) if arrival.grant else ("discard", at)
        nodes = _deliver(world, nodes, Call(step, place, arrival.transfer, arrival.grant))
    for news in nodes[at].outbox:
        nodes = _deliver(world, nodes, news)
    return nodes


def _deliver(world: World, nodes: Nodes, call: Call) -> Nodes:
    """Execute a call and whatever follows from its answer, with nothing lost."""
    node, answer = STEPS[call.step](world, nodes[call.at], call)
    nodes = (*nodes[: call.at], node, *nodes[call.at + 1 :])
    for following in answer:
        nodes = _deliver(world, nodes, following)
    return nodes


def _each(world: World, nodes: Nodes, step: str) -> Nodes:
    return tuple(STEPS[step](world, node, Call(step, at))[0] for at, node in enumerate(nodes))
