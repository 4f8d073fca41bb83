"""The source's half of a move: it serves until it is frozen, and then sends the difference."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from edgedb.errors import SessionBusy
from edgedb.node import Node
from edgedb.store.source import Frozen
from edgedb.waiting import Deadline
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import Cursor, SessionPacket

POLL_S = 0.002  # at most: new requests wait meanwhile


def freeze(
    node: Node, token: SessionToken, transfer: str, since: int, *, is_final: bool
) -> SessionPacket:
    """Stop serving once the running request has ended; gives what is new since a version.

    Without a grant, and still serving, where that is too much to be sent meanwhile; unless
    ``is_final``.

    Raises:
        SessionBusy: the running request took too long, or another transfer has frozen it.
        NotFound, NotResident, Conflict: as :meth:`~edgedb.store.source.SourceStore.freeze`.

    """
    read = partial(node.store.source.page, token.session, Cursor(since, since, since))
    packet = read()
    if not is_final and (packet.restart or packet.next is not None):
        return packet
    frozen = _frozen(node, token, transfer)
    if packet.version != frozen.version:
        packet = read()
    return replace(packet, grant=frozen.grant)


def _frozen(node: Node, token: SessionToken, transfer: str) -> Frozen:
    for _ in Deadline(node.settings.lock_wait).attempts(POLL_S):
        frozen = node.store.source.freeze(token.session, transfer, token.epoch)
        if frozen is not None:
            return frozen
    raise SessionBusy(f"session {token.session!r} is still running a request")
