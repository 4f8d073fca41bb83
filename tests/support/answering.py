"""Gateways that answer whatever a test says, at one port of this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Call:
    """One call; ``target`` is path and query as they came, ``location`` begins the path."""

    method: str
    target: str
    credentials: str | None

    @property
    def location(self) -> str:
        """Whose gateway was called."""
        return self.target.split("/")[1]

    @property
    def function(self) -> str:
        """The function, and a path after it."""
        return urlsplit(self.target).path.partition("/function/")[2]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(urlsplit(self.target).query))


@contextmanager
def answering(answer: Callable[[Call], tuple[int, Any]]) -> Iterator[tuple[str, list[Call]]]:
    """Serve; gives the URL below which each location has its gateway, and the calls as they come.

    ``answer`` gives a status, and text or a document.
    """
    calls: list[Call] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(Call(self.command, self.path, self.headers["Authorization"]))
            status, body = answer(calls[-1])
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET  # noqa: N815  (the name http.server looks for)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", calls
        server.shutdown()
        thread.join()
