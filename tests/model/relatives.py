"""What stores tell each other of themselves in calls and answers, and compare.

Where no store forgets what a move rests on there is nothing to compare, and nothing is told.
"""

from __future__ import annotations

from .records import Arrival, Known, Node
from .rules import World


def told(world: World, node: Node, relative: int) -> Known:
    """Give what this store says of itself in a call to a relative, or an answer."""
    if not world.forgets:
        return Known()
    return Known(node.incarnation, node.run, node.relatives[relative].told)


def is_known(world: World, node: Node, relative: int, by: Known) -> bool:
    """Tell whether what a relative's store has said is of the run that is known of it here."""
    return not world.forgets or node.relatives[relative].run == by.run


def heard_of(world: World, node: Node, relative: int, by: Known) -> Node:
    """Note the highest counter that a relative's store has told."""
    if not world.forgets:
        return node
    return node.knows(relative, counter=max(node.relatives[relative].counter, by.counter))


def prepared(world: World, node: Node, source: int, arrival: Arrival) -> Node:
    """Count a prepare, once."""
    what = (arrival.transfer, arrival.version)
    if what in node.counted or not world.forgets:
        return node
    return moved(world, node._replace(counted=node.counted | {what}), source)


def moved(world: World, node: Node, relative: int) -> Node:
    """Count a prepare or a hand-over with a relative."""
    if not world.forgets:
        return node
    if world.rules.counter_is_of_the_pair:
        return node.knows(relative, told=node.relatives[relative].told + 1)
    return node._replace(relatives=tuple(k._replace(told=k.told + 1) for k in node.relatives))


def set_aside(before: Node, after: Node) -> Node:
    """Give what a node keeps after a step, with what was in the way before it set aside."""
    staged = before.arrival.data if before.arrival is not None else ()
    return after._replace(aside=before.aside.union(before.data, staged))
