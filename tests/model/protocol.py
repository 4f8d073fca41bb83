"""The hand-over protocol of one session, as atomic steps.

This is the whole protocol and nothing else. A step is one script of the store, under the same name,
so it happens entirely or not at all. (No scripts: ``start`` reads a token, ``expire`` is time going
by, ``delivered`` removes an entry of the outbox, ``restart``, ``lose`` and ``sync`` happen to a
server.) It gets what the location's server keeps (``records.py``) and the call's arguments, and
gives what is kept afterwards and the calls that whoever gets the answer makes next. Those lead from
step to step through a move::

    destination   arrive          stage            stage  prepare             activate
                        |        |     |          |              |           | (discard)
    source                 page           freeze                   hand_over

Data are a version: the number of writes they contain. As there is one resident, equal versions
mean equal data; ``invariants.py`` checks just that. (A server that has lost writes counts anew: a
commit onto other data than its request has read gives ``GARBAGE``.) Stored replies are data too.
Reading again before the freeze is left out: it ends where a later first reading ends.
So is the queue for the lock: all it does is to make a ``begin`` wait, and every call may be late.
"""

from __future__ import annotations

from collections.abc import Callable

from .records import GARBAGE, NO_TRANSFER, NOWHERE, Arrival, Call, Freeze, Node, Outcome
from .rules import P, World


def begin(world: World, node: Node, call: Call) -> Outcome:
    """Let a request in: it gets the lock, waits, is redirected, or creates a session."""
    if node.owner == NOWHERE:
        waits = node.arrival is not None and world.rules.wait_for_arrival
        return node._replace(stranger=node.stranger or not waits), ()
    if node.owner != call.at or is_frozen(node) or node.lock:
        return node, ()
    commit = Call("commit", call.at, version=node.version, epoch=node.epoch, lock=call.lock)
    return node._replace(lock=call.lock), (commit._replace(last=node.last),)


def is_frozen(node: Node) -> bool:
    """Tell whether requests must wait because a transfer froze the session, or asked to."""
    return node.freeze is not None and node.freeze.transfer != NO_TRANSFER


def commit(world: World, node: Node, call: Call) -> Outcome:
    """Apply the write of a request that has ended, if it still holds the lock.

    Or if the server has forgotten it, and nobody came since. Its write rests on what it has read.
    """
    holds = node.lock == call.lock or not world.rules.commit_checks_lock
    if node.owner != call.at or node.epoch != call.epoch or node.last == call.lock:
        return node, ()
    if not holds and not _is_forgotten(world, node, call):
        return node, ()
    version = node.version + 1 if node.last == call.last else GARBAGE
    disk = (node.disk or (node.version, node.last)) if world.losses else None
    return node._replace(version=version, lock=0, last=call.lock, disk=disk), ()


def _is_forgotten(world: World, node: Node, call: Call) -> bool:
    rules, is_as_old = world.rules, node.version == call.version
    return (
        not node.lock
        and (node.freeze is None or not rules.forgotten_lock_needs_no_freeze)
        and (node.last == call.last if rules.forgotten_lock_needs_last_commit else is_as_old)
    )


def restart(_world: World, node: Node, _call: Call) -> Outcome:
    """Let the server die and come back: it has forgotten who runs."""
    return node._replace(lock=0), ()


def lose(_world: World, node: Node, _call: Call) -> Outcome:
    """Let the machine die: what was not on the disk is gone, too."""
    if node.disk is None:
        return node, ()
    version, last = node.disk
    return node._replace(lock=0, version=version, last=last, disk=None), ()


def sync(_world: World, node: Node, _call: Call) -> Outcome:
    """Let all that was written be on the disk."""
    return node._replace(disk=None), ()


def expire(_world: World, node: Node, _call: Call) -> Outcome:
    """End a lock whose time is up, whether or not its request still runs."""
    return node._replace(lock=0), ()


def page(world: World, node: Node, call: Call) -> Outcome:
    """Give a copy of what the source has; it keeps serving."""
    if node.owner != call.at:
        return node, ()
    return node, (_difference(world, node, call, grant=0),)


def freeze(world: World, node: Node, call: Call) -> Outcome:
    """Stop serving at the source, and give the difference with a grant to take the session."""
    if node.owner != call.at or (world.rules.difference_within_epoch and call.epoch != node.epoch):
        return node, ()
    held = node.freeze or Freeze(NO_TRANSFER)
    if held.transfer not in (NO_TRANSFER, call.transfer):
        return node, ()
    if node.lock and world.rules.freeze_waits_for_lock:
        return node._replace(freeze=Freeze(call.transfer)), ()
    if held.transfer == NO_TRANSFER or not held.grant:
        held = Freeze(call.transfer, call.grant)
    return node._replace(freeze=held), (_difference(world, node, call, held.grant),)


def _difference(world: World, node: Node, call: Call, grant: int) -> Call:
    """Give what changed since a version; known only for the location's own time as the owner."""
    _, destination = world.transfers[call.transfer]
    known = call.since == 0 or call.epoch == node.epoch or call.since == node.version
    version = node.version if known else GARBAGE
    return Call("stage", destination, call.transfer, grant, call.since, version, node.epoch)


