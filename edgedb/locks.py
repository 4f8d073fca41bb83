"""Two helpers around a session's lock: a queue inside the process, and its renewal, for a time."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial

from edgedb.errors import EdgeError, OutcomeUnknown, SessionBusy, StoreUnavailable
from edgedb.room import Place
from edgedb.store.requests import Run
from edgedb.waiting import Deadline

log = logging.getLogger(__name__)

BEFORE = (
    "the node's Redis failed a request before this one; nothing of this has happened, try again"
)


@dataclass(eq=False, slots=True)
class _Waiter:
    """One request in a queue; ``called`` is None for one that has not had to wait.

    ``failure`` is what the request before it has met: this one has not run.
    """

    called: threading.Event | None = None
    failure: EdgeError | None = None

    def wait(self, wait_s: float) -> None:
        """Return when the turn has come."""
        if self.called is not None and not self.called.wait(wait_s):
            raise SessionBusy("the session is busy; try again")
        if self.failure is not None:
            raise StoreUnavailable(BEFORE) from self.failure

    def call(self) -> None:
        """Say that the turn has come, or never will."""
        if self.called is not None:
            self.called.set()


class Turns:
    """Lets the requests of one process for the same session run in the order they came.

    If the store fails one of them, it fails those that wait behind it too: each would wait for
    the store's timeout, one after the other.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.queues: dict[Hashable, deque[_Waiter]] = {}
        """The requests of each session that has any; the first one runs."""

    @contextmanager
    def turn(self, session: Hashable, wait_s: float, place: Place) -> Iterator[Callable[[], None]]:
        """Wait for the turn at a session, in a place of the waiting room.

        Gives what passes it on before its end.

        Raises:
            Unavailable: there is no place.
            SessionBusy: it did not come within ``wait_s`` seconds.
            StoreUnavailable: the store failed the request before this one.

        """
        mine = _Waiter()
        with self._guard:
            queue = self.queues.setdefault(session, deque())
            if queue:
                place.take()
                mine.called = threading.Event()
            queue.append(mine)
        try:
            mine.wait(wait_s)
            yield partial(self._leave, session, mine)
        except (StoreUnavailable, OutcomeUnknown) as error:
            self._fail_all(session, error)
            raise
        finally:
            self._leave(session, mine)

    def _fail_all(self, session: Hashable, failure: EdgeError) -> None:
        with self._guard:
            for waiter in self.queues.get(session, ()):
                waiter.failure = failure
                waiter.call()

    def _leave(self, session: Hashable, mine: _Waiter) -> None:
        with self._guard:
            queue = self.queues.get(session, deque())
            if mine not in queue:  # it has passed its turn on
                return
            queue.remove(mine)
            if queue:
                queue[0].call()
            else:
                del self.queues[session]


@dataclass(frozen=True)
class _Kept:
    """A running request whose lock is kept; ``since`` is a monotonic time."""

    run: Run
    until: Deadline
    pass_on: Callable[[], None]
    since: float = field(default_factory=time.monotonic)
    thread: int = field(default_factory=threading.get_ident)
    context: Context = field(default_factory=copy_context)

    def standing(self) -> str:
        """Say where its handler is."""
        return "".join(traceback.format_stack(sys._current_frames().get(self.thread)))


class LockKeeper:
    """Renews the locks of requests that run longer than a third of a lock's life.

    A lock is short-lived so that a dead process blocks its sessions only for seconds; one
    thread of a live process sees to it that long requests keep theirs. A request whose time is
    over is given up, whatever its handler does: the lock runs out, and others go on.
    """

    def __init__(self, renew: Callable[[Run], bool], lock_ttl: float, function: str) -> None:
        self._renew = renew
        self._interval = lock_ttl / 3
        self._function = function
        self._running: dict[str, _Kept] = {}
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, run: Run, until: Deadline, pass_on: Callable[[], None]) -> Iterator[None]:
        """Keep the lock of ``run`` while the block runs, or ``until`` its time is over.

        Then its turn is passed on.
        """
        with self._guard:
            self._running[run.lock] = _Kept(run, until, pass_on)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            self._forget(run)

    def _forget(self, run: Run) -> bool:
        """Keep the lock no more; gives False if it was not kept."""
        with self._guard:
            return self._running.pop(run.lock, None) is not None

    def _work(self) -> None:
        while True:
            time.sleep(self._interval)
            due = time.monotonic() - self._interval
            with self._guard:
                if not self._running:  # the next request begins another thread
                    self._thread = None
                    return
                old = [kept for kept in self._running.values() if kept.since <= due]
            for kept in old:
                if not kept.until.is_over:
                    self._renew_one(kept.run)
                elif self._forget(kept.run):
                    self._give_up(kept)

    def _renew_one(self, run: Run) -> None:
        try:
            if not self._renew(run):
                log.warning("the lock of session %r is lost", run.token.session)
        except Exception:  # this thread keeps every lock of the process
            log.exception("the lock of session %r could not be renewed", run.token.session)

    def _give_up(self, kept: _Kept) -> None:
        kept.pass_on()
        kept.context.run(
            log.error,
            "the handler of %s is given up: it has had session %r for %.0f s, and stands at\n%s",
            self._function,
            kept.run.token.session,
            time.monotonic() - kept.since,
            kept.standing(),
        )
