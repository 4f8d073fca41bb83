"""The hand-over protocol of one session, as atomic steps.

This is the whole protocol and nothing else. A step is one script of the store, under the same name,
so it happens entirely or not at all. (No scripts: ``resume`` reads a prepared arrival, ``expire``
is time going by, ``end`` is a repair, ``another_stay`` a part of ``hand_over``, ``drop`` of what
follows from its answers, ``delivered`` removes an entry of the outbox; what happens to a server is
in ``disasters.py``, how it comes back in ``rejoining.py``.) It gets what the location's server
keeps (``records.py``) and the call's arguments, and gives what is kept afterwards and the calls
that whoever gets the answer may make next. Those lead from step to step through a move::

    destination              stage              (stage)                 activate
                            |     |            |       |               | (or drop)
    source            offer         hand_over            hand_over

A session is the writes it consists of, and its version says how many; a server that has lost some
counts from there anew, so that equal versions need not mean equal data. ``invariants.py`` looks at
the data. Stored replies are data too. What only makes others wait is left out: the hold, the queue
for the lock, and that nobody may be running; every call may be late.
"""

from __future__ import annotations

from collections.abc import Callable

from .records import GARBAGE, NOWHERE, Arrival, Call, Handed, Known, Node, Outcome
from .relatives import heard_of, is_known, moved, prepared, set_aside, told
from .rules import P, World


def begin(world: World, node: Node, call: Call) -> Outcome:
    """Let a request in: it gets the lock, waits, is redirected, or creates a session."""
    if node.owner == NOWHERE:
        if node.arrival is not None and node.arrival.version and world.rules.wait_for_arrival:
            return node, ()
        if not node.epoch and not node.forgot:
            return node._replace(stranger=True), ()
        if node.alone and node.epoch and world.rules.alone_begins_nothing_anew:
            return node, ()
        epoch = node.epoch + 1 if world.rules.removed_keeps_epoch else 1
        node = node._replace(owner=call.at, epoch=epoch, stay=call.fresh, data=(), last=0)
    if node.owner != call.at or node.lock:
        return node, ()
    commit = Call("commit", call.at, epoch=node.epoch, lock=call.lock, last=node.last)
    return node._replace(lock=call.lock), (commit._replace(version=len(node.data)),)


def commit(world: World, node: Node, call: Call) -> Outcome:
    """Apply the write of a request that has ended, if it still holds the lock.

    Or if the server has forgotten it, and nobody came since. Its write rests on what it has read.
    """
    rules = world.rules
    is_other = node.epoch != call.epoch and rules.commit_checks_epoch
    if node.owner != call.at or is_other or call.lock in node.data:
        return node, ()
    is_as_old = len(node.data) == call.version
    is_last = node.last == call.last if rules.forgotten_lock_needs_last_commit else is_as_old
    if node.lock != call.lock and rules.commit_checks_lock and (node.lock or not is_last):
        return node, ()
    written = call.lock if node.last == call.last else GARBAGE
    return node._replace(data=(*node.data, written), lock=0, last=call.lock), ()


def release(_world: World, node: Node, call: Call) -> Outcome:
    """Remove a session that was created and never committed; it might never have been."""
    if node.owner != call.at or node.data:
        return node, ()
    return node._replace(owner=NOWHERE, epoch=node.epoch - 1, stay=0, lock=0), ()


def end(_world: World, node: Node, call: Call) -> Outcome:
    """Remove the session; its epoch is kept."""
    if node.owner != call.at or node.lock or not node.data:
        return node, ()
    return node._replace(owner=NOWHERE, stay=0, data=(), last=0), ()


def another_stay(_world: World, node: Node, call: Call) -> Outcome:
    """End what is offered without giving it away; the session stays."""
    return node._replace(stay=call.fresh) if node.owner == call.at else node, ()


def expire(_world: World, node: Node, _call: Call) -> Outcome:
    """End a lock whose time is up, whether or not its request still runs."""
    return node._replace(lock=0), ()


def offer(world: World, node: Node, call: Call) -> Outcome:
    """Offer the session, with what it consists of; it goes on being served."""
    if node.owner != call.at or not node.data:
        return node, ()
    offered = call._replace(offer=node.offer)
    return node, (_difference(world, node, offered), offered._replace(step="page"))


def page(world: World, node: Node, call: Call) -> Outcome:
    """Give what is newer than a version, for a copy of this stay in this run."""
    is_offered = _is_offered(world, node, call) or not world.rules.page_checks_offer
    if node.owner != call.at or not is_offered or call.since > len(node.data):
        return node, ()
    return node, (_difference(world, node, call),)


def _difference(world: World, node: Node, call: Call) -> Call:
    _, destination = world.transfers[call.transfer]
    news, version = node.data[call.since :], len(node.data)
    return call._replace(step="stage", at=destination, version=version, data=news)


def stage(world: World, node: Node, call: Call) -> Outcome:
    """Put what is offered beside what is live here; with that, the version is complete."""
    there, rules = node.arrival, world.rules
    is_old = call.offer.epoch < node.epoch and rules.arrive_checks_epoch
    if is_old or node.stranger:
        return node, ()
    if there is None or there.transfer != call.transfer:
        if there is not None and there.version and rules.resolve_before_next:
            return node, ()
        there = Arrival(call.transfer, call.offer)
    if call.offer != there.offer:
        return node, ()
    fits = len(there.data) == call.since
    if not fits and (rules.staging_checks_version or call.since > len(there.data)):
        return node, ()
    arrival = there._replace(version=call.version, data=there.data[: call.since] + call.data)
    source, _ = world.transfers[call.transfer]
    if rules.prepare_raises_counter:
        node = prepared(world, node, source, arrival)
    node = node._replace(arrival=arrival)
    page = Call("page", source, call.transfer, call.offer, since=call.version)
    return node, (*resume(world, node, call)[1], page)