def thaw(world: World, node: Node, _call: Call) -> Outcome:
    """Serve again at the source: time is up, or the mover gave up."""
    if node.freeze is None or world.rules.thaw_ends_grant:
        return node._replace(freeze=None), ()
    return node._replace(freeze=Freeze(NO_TRANSFER, node.freeze.grant)), ()


def hand_over(world: World, node: Node, call: Call) -> Outcome:
    """Give the session away, or refuse: the commit point. The token becomes a pointer."""
    _, destination = world.transfers[call.transfer]
    answer = call._replace(at=destination)
    if node.freeze is not None and node.freeze.grant == call.grant:
        pointer = Node(destination, node.epoch + 1, honoured=call.grant, outbox=node.outbox)
        return pointer, (answer._replace(step="activate"),)
    if node.honoured == call.grant and world.rules.remember_honoured:
        return node, (answer._replace(step="activate"),)
    return node, (answer._replace(step="discard"),)


def start(world: World, node: Node, call: Call) -> Outcome:
    """Let somebody see the token of a resident session, and decide to move it."""
    _, destination = world.transfers[call.transfer]
    if node.owner != call.at:
        return node, ()
    return node, (Call("arrive", destination, call.transfer, epoch=node.epoch),)


def arrive(world: World, node: Node, call: Call) -> Outcome:
    """Open an arrival at the destination, if nothing stands in its way."""
    source, _ = world.transfers[call.transfer]
    opened = node._replace(arrival=Arrival(call.transfer)), (Call("page", source, call.transfer),)
    is_old = call.epoch < node.epoch and world.rules.arrive_checks_epoch
    if node.owner == call.at or node.stranger or is_old:
        return node, ()
    if node.arrival is None:
        return opened
    if node.arrival.transfer == call.transfer:
        return (node, opened[1]) if world.rules.arrive_is_repeatable else opened
    if node.arrival.grant and not world.rules.resolve_before_next:
        return opened
    return node, ()


def stage(world: World, node: Node, call: Call) -> Outcome:
    """Put a difference onto what the destination has staged, if it fits."""
    source, _ = world.transfers[call.transfer]
    there = node.arrival
    if there is None or there.transfer != call.transfer or there.grant:
        return node, ()
    fits = there.staged in (call.since, call.version)
    if not fits and world.rules.staging_checks_version:
        return node, ()
    staged = node._replace(arrival=Arrival(call.transfer, call.version if fits else GARBAGE))
    if not call.grant:
        ask = Call("freeze", source, call.transfer, since=call.version, epoch=call.epoch)
        return staged, (ask,)
    ask = Call("hand_over", source, call.transfer, call.grant)
    early = () if world.rules.hand_over_after_prepare else (ask,)
    return staged, (call._replace(step="prepare", since=0), *early)


def prepare(world: World, node: Node, call: Call) -> Outcome:
    """Make the complete arrival durable, with its grant."""
    source, _ = world.transfers[call.transfer]
    there = node.arrival
    if there is None or there.transfer != call.transfer or there.grant:
        return node, ()
    if there.staged != call.version and world.rules.staging_checks_version:
        return node, ()
    prepared = node._replace(arrival=there._replace(grant=call.grant, epoch=call.epoch))
    ask = Call("hand_over", source, call.transfer, call.grant)
    if world.rules.activate_after_hand_over:
        return prepared, (ask,)
    return prepared, (ask, ask._replace(step="activate", at=call.at))


def activate(world: World, node: Node, call: Call) -> Outcome:
    """Let what was staged go live, and put the new token for P into the outbox."""
    there = node.arrival
    if there is None or (world.rules.activate_checks_arrival and not _is_for(there, call)):
        return node, ()
    owned = Node(call.at, there.epoch + 1, version=there.staged, outbox=node.outbox)
    if P in world.transfers[call.transfer]:
        return owned, ()
    news = Call("update", P, epoch=owned.epoch, owner=call.at)
    recorded = {news} if world.rules.outbox_with_activation else set()
    return owned._replace(outbox=node.outbox | recorded), (news,)


def discard(world: World, node: Node, call: Call) -> Outcome:
    """End an arrival without the session: too old while copying (no grant), or refused."""
    there = node.arrival
    if there is None or (world.rules.keep_prepared and not _is_for(there, call)):
        return node, ()
    return node._replace(arrival=None), ()


def _is_for(there: Arrival, call: Call) -> bool:
    return there.transfer == call.transfer and there.grant == call.grant


def update(world: World, node: Node, call: Call) -> Outcome:
    """Tell P of a newer owner; older news are refused, and not sent again either."""
    answer = (call._replace(step="delivered", at=call.owner),)
    if call.epoch <= node.epoch and world.rules.update_checks_epoch:
        return node, answer
    return Node(call.owner, call.epoch, arrival=node.arrival, outbox=node.outbox), answer


def delivered(_world: World, node: Node, call: Call) -> Outcome:
    """Take a token that P has dealt with out of the sender's outbox."""
    return node._replace(outbox=node.outbox - {call._replace(step="update", at=P)}), ()


_SOURCE = (start, begin, commit, expire, page, freeze, thaw, hand_over)
_SERVER = (restart, lose, sync)
_DESTINATION = (arrive, stage, prepare, activate, discard, delivered)
STEPS: dict[str, Callable[[World, Node, Call], Outcome]] = {
    step.__name__: step for step in (*_SOURCE, *_SERVER, *_DESTINATION, update)
}
