"""Two helpers around a session's lock: a queue inside the process, and its renewal."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgedb.errors import SessionBusy
from edgedb.store.requests import Run

log = logging.getLogger(__name__)


class Turns:
    """Lets the requests of one process for the same session run in the order they came."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queues: dict[str, deque[threading.Event]] = {}

    @contextmanager
    def turn(self, session: str, wait_s: float) -> Iterator[None]:
        """Wait for the turn at a session; raises SessionBusy after ``wait_s`` seconds."""
        mine = threading.Event()
        with self._guard:
            queue = self._queues.setdefault(session, deque())
            queue.append(mine)
            if queue[0] is mine:
                mine.set()
        try:
            if not mine.wait(wait_s):
                raise SessionBusy(f"session {session!r} is busy; try again")
            yield
        finally:
            self._leave(session, mine)

    def _leave(self, session: str, mine: threading.Event) -> None:
        with self._guard:
            queue = self._queues[session]
            queue.remove(mine)
            if queue:
                queue[0].set()
            else:
                del self._queues[session]


class LockKeeper:
    """Renews the locks of requests that run longer than a third of a lock's life.

    A lock is short-lived so that a dead process blocks its sessions only for seconds; one
    thread of a live process sees to it that long requests keep theirs.
    """

    def __init__(self, renew: Callable[[Run], bool], lock_ttl: float) -> None:
        self._renew = renew
        self._interval = lock_ttl / 3
        self._running: dict[str, tuple[Run, float]] = {}
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, run: Run) -> Iterator[None]:
        """Keep the lock of ``run`` while the block runs."""
        with self._wake:
            self._running[run.lock] = (run, time.monotonic())
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
            elif len(self._running) == 1:
                self._wake.notify()
        try:
            yield
        finally:
            with self._wake:
                del self._running[run.lock]

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._running)
                self._wake.wait(self._interval)
                due = time.monotonic() - self._interval
                old = [run for run, since in self._running.values() if since <= due]
            for run in old:
                self._renew_one(run)

    def _renew_one(self, run: Run) -> None:
        try:
            if not self._renew(run):
                log.warning("the lock of session %r is lost", run.token.session)
        except Exception:  # this thread keeps every lock of the process
            log.exception("the lock of session %r could not be renewed", run.token.session)
