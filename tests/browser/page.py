"""A real browser, driven over HTTP by the page that it shows: no driver, no protocol of its own.

The page asks its server what to do next, does it, and says what came of it.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BINARIES = ("chromium", "chromium-browser", "google-chrome")
PAGE = Path(__file__).with_name("page.html")
PATIENCE = 60.0  # seconds, of a browser that starts on a busy machine
OPTIONS = (
    "--headless",
    "--no-sandbox",  # root has no other way
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


class PageFailed(Exception):
    """What the page was to do raised an error there."""


def binary() -> str:
    """Give a browser from the PATH; it is an error if there is none."""
    for name in BINARIES:
        if found := shutil.which(name):
            return found
    names = ", ".join(BINARIES)
    raise FileNotFoundError(
        f"no browser on the PATH ({names}); on Debian and Ubuntu: apt-get install chromium"
    )


class Page:
    """A page of an origin of its own, at a name of this machine."""

    def __init__(self, host: str) -> None:
        self._orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self._results: queue.Queue[dict[str, Any]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.origin = f"http://{host}:{self._server.server_port}"

    def run(self, script: str, **given: Any) -> Any:
        """Run the body of an async function in the page; give what it returns.

        Raises:
            PageFailed: it raised.

        """
        self._orders.put({"script": script, "given": given})
        result = self._results.get(timeout=PATIENCE)
        if "error" in result:
            raise PageFailed(result["error"])
        return result["value"]

    @contextmanager
    def shown(self, folder: Path) -> Iterator[None]:
        """Serve the page and show it in a browser, whose profile and log are in ``folder``."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        command = [binary(), *OPTIONS, f"--user-data-dir={folder / 'profile'}", self.origin]
        with (folder / "browser.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)
            self._server.shutdown()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/order":
                    self._answer(json.dumps(page._orders.get()).encode(), "application/json")
                else:
                    self._answer(PAGE.read_bytes(), "text/html")

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                page._results.put(json.loads(self.rfile.read(length)))
                self._answer(b"", "text/plain")

            def _answer(self, body: bytes, content_type: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
