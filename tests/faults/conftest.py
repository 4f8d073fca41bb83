"""Links, and a server behind one of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faults.links import Links


class Echo:
    """A server that sends back what it gets, and remembers it."""

    def __init__(self) -> None:
        self.got = b""
        self.ended = threading.Event()
        """A connection is over, however it ended."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while piece := connection.recv(65536):
                self.got += piece
                connection.sendall(piece)
        self.ended.set()


@pytest.fixture
def links() -> Iterator[Links]:
    with Links() as opened:
        yield opened


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    with server.listener:
        yield server
        server.listener.shutdown(socket.SHUT_RDWR)
