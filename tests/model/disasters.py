"""What happens to a location's server and to its store, as steps.

A server that comes back is of another *run*, and has to be admitted (``rejoining.py``) where stores
may come back without what others rely on.
"""

from __future__ import annotations

from .records import UNKNOWN, Call, Known, Node, Outcome
from .relatives import moved
from .rules import World


def restart(world: World, node: Node, call: Call) -> Outcome:
    """Let the server die and come back: it has forgotten who runs."""
    return _back(world, node, call), ()


def lose(world: World, node: Node, call: Call) -> Outcome:
    """Let the machine die: what was not on the disk is gone, too."""
    return _back(world, node.disk or node, call), ()


def sync(_world: World, node: Node, _call: Call) -> Outcome:
    """Let all that was written be on the disk."""
    return node._replace(disk=None), ()


def back_up(_world: World, node: Node, _call: Call) -> Outcome:
    """Keep elsewhere what the store has."""
    return node._replace(backup=node._replace(disk=None, backup=None)), ()


def restore(world: World, node: Node, call: Call) -> Outcome:
    """Let the store come back as it was when that was kept."""
    return _back(world, node.backup or node, call)._replace(forgot=node.epoch > 0), ()


def empty(world: World, node: Node, call: Call) -> Outcome:
    """Put an empty store in place of the location's, which is declared lost."""
    nobody = (Known(UNKNOWN, UNKNOWN, told=UNKNOWN),) * world.locations
    fresh = Node(incarnation=call.fresh, relatives=nobody, forgot=node.epoch > 0)
    return _back(world, fresh, call), ()


def double(world: World, node: Node, call: Call) -> Outcome:
    """Let a second, empty store serve as this location."""
    return empty(world, node, call)[0]._replace(twin=node), ()


def swap(_world: World, node: Node, _call: Call) -> Outcome:
    """Let calls come out at the other of two stores."""
    return (node.twin or node)._replace(twin=node._replace(twin=None)), ()


def elsewhere(world: World, node: Node, call: Call) -> Outcome:
    """Move another session between this node and a relative."""
    return moved(world, node, call.to), ()


def _back(world: World, node: Node, call: Call) -> Node:
    """Begin another run: whom the others are by now is not known, nor whether this is behind."""
    node = node._replace(lock=0, run=call.fresh)
    if not world.forgets:
        return node
    others = frozenset(range(world.locations)) - {call.at}
    relatives = tuple(known._replace(run=UNKNOWN) for known in node.relatives)
    return node._replace(relatives=relatives, unheard=others, alone=False)


DISASTERS = {
    step.__name__: step
    for step in (restart, lose, sync, back_up, restore, empty, double, swap, elsewhere)
}
