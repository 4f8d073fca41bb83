"""Puts this node's credential to a call (docs/security.md#credentials)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgedb.peers import credentials
from edgedb.peers.keys import Keyring
from edgedb.peers.transport import PeerRequest


def signed(keys: Keyring, request: PeerRequest) -> Iterator[PeerRequest]:
    """Give a call with its credential; and again, for who does not know that key.

    The keys are those that there are by then: during a rotation another node may have the new
    one before this one has it, or after.
    """
    call, tried = _call_of(request), set[bytes]()
    while left := [key for key in keys.to(request.location) if key not in tried]:
        tried.add(left[0])
        authorization = credentials.issue(left[0], keys.location, call)
        yield replace(request, headers={**request.headers, "Authorization": authorization})
    if not tried:
        yield request


def _call_of(request: PeerRequest) -> credentials.Call:
    path, query = f"/function/{request.function}", request.query_string.encode()
    meant = credentials.signed_of(request.headers)
    return credentials.Call(request.method, path, query, request.body, meant)
