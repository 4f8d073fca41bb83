"""How a node comes back: it asks every relative what they saw of it, and serves when all are heard.

A relative that saw more prepares and hand-overs with it than its store knows of, or another store,
tells it where the session is. Question and answer are of one run; what an earlier one was told
counts for nothing. Relatives answer also while they wait themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from .records import NOWHERE, UNKNOWN, Call, Node, Outcome
from .relatives import heard_of, set_aside, told
from .rules import World

SERVES = frozenset({"begin", "commit", "release", "end"})
MOVES = frozenset({"another_stay", "offer", "page", "stage", "resume", "hand_over", "activate"})
MOVES |= {"drop", "update", "delivered"}


def is_admitted(world: World, node: Node) -> bool:
    """Tell whether a node has heard from all its relatives in this run."""
    is_enough = len(node.unheard) < world.locations - 1 and not world.rules.waits_for_all
    return not node.unheard or is_enough


def is_refused(world: World, node: Node, call: Call) -> bool:
    """Tell whether a node does not take a step, as it is not admitted."""
    if is_admitted(world, node):
        return False
    may_move = node.alone and not world.rules.alone_moves_nothing
    return (call.step in MOVES and not may_move) or (call.step in SERVES and not node.alone)


def questions(world: World, node: Node, at: int) -> Iterator[Call]:
    """Give what a node asks that has not heard from all relatives."""
    for relative in node.unheard:
        yield Call("seen", relative, to=at, by=told(world, node, relative))


def seen(world: World, node: Node, call: Call) -> Outcome:
    """Note the asker's run; give the token to one that is behind what was seen of it here."""
    known, by = node.relatives[call.to], call.by
    is_another = known.incarnation != by.incarnation and world.rules.incarnation_compared
    if is_another and world.twins:
        return node, ()
    node = node.knows(call.to, incarnation=by.incarnation, run=by.run)
    answer = Call("heard", call.to, to=call.at, asker=by.run, by=told(world, node, call.to))
    if is_another or known.counter > by.counter:
        answer = answer._replace(owner=node.owner, epoch=node.epoch, version=known.counter)
    return node, (answer,)


def heard(world: World, node: Node, call: Call) -> Outcome:
    """Note a relative's answer: where the session went, and who it is itself."""
    if call.asker != node.run or call.to not in node.unheard:
        return node, ()
    if call.epoch > node.epoch:
        node = _yielded(world, node, call)
    known = node.relatives[call.to]
    node = heard_of(world, node, call.to, call.by)
    node = node.knows(call.to, told=max(known.told, call.version))
    if known.run == UNKNOWN:  # it has not asked itself meanwhile
        node = node.knows(call.to, incarnation=call.by.incarnation, run=call.by.run)
    unheard = node.unheard - {call.to}
    return node._replace(unheard=unheard, alone=node.alone and bool(unheard)), ()


def stay_alone(_world: World, node: Node, _call: Call) -> Outcome:
    """Serve though relatives are silent."""
    return node._replace(alone=True), ()


def _yielded(world: World, node: Node, call: Call) -> Node:
    """Give the node with the pointer, or with the epoch of a session that was here and is lost."""
    there = node.arrival
    is_here = call.owner == call.at
    if is_here and there is not None and there.offer.epoch + 1 == call.epoch:
        return node  # it is asked for again
    kept = node.without_session()
    if world.rules.yield_sets_aside:
        kept = set_aside(node, kept)
    if is_here and not world.rules.lost_leaves_epoch:
        return kept
    return kept._replace(owner=NOWHERE if is_here else call.owner, epoch=call.epoch)


REJOINING = {step.__name__: step for step in (seen, heard, stay_alone)}
