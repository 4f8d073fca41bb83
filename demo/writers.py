"""Clients that write into one session without pause, and what became of their writes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import requests

from demo.report import Report, seconds
from demo.tree import Tree

_CALL_S = 60.0

Send = Callable[[str], requests.Response]
"""Adds one product to the cart of a session and gives the answer."""


def plain_client(tree: Tree, session: str) -> Send:
    """Give a client that follows 307 and does nothing else: every error shows."""
    connection = requests.Session()
    connection.headers["X-session"] = session
    url = tree.url("edge-a", "shopping-cart", "?product=")
    return lambda product: connection.post(url + product, timeout=_CALL_S)


def careful_client(tree: Tree, session: str) -> Send:
    """Give an ``EdgeSession``, which repeats what got lost under the same idempotency key."""
    client = tree.client(session)
    return lambda product: client.post(f"/function/shopping-cart?product={product}")


@dataclass
class Writers:
    """What some clients have written; ``slowest_s`` is the longest any of them waited."""

    acknowledged: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0

    @property
    def per_second(self) -> float:
        """Acknowledged writes a second."""
        return len(self.acknowledged) / (self.ended - self.began)

    def write(self, name: str, send: Send, stopped: Event) -> None:
        """Write ``name-0``, ``name-1``, ... until stopped, going on after an error."""
        number = 0
        while not stopped.is_set():
            self._write_one(f"{name}-{number}", send)
            number += 1

    def _write_one(self, product: str, send: Send) -> None:
        began = time.monotonic()
        try:
            answer = send(product)
        except requests.RequestException as error:
            self.errors.append(f"{product}: {error}")
            return
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        if answer.status_code == requests.codes.ok:
            self.acknowledged.append(product)
        else:
            self.errors.append(f"{product}: {answer.status_code} {answer.text[:200]}")


@contextmanager
def writing(clients: list[Send]) -> Iterator[Writers]:
    """Let clients write while the block runs."""
    writers, stopped = Writers(), Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        running = [
            pool.submit(writers.write, f"client{number}", client, stopped)
            for number, client in enumerate(clients)
        ]
        try:
            yield writers
        finally:
            stopped.set()
    writers.ended = time.monotonic()
    for each in running:
        each.result()


def check_writes(tree: Tree, report: Report, session: str, writers: Writers) -> None:
    """Compare what was acknowledged with what is in the cart."""
    with tree.client(session) as client:
        products = client.get("/function/shopping-cart").json()["products"]
    lost = sorted(set(writers.acknowledged) - set(products))
    doubled = [product for product, count in Counter(products).items() if count > 1]
    told = f"{writers.per_second:.0f} a second, the slowest {seconds(writers.slowest_s)}"
    report.check(f"{len(writers.acknowledged)} writes: {told}", holds=True)
    report.check("errors seen by clients: 0", not writers.errors, found=writers.errors[:5])
    report.check("writes lost: 0", not lost, found=lost[:20])
    report.check("writes doubled: 0", not doubled, found=doubled[:20])
