"""Delivers the outbox: token updates to proprietary locations, propagated values to functions."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from edgedb.errors import BadRequest, Conflict, EdgeError, NotFound, PeerUnavailable
from edgedb.node import Node
from edgedb.store.outbox import Entry
from edgedb.times import milliseconds
from edgedb.waiting import Deadline
from edgedb.wire.model import Message, Propagation, Update

Target = tuple[str, str]

log = logging.getLogger(__name__)

BATCH = 1024
"""Entries that are claimed at a time."""
LANES = 4
"""Entries that are sent to one target at a time, once it has answered."""
TIME_SHARE = 0.1
"""Of ``exec_timeout``, for what one target gets of such a batch, beside all others."""
PROPAGATION_LIFE_S = 24 * 3600
"""As long as a receiver recognises duplicates; a later delivery might count twice."""


def deliver(node: Node, *, is_retry: bool = False) -> int:
    """Send what is in the outbox, once; gives how many entries are done with.

    ``is_retry`` also takes up what another attempt claimed and did not finish.
    """
    return send(node, _entries(node, is_retry=is_retry))


def send(node: Node, entries: Iterable[Entry]) -> int:
    """Send entries of the outbox, to each target beside the others; gives how many are done with.

    Who does not answer, or takes too long, is not asked again.
    """
    taken, done, passed_over = iter(entries), 0, set[Target]()
    # what is claimed is sent before more is
    while batch := list(islice(taken, BATCH)):
        by_target = dict[Target, list[Entry]]()
        for entry in batch:
            if _target(entry.message) not in passed_over:
                by_target.setdefault(_target(entry.message), []).append(entry)
        firsts = {target: [found[:1]] for target, found in by_target.items()}
        done += _sent(node, firsts, passed_over)
        others = {t: _lanes(found[1:]) for t, found in by_target.items() if t not in passed_over}
        done += _sent(node, others, passed_over)
    return done


def _lanes(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    return [lane for number in range(LANES) if (lane := entries[number::LANES])]


def _sent(
    node: Node, lanes: Mapping[Target, Iterable[Sequence[Entry]]], passed_over: set[Target]
) -> int:
    """Send all lanes beside each other; notes who is to be passed over from now on."""
    begun = [
        (t, node.ahead(partial(_run, node, lane))) for t, each in lanes.items() for lane in each
    ]
    done = 0
    for target, result in begun:
        count, is_enough = result()
        done += count
        if is_enough:
            passed_over.add(target)
    return done


def _run(node: Node, entries: Sequence[Entry]) -> tuple[int, bool]:
    """Send entries to one target; gives how many are done with, and whether that is enough."""
    done, silent, deadline = 0, set[Target](), Deadline(node.settings.exec_timeout * TIME_SHARE)
    for entry in entries:
        if _is_settled(node, entry, silent):
            node.store.outbox.remove(entry)
            done += 1
        if silent or deadline.is_over:
            return done, True
    return done, False


def _entries(node: Node, *, is_retry: bool) -> Iterator[Entry]:
    if is_retry:
        patience_ms = milliseconds(node.settings.peer_timeout)
        yield from node.store.outbox.claim_old(patience_ms)
    yield from node.store.outbox.claim_new()


def _target(message: Message) -> Target:
    """Say what has to answer: one function that is not deployed is not the whole location."""
    return message.to, message.function if isinstance(message, Propagation) else ""


def deliver_soon(node: Node) -> None:
    """Send what is in the outbox after the current answer is given."""
    node.background(partial(deliver, node))


def tick_soon(node: Node) -> None:
    """Have the node's oracle tick after the current answer is given; nothing else waits for it."""
    node.background(lambda: node.once("tick", partial(_tick, node)))


def _tick(node: Node) -> None:
    try:
        node.peers.tick()
    except EdgeError as error:
        log.warning("the node holds more than it should, and its oracle does not tick: %s", error)


def _is_settled(node: Node, entry: Entry, unreachable: set[Target]) -> bool:
    """Try one entry; True if it was accepted, or never will be."""
    try:
        _send(node, entry.message)
    except PeerUnavailable as error:
        unreachable.add(_target(entry.message))
        log.warning("%s: the message stays in the outbox", error)
        return _is_expired(entry)
    except EdgeError as error:
        log.warning("%s: %s", type(error).__name__, error)
        return _is_refused(entry.message, error) or _is_expired(entry)
    return True


def _send(node: Node, message: Message) -> None:
    if isinstance(message, Update):
        node.peers.update_session(message.to, message.token)
    else:
        node.peers.propagate(message)


def _is_refused(message: Message, error: EdgeError) -> bool:
    """Say whether trying again is no use: a stale update, a value that its function refuses.

    A proprietary location that does not know its session has lost it, and all that led to it.
    Of a value only ``BadRequest`` itself means never: all else may be over tomorrow, as where the
    function is not deployed yet or the tree is being changed, and much is not said by a node.
    """
    if isinstance(message, Update):
        return isinstance(error, Conflict | NotFound)
    return error.answered_as == BadRequest.problem_type()


def _is_expired(entry: Entry) -> bool:
    if isinstance(entry.message, Propagation):
        return entry.created_ms < (time.time() - PROPAGATION_LIFE_S) * 1000
    return False
