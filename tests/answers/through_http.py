"""A tree's functions behind the template's own server, and a client that stays connected."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.hostile.application import node_application, template
from tests.support.tree import Tree

PATIENCE_S = 20


@dataclass(frozen=True)
class Seen:
    """What a client saw: header names in small letters."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Give all values of a header."""
        return [value for given, value in self.headers if given == name]


class Client:
    """One connection; each call begins where the answer before it ended."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def call(self, target: str, method: str = "GET", **headers: str) -> Seen:
        """Make one call."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, target, headers=named)
        answer = self._connection.getresponse()
        pairs = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Seen(answer.status, pairs, answer.read())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@contextmanager
def served(tree: Tree, location: str) -> Iterator[int]:
    """Serve a location's functions under ``/function/``; gives the port."""
    server = template().server
    sockets: dict[int, Any] = {}
    limits = server.Limits(port=0, threads=2, max_body=1_000_000, grace=0, drain=1)
    listener = server._listen(node_application(tree, location), limits, sockets)
    stopping = threading.Event()
    thread = threading.Thread(target=_until(stopping, lambda: server._turn(sockets)))
    thread.start()
    try:
        yield int(listener.effective_port)
    finally:
        stopping.set()
        listener.pull_trigger()
        thread.join(PATIENCE_S)
        listener.task_dispatcher.shutdown()
        server.wasyncore.close_all(sockets)


def _until(stopping: threading.Event, turn: Callable[[], None]) -> Callable[[], None]:
    def work() -> None:
        while not stopping.is_set():
            turn()

    return work
