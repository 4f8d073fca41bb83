"""A raw socket that is kept open, and as much of HTTP as the clients need."""

from __future__ import annotations

import re
import socket

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_TIMEOUT_S = 60.0

Address = tuple[str, int]


class Connection:
    """One open connection to a gateway and the answer that is coming in on it."""

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection(address, timeout=_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def receive(self) -> tuple[int, bytes, bytes] | None:
        """Give status, head and body once they are all here; raise OSError if they will not be."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the gateway closed the connection")
        self._received += piece
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or not _is_whole(head, body):
            return None
        self._received = b""
        return int(head[9:12]), head, body


def _is_whole(head: bytes, body: bytes) -> bool:
    if length := _LENGTH.search(head):
        return len(body) >= int(length[1])
    return not _CHUNKED.search(head) or body.endswith(b"0\r\n\r\n")
