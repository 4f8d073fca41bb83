"""One client's request from *begin* to *commit* (docs/protocol.md#a-request)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from edgedb.callers import running_within
from edgedb.delivery import deliver_soon, tick_soon
from edgedb.errors import (
    EdgeError,
    HandlerFailed,
    LoopDetected,
    OutcomeUnknown,
    SessionBusy,
    SessionChanged,
    SessionLost,
    StoreUnavailable,
    Unavailable,
)
from edgedb.homes import gone, whereabouts, with_home
from edgedb.moving.recovery import settle_session
from edgedb.node import Node
from edgedb.replies import kept, replayed
from edgedb.response import Response
from edgedb.room import Place
from edgedb.session import Session
from edgedb.store.requests import Absent, Attempt, Redirect, Replay, RequestStore, Run, Wait
from edgedb.task import Task
from edgedb.waiting import Deadline, now
from edgedb.wire.model import Value

T = TypeVar("T")
Begun = Redirect | Absent | Replay | Run
Outcome = Response | Redirect | Absent

log = logging.getLogger(__name__)

SETTLE_AFTER_S = 0.2  # a live mover activates well within this


def serve(node: Node, task: Task, place: Place) -> Response | Redirect:
    """Run a task where its session is, or say where that is; wait for it in ``place``.

    Raises:
        SessionGone: it is to be the session of a home that does not know it.
        LoopDetected: it is made within a request that has the session.
        Unavailable: it would have to wait, and there is no place.
        SessionBusy: the session was locked, held or arriving for ``EDGE_LOCK_WAIT``.
        IdempotencyMismatch: the key was used with another request.
        SessionLost: the handler ran longer than ``exec_timeout``, or so long that another request
            has the session.
        HandlerFailed: the handler raised; nothing changed.
        OutcomeUnknown: the store was silent at the end; it changed, or not.
        EdgeError: the handler raised it, or the store failed.

    """
    outcome = _at_its_turn(node, task, place)
    if isinstance(outcome, Absent):
        place.take()
        found = whereabouts(node, task.session, task.home)
        if found.location != node.location:
            return found
        outcome = _at_its_turn(node, task, place)  # it may just have come
    if isinstance(outcome, Absent):
        raise gone(task.session, task.home)
    return outcome


def _at_its_turn(node: Node, task: Task, place: Place) -> Outcome:
    deadline = Deadline(node.settings.lock_wait)
    if task.read_only:
        return _read_only(node, task, deadline, place)
    _require_no_loop(node, task)
    with node.turns.turn(task.queue, node.settings.lock_wait, place) as pass_on:
        try:
            return _served(node, task, deadline, place, pass_on)
        except SessionLost:
            return _after_loss(node, task, deadline, place)


def _require_no_loop(node: Node, task: Task) -> None:
    """Refuse what would wait until its own end; a request that nobody has made within asks none."""
    if task.callers and node.store.requests.holder(task.attempt().keys) in task.callers:
        raise LoopDetected(
            f"session {task.session!r} is held by a request that waits for this call: it would "
            "wait for itself; use the session API there, or answer before"
        )


def _has_no_turn() -> None:
    """Pass on what a reader never had."""


def _served(
    node: Node,
    task: Task,
    deadline: Deadline,
    place: Place,
    pass_on: Callable[[], None] = _has_no_turn,
) -> Outcome:
    outcome = _begin(node, task, deadline, place)
    if isinstance(outcome, Run):
        place.leave()
        return _of_session(task, _run(node, task, outcome, pass_on), outcome)
    return _told(outcome, task)


def _told(outcome: Redirect | Absent | Replay, task: Task) -> Outcome:
    """Give what there is to say where nothing runs here, or not again."""
    if not isinstance(outcome, Replay):
        return outcome
    return _of_session(task, replayed(outcome.reply, task.fingerprint), outcome)


def _of_session(task: Task, response: Response, outcome: Run | Replay) -> Response:
    """Let the client know of the session that it exists."""
    return with_home(response, "" if task.node_local else outcome.home)


def _read_only(node: Node, task: Task, deadline: Deadline, place: Place) -> Outcome:
    """Serve a handler that has no effects: it may run again when what it read has changed."""
    for _ in deadline.attempts():
        with suppress(SessionChanged):
            return _served(node, task, deadline, place)
    raise SessionChanged(f"session {task.session!r} changes faster than it can be read")


def _after_loss(node: Node, task: Task, deadline: Deadline, place: Place) -> Outcome:
    """Find out by its key whether somebody else's commit was that of the same request."""
    outcome = _begin(node, task, deadline, place) if task.idempotency_key else None
    if isinstance(outcome, Redirect | Replay):
        return _told(outcome, task)
    if isinstance(outcome, Run):
        node.store.requests.release(outcome)
    raise SessionLost("the request lost its session; repeat it with an Idempotency-Key")


