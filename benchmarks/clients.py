"""The clients: one process, one thread, raw sockets kept open.

``python -m benchmarks.clients`` reads one line of JSON, the :class:`Plan`. Every client then makes
one request by itself; ``running`` is printed, and all of them send one request after the other
until the time is over or standard input is closed. The last line is JSON again: what they saw.

It does as little as a client can, with the standard library alone, so that the two processors are
left to what is measured; the share it took is part of its report. Times are those of the machine's
monotonic clock, which all processes share.
"""

from __future__ import annotations

import heapq
import json
import random
import re
import secrets
import selectors
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from benchmarks.connection import Address, Connection
from benchmarks.plan import Plan, Reply

_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *http://([^:/]+):(\d+)", re.IGNORECASE)
_MOST_ERRORS = 100
_TIMEOUT_S = 60.0
_LONGEST_S = 24 * 3600.0


class Client:
    """One client: one request at a time."""

    def __init__(self, number: int, plan: Plan, crowd: Crowd) -> None:
        self._number = number
        self.plan = plan
        self._crowd = crowd
        self._connections: dict[Address, Connection] = {}
        self._home = self._at = (plan.host, plan.port)
        self._sessions = 0
        self._has_moved = False
        self._renew()

    def _renew(self) -> None:
        name = [self.plan.session, *self.plan.others][self._sessions if self.plan.others else 0]
        if self.plan.renew_after:
            name = f"{name}-{self._crowd.name}-{self._sessions}"
        self._sessions += 1
        headers = "".join(f"{line}\r\n" for line in self.plan.headers)
        self._request = (
            f"POST /function/{self.plan.function} HTTP/1.1\r\nHost: {self.plan.host}\r\n"
            f"{headers}X-session: {name}\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
            "bread"
        ).encode()
        self._sent = 0
        is_new = self.plan.renew_after or self.plan.pace_s
        self._expected: int | None = 0 if is_new else None
        self._at = self._home
        self._has_moved = False

    def connect(self) -> None:
        """Open the connections that it has from before."""
        for host, port in self.plan.knows:
            self._connect((host, port))

    def begin(self) -> None:
        """Send the next request."""
        if self.plan.renew_after and self._sent >= self.plan.renew_after:
            self._renew()
        if self._has_moved and self._sessions <= len(self.plan.others):
            self._renew()
        if not self.plan.remembers:
            self._at = self._home
        self._sent += 1
        self._redirects = 0
        self._began = time.monotonic()
        self._send()

    def _send(self) -> None:
        try:
            if self._at not in self._connections:
                self._connect(self._at)
            self._connections[self._at].socket.sendall(self._request)
        except OSError as error:
            self._fail(f"{type(error).__name__}: {error}")

    def _connect(self, address: Address) -> None:
        self._connections[address] = Connection(address)
        self._crowd.watch(self, self._connections[address])

    def receive(self, connection: Connection) -> None:
        """Take what has come in; send the next request if the answer is whole."""
        try:
            answer = connection.receive()
        except OSError as error:
            is_awaited = self._connections.get(self._at) is connection
            self._drop(connection)
            if is_awaited:
                self._fail(f"{type(error).__name__}: {error}")
            return
        if answer is not None:
            self._take(*answer)

    def _take(self, status: int, head: bytes, body: bytes) -> None:
        if status == 307 and self.plan.follows:
            self._follow(head)
        elif status == 503 and self.plan.obeys and (pause := _RETRY_AFTER.search(head)):
            self._note(is_refused=True)
            wait_s = int(pause[1]) * random.uniform(1, 2)
            self._crowd.wake(self, time.monotonic() + wait_s)
        elif status not in {200, 307}:
            self._fail(f"{status}: {body[:200].decode(errors='replace')}")
        elif self.plan.counts and self._expected not in {None, int(body)}:
            self._fail(f"lost: {self._expected} was acknowledged, the session has {int(body)}")
        else:
            self._note(is_refused=False)
            self._expected = int(body) + 1 if self.plan.counts else None
            # one write more, which shows whether those before the move are there
            self._has_moved = self._at != self._home and not self._redirects
            self._go_on_in_time()

    def _note(self, *, is_refused: bool) -> None:
        seconds = time.monotonic() - self._began
        self._crowd.note(
            Reply(
                *(self._number, self._began, seconds, self._redirects, is_refused, self._sessions)
            )
        )

    def _follow(self, head: bytes) -> None:
        target = _LOCATION.search(head)
        self._redirects += 1
        if target is None or self._redirects > 10:
            self._fail("redirected without end")
            return
        self._at = (target[1].decode(), int(target[2]))
        self._send()

    def _go_on_in_time(self) -> None:
        """Send the next request, at the client's own pace if it has one."""
        if self.plan.pace_s and self._crowd.is_open:
            self._crowd.wake(self, self._began + self.plan.pace_s)
        else:
            self.go_on()

    def arrive(self) -> None:
        """Send the first request of those that are measured."""
        if self.plan.pace_s:
            self._crowd.wake(self, time.monotonic() + self.plan.pace_s * random.random())
        else:
            self.begin()

    def _fail(self, error: str) -> None:
        """Note an error; what the session holds now is not known."""
        self._expected = None
        if self._crowd.fail(f"client {self._number}: {error}") < _MOST_ERRORS:
            self.go_on()
        else:
            self._crowd.done()

    def go_on(self) -> None:
        """Send the next request, unless there is none any more."""
        if self._crowd.is_open:
            self.begin()
        else:
            self._crowd.done()

    def _drop(self, connection: Connection) -> None:
        self._crowd.forget(connection)
        self._connections = {a: c for a, c in self._connections.items() if c is not connection}
        connection.socket.close()


