"""Calls a function that may be asleep: after a node's reboot it has no process until it is called.

The platform answers the first calls itself. It would be wrong to take that for the outcome of a
call that nobody has seen, and as wrong to repeat one that is at work.
"""

from __future__ import annotations

import time

from edgedb.peers.transport import PeerRequest, PeerResponse, Transport
from edgedb.wire import openfaas


def sent(transport: Transport, request: PeerRequest, timeout: float) -> PeerResponse:
    """Send a call; wake the function and send it once more if no process of it has the call.

    Both times together take at most ``timeout`` seconds; raises PeerUnavailable. An answer that
    took longer than a start does may be of something that ran: it is given as it is.
    """
    began = time.monotonic()

    def left(of_s: float = timeout) -> float:
        return began + of_s - time.monotonic()

    response = transport.send(request, timeout)
    if not _is_asleep(response):
        return response
    function = request.function + openfaas.READINESS
    readiness = PeerRequest("GET", request.location, request.gateway, function)
    is_awake = openfaas.wakes(
        lambda: _is_asleep(transport.send(readiness, left())),
        left(min(timeout, openfaas.WAKING_S)),
    )
    return transport.send(request, left()) if is_awake else response


def _is_asleep(response: PeerResponse) -> bool:
    return openfaas.is_asleep(response.status, response.content_type, response.body)