def _begin(node: Node, task: Task, deadline: Deadline, place: Place) -> Begun:
    """Begin, or give up and leave the queue for the session."""
    attempt = task.attempt()
    try:
        return _begun(node, task, attempt, deadline, place)
    except StoreUnavailable:
        raise  # it would not answer either; the ticket runs out
    except Unavailable:
        node.store.requests.release(attempt)
        raise


def _begun(node: Node, task: Task, attempt: Attempt, deadline: Deadline, place: Place) -> Begun:
    """Begin; while the session is locked, held or arriving, try again in short pauses."""
    patience, reason = Deadline(SETTLE_AFTER_S), ""
    for _ in deadline.attempts():
        outcome = node.store.requests.begin(attempt)
        if not isinstance(outcome, Wait):
            return outcome
        place.take()
        reason = outcome.reason
        if reason == "arriving" and patience.is_over:
            node.once(f"settling-{task.session}", lambda: _settle(node, task.session))
            patience = Deadline(SETTLE_AFTER_S)
    raise SessionBusy(f"session {task.session!r} is {reason}; try again")


def _settle(node: Node, session: str) -> None:
    """Settle a session's arrival, beside all who wait for it, however long its source takes."""
    try:
        settle_session(node, session)
    except EdgeError as error:
        log.warning("session %r is still arriving: %s", session, error)


class _Reader:
    """Reads a large session key by key; remembers that a read came too late.

    A handler may catch the error, its answer must not be given all the same.
    """

    def __init__(self, store: RequestStore, run: Run) -> None:
        self._store = store
        self._run = run
        self.is_late = False

    def scalar(self, key: str) -> Value | None:
        return self._noting(self._store.scalar, key)

    def elements(self, key: str) -> tuple[Value, ...]:
        return self._noting(self._store.elements, key)

    def _noting(self, read: Callable[[Run, str], T], key: str) -> T:
        try:
            return read(self._run, key)
        except SessionChanged:
            self.is_late = True
            raise


def _run(node: Node, task: Task, run: Run, pass_on: Callable[[], None]) -> Response:
    reader = _Reader(node.store.requests, run)
    session = Session(run.snapshot, reader, read_only=task.read_only)
    if task.read_only:
        return _handled(task, run, session, reader)
    until = Deadline(node.settings.exec_timeout, task.began)
    try:
        with node.lock_keeper.keeping(run, until, pass_on):
            response = _handled(task, run, session, reader)
        _require_in_time(task, until)
        _commit(node, task, run, session, response)
    except (StoreUnavailable, OutcomeUnknown):
        # not inline: the client has waited long enough; if it cannot be, the lock runs out
        node.background(lambda: node.store.requests.release(run))
        raise
    except BaseException:
        node.store.requests.release(run)
        raise
    return response


def _require_in_time(task: Task, until: Deadline) -> None:
    """Refuse an answer that nobody waits for: its client has been told that it got none."""
    if until.is_over:
        seconds = now() - task.began
        log.error("the handler of %s took %.1f s: nothing is written", task.function, seconds)
        raise SessionLost("the handler took longer than exec_timeout; nothing was written")


def _handled(task: Task, run: Run, session: Session, reader: _Reader) -> Response:
    """Run the handler; the log says what its author did wrong, the client no more than that."""
    try:
        with running_within(task.callers, run.lock):
            response = task.handle(session)
    except EdgeError as error:
        if error.status == HandlerFailed.status:
            _log_failure(task, error)
        raise
    except BaseException as error:
        _log_failure(task, error)
        raise HandlerFailed("the function failed; its log has the reason") from error
    if reader.is_late:
        raise SessionChanged("the session changed while it was read")
    return response


def _log_failure(task: Task, error: BaseException) -> None:
    kind = type(error).__name__
    log.error("the handler of %s failed: %s: %s", task.function, kind, error, exc_info=error)


def _commit(node: Node, task: Task, run: Run, session: Session, response: Response) -> None:
    changes = session.changes()
    reply = kept(response, task.fingerprint) if task.idempotency_key else b""
    is_heavy = node.store.requests.commit(run, changes, task.idempotency_key, reply)
    if is_heavy:
        tick_soon(node)
    if changes.propagations:
        deliver_soon(node)