def resume(world: World, node: Node, call: Call) -> Outcome:
    """Ask the source for the session that is prepared here, at any moment, any number of times."""
    there = node.arrival
    if there is None or not there.version:
        return node, ()
    source, _ = world.transfers[there.transfer]
    by = told(world, node, source)
    ask = Call("hand_over", source, there.transfer, there.offer, asker=node.run, to=call.at, by=by)
    if not world.rules.activate_after_hand_over:
        return node, (ask._replace(version=there.version, step="activate", at=call.at),)
    return node, (ask._replace(version=there.version),)


def hand_over(world: World, node: Node, call: Call) -> Outcome:
    """Give the session away, or not: the commit point. The token becomes a pointer."""
    if not is_known(world, node, call.to, call.by) and world.rules.hand_over_checks_asker:
        return node, ()
    node = heard_of(world, node, call.to, call.by)
    answer = call._replace(at=call.to, step="activate", by=told(world, node, call.to))
    handed = node.handed
    if node.owner == call.at and _is_offered(world, node, call):
        version = len(node.data)
        if version == call.version or not world.rules.hand_over_checks_version:
            handed = Handed(call.to, call.transfer, version)
            pointer = node.without_session()
            pointer = pointer._replace(owner=call.to, epoch=node.epoch + 1, handed=handed)
            if world.rules.hand_over_raises_counter:
                pointer = moved(world, pointer, call.to)
            answer = answer._replace(by=told(world, pointer, call.to))
            return pointer, (_named(world, answer, call.version),)
        if version > call.version and node.data:
            difference = _difference(world, node, call._replace(since=call.version, to=NOWHERE))
            difference = difference._replace(asker=0, by=Known())
            return node, (difference, answer._replace(step="drop"))
    if not node.epoch:
        return node, ()
    is_any = not world.rules.answers_name_transfer
    is_there = handed is not None and node.owner == handed.to == call.to
    if handed is not None and is_there and (handed.transfer == call.transfer or is_any):
        return node, (_named(world, answer, handed.version),)
    return node, (answer._replace(step="drop", version=0),)


def _is_offered(world: World, node: Node, call: Call) -> bool:
    rules, known, asked = world.rules, node.offer, call.offer
    return ((known.epoch, known.stay) == asked[:2] or not rules.hand_over_checks_stay) and (
        known.run == asked.run or not rules.hand_over_checks_run
    )


def _named(world: World, answer: Call, version: int) -> Call:
    return answer._replace(version=version if world.rules.hand_over_names_version else 0)


def activate(world: World, node: Node, call: Call) -> Outcome:
    """Let what was staged go live, and put the new token for P into the outbox."""
    there, rules = node.arrival, world.rules
    if there is None or not there.version:
        return node, ()
    if there.transfer != call.transfer and rules.answers_name_transfer:
        return node, ()
    if call.asker != node.run and rules.activate_checks_own_run:
        return node, ()
    source, _ = world.transfers[there.transfer]
    if not is_known(world, node, source, call.by) and rules.activate_checks_source:
        return node, ()
    epoch = there.offer.epoch + 1
    owned = heard_of(world, node, source, call.by).without_session()._replace(epoch=epoch)
    if call.version not in (there.version, 0):
        return (set_aside(node, owned) if world.forgets and rules.other_sets_aside else node), ()
    owned = owned._replace(owner=call.at, stay=call.fresh, data=there.data)
    if P in world.transfers[there.transfer]:
        return owned, ()
    news = Call("update", P, epoch=owned.epoch, owner=call.at)
    recorded = {news} if rules.outbox_with_activation else set()
    return owned._replace(outbox=node.outbox | recorded), (news,)


def drop(world: World, node: Node, call: Call) -> Outcome:
    """End an arrival without the session: its version is over (0: the offer is)."""
    there = node.arrival
    if there is None:
        return node, ()
    is_it = there.transfer == call.transfer and call.version in (there.version, 0)
    if there.version and not is_it and world.rules.keep_prepared:
        return node, ()
    if call.asker != node.run and world.rules.activate_checks_own_run:
        return node, ()
    source, _ = world.transfers[there.transfer]
    if not is_known(world, node, source, call.by) and world.rules.activate_checks_source:
        return node, ()
    has_forgotten = world.forgets and not call.version and call.by.run != there.offer.run
    dropped = node._replace(arrival=None)
    if has_forgotten and world.rules.ended_sets_aside:
        return set_aside(node, dropped), ()
    return dropped, ()


def update(world: World, node: Node, call: Call) -> Outcome:
    """Tell P of a newer owner; older news are refused, and not sent again either."""
    answer = (call._replace(step="delivered", at=call.owner),)
    if call.epoch <= node.epoch and world.rules.update_checks_epoch:
        return node, answer
    pointer = node.without_session()._replace(arrival=node.arrival)
    return pointer._replace(owner=call.owner, epoch=call.epoch), answer


def delivered(_world: World, node: Node, call: Call) -> Outcome:
    """Take a token that P has dealt with out of the sender's outbox."""
    return node._replace(outbox=node.outbox - {call._replace(step="update", at=P)}), ()


_SOURCE = (begin, commit, release, expire, end, another_stay, offer, page, hand_over)
_DESTINATION = (stage, resume, activate, drop, delivered)
STEPS: dict[str, Callable[[World, Node, Call], Outcome]] = {
    step.__name__: step for step in (*_SOURCE, *_DESTINATION, update)
}
