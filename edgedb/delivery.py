"""Delivers the outbox: token updates to proprietary locations, propagated values to functions."""

from __future__ import annotations

import logging
import time

from edgedb.errors import BadRequest, Conflict, EdgeError, PeerUnavailable
from edgedb.model import Message, Propagation, Update
from edgedb.node import Node
from edgedb.store.outbox import Entry

log = logging.getLogger(__name__)

PROPAGATION_LIFE_S = 24 * 3600
"""As long as a receiver recognises duplicates; a later delivery might count twice."""


def deliver(node: Node, *, is_retry: bool = False) -> int:
    """Send what is in the outbox, once; gives how many entries are done with.

    ``is_retry`` also takes up what another attempt claimed and did not finish.
    """
    outbox, done, unreachable = node.store.outbox, 0, set[str]()
    patience_ms = round(node.settings.peer_timeout * 1000)
    entries = outbox.claim_old(node.name, patience_ms) if is_retry else []
    for entry in entries + outbox.claim_new(node.name):
        if entry.message.to not in unreachable and _is_settled(node, entry, unreachable):
            outbox.remove(entry)
            done += 1
    return done


def deliver_soon(node: Node) -> None:
    """Send what is in the outbox after the current answer is given."""
    node.background(lambda: _drop_count(node))


def _drop_count(node: Node) -> None:
    deliver(node)


def _is_settled(node: Node, entry: Entry, unreachable: set[str]) -> bool:
    """Try one entry; True if it was accepted, or never will be."""
    try:
        _send(node, entry.message)
    except PeerUnavailable as error:
        unreachable.add(entry.message.to)
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
    """Say whether trying again is no use: a stale update, a message nobody understands."""
    if isinstance(message, Update):
        return isinstance(error, Conflict)
    return isinstance(error, BadRequest)


def _is_expired(entry: Entry) -> bool:
    if isinstance(entry.message, Propagation):
        return entry.created_ms < (time.time() - PROPAGATION_LIFE_S) * 1000
    return False
