"""Calls a function that may be asleep: after a node's reboot it has no process until it is called.

The platform answers the first calls itself. It would be wrong to take that for the outcome of a
call that nobody has seen, and as wrong to repeat one that is at work.
"""

from __future__ import annotations

import time

from edgedb.peers.transport import PeerRequest, PeerResponse, Transport
from edgedb.wire.platform import is_asleep

WAKING_S = 5.0
"""What a start is given; it takes two seconds. An answer that took longer is not of one."""

_POLL_S = 0.1


def sent(transport: Transport, request: PeerRequest, timeout: float) -> PeerResponse:
    """Send a call; wake the function and send it once more if no process of it has the call.

    Both times together take at most ``timeout`` seconds; raises PeerUnavailable.
    """
    began = time.monotonic()
    response = transport.send(request, timeout)
    if _is_asleep(response) and _wakes(transport, request, began + min(timeout, WAKING_S)):
        return transport.send(request, began + timeout - time.monotonic())
    return response


def _wakes(transport: Transport, request: PeerRequest, deadline: float) -> bool:
    """Ask for the function's readiness until itself answers, whatever it says."""
    readiness = PeerRequest("GET", request.location, request.gateway, f"{request.function}/_/ready")
    while (left := deadline - time.monotonic()) > 0:
        if not _is_asleep(transport.send(readiness, left)):
            return True
        time.sleep(_POLL_S)
    return False


def _is_asleep(response: PeerResponse) -> bool:
    return is_asleep(response.status, response.content_type, response.body)
