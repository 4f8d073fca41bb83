"""Ports of this machine, taken so that nobody else gets them in between."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024


def listen(port: int) -> socket.socket:
    """Give a socket that listens on the port, 0 for any; raise OSError if it is taken."""
    listener = _new_socket()
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def listen_on_first_free(ports: Iterable[int]) -> socket.socket:
    """Listen on the first of the ports that is free, or on any."""
    for port in ports:
        with contextlib.suppress(OSError):
            return listen(port)
    return listen(0)


def reserve(preferred: int = 0) -> socket.socket:
    """Hold a free port, ``preferred`` if possible, for a process that will listen on it.

    The socket is bound but does not listen: while it is open the system gives the port to nobody
    who asks for any free one, yet a process that names the port (with ``SO_REUSEADDR``, as servers
    do) can take it over, again and again.
    """
    reservation = _new_socket()
    reservation.bind((LOOPBACK, preferred if preferred and _is_free(preferred) else 0))
    return reservation


def _is_free(port: int) -> bool:
    """Tell whether nobody listens there; a bound socket alone would not be noticed by binding."""
    try:
        listen(port).close()
    except OSError:
        return False
    return True


def port_of(taken: socket.socket) -> int:
    """Give the port that a socket is bound to."""
    port: int = taken.getsockname()[1]
    return port


def _new_socket() -> socket.socket:
    created = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return created