class Crowd:
    """All clients of this process."""

    def __init__(self, plans: list[Plan]) -> None:
        self.name = secrets.token_hex(4)  # for sessions that no other crowd has
        self._selector = selectors.DefaultSelector()
        self._clients = [Client(number, plan, self) for number, plan in enumerate(plans)]
        self._waiting: list[tuple[float, int, Client]] = []
        self._busy = 0
        self.is_open = False
        self.replies: list[Reply] = []
        self.errors: list[str] = []

    def introduce(self) -> None:
        """Let every client make one request: connections and sessions are there after it."""
        for client in self._clients:
            client.connect()
            if client.plan.obeys or client.plan.pace_s:
                continue
            self._busy = 1
            client.begin()
            self._serve(until=time.monotonic() + _TIMEOUT_S)
        self.replies.clear()

    def run(self, seconds: float) -> None:
        """Let all of them send until the time is over or standard input is closed."""
        self.is_open, self._busy = True, len(self._clients)
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        for client in self._clients:
            client.arrive()
        self._serve(until=time.monotonic() + seconds, closing=True)
        self.is_open = False
        self._wake_all(time.monotonic() + _LONGEST_S)
        self._serve(until=time.monotonic() + _TIMEOUT_S)
        if self._busy:
            self.errors.append(f"{self._busy} clients got no answer")

    def _serve(self, *, until: float, closing: bool = False) -> None:
        while self._busy and (left := until - time.monotonic()) > 0:
            next_s = self._waiting[0][0] - time.monotonic() if self._waiting else left
            for key, _ in self._selector.select(max(0, min(left, next_s))):
                if key.data is None:
                    self._selector.unregister(key.fileobj)
                    if closing:
                        return
                else:
                    client, connection = key.data
                    client.receive(connection)
            self._wake_all()

    def wake(self, client: Client, at: float) -> None:
        """Let a client go on at a time."""
        heapq.heappush(self._waiting, (at, id(client), client))

    def _wake_all(self, until: float = 0) -> None:
        """Let those go on whose time has come, or will have by then."""
        while self._waiting and self._waiting[0][0] <= max(until, time.monotonic()):
            heapq.heappop(self._waiting)[2].go_on()

    def watch(self, client: Client, connection: Connection) -> None:
        """Tell the client when something comes in on the connection."""
        self._selector.register(connection.socket, selectors.EVENT_READ, (client, connection))

    def forget(self, connection: Connection) -> None:
        """Undo :meth:`watch`."""
        self._selector.unregister(connection.socket)

    def note(self, reply: Reply) -> None:
        """Keep an acknowledged request."""
        self.replies.append(reply)

    def fail(self, error: str) -> int:
        """Keep an error; give how many there are."""
        self.errors.append(error)
        return len(self.errors)

    def done(self) -> None:
        """Count a client that sends no more."""
        self._busy -= 1

    def report(self) -> Iterator[tuple[str, Any]]:
        """Give what they saw."""
        yield "replies", [list(asdict(reply).values()) for reply in self.replies]
        yield "errors", self.errors


def main() -> None:
    """Do what the first line of standard input says."""
    document = json.loads(sys.stdin.readline())
    crowd = Crowd([Plan(**plan) for plan in document["clients"]])
    crowd.introduce()
    print("running", flush=True)
    began, cpu = time.monotonic(), time.process_time()
    crowd.run(document["seconds"] or _LONGEST_S)
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu
    report = {
        "began": began,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        **dict(crowd.report()),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
