"""Gateways that are real servers, each call of which a test answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Start = Callable[..., "Place"]


class Call(BaseHTTPRequestHandler):
    """One HTTP request; the place's next reaction answers it."""

    protocol_version = "HTTP/1.1"
    server: Place

    def do_POST(self) -> None:
        """Read the body, as a function does before it acts; then react."""
        self.body = self._read()
        _, _, place = self.path.partition("/function/test-function/gateway?location=")
        if place:
            gateway = f"http://{place.replace('%3A', ':')}"
            return self.answer(200, json.dumps({"location": place, "gateway": gateway}).encode())
        self.server.calls.append(self)
        reactions = self.server.reactions
        return (reactions.pop(0) if len(reactions) > 1 else reactions[0])(self)

    do_GET = do_PUT = do_HEAD = do_POST  # noqa: N815 - the names that http.server calls

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size + 2)[:-2])
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


class Place(ThreadingHTTPServer):
    """A gateway on a free port; the last reaction goes on. Its location is named by its address."""

    daemon_threads = True

    def __init__(self, *reactions: Callable[[Call], None], host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Call)
        self.reactions = list(reactions)
        self.calls: list[Call] = []
        self.location = f"{host}:{self.server_port}"
        self.url = f"http://{self.location}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def keys(self) -> list[str]:
        return [call.headers["Idempotency-Key"] for call in self.calls]

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


@contextmanager
def places() -> Iterator[Start]:
    """Give a function that starts a place; all are stopped in the end."""
    with ExitStack() as started:

        def start(*reactions: Callable[[Call], None], **options: str) -> Place:
            place = Place(*reactions, **options)
            started.callback(place.stop)
            return place

        yield start


def done(call: Call) -> None:
    call.answer(200, b"done")


def to(place: Place) -> Callable[[Call], None]:
    """Redirect as a node does."""
    return lambda call: call.answer(
        307, Location=place.url + call.path, X_session_location=place.location
    )
