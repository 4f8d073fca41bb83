"""Who write and read while everything breaks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator

import requests

from edgedb.client import EdgeSession
from edgedb.wire.headers import IDEMPOTENCY_KEY
from tests.faults.place import Place
from tests.faults.record import WRITES, Record, Seen
from tests.faults.script import Call, Subject
from tests.linearizability.history import Kind

PATIENCE_S = 25.0
"""How long a client repeats a call before it gives up: then its outcome is unknown."""

ATTEMPTS, ATTEMPT_TIMEOUT_S = 4, 6.0
"""Those that EdgeSession makes by itself, and seconds for each."""

HASTY_ATTEMPTS, HASTY_TIMEOUT_S = 1, 1.0
"""The same for a call that is not patient: it is given up when there is no answer at once."""
REMEMBERED = 12
"""Acknowledged writes of a client that may be sent again; the oldest is, so sessions move on."""

OPERATIONS = {
    Kind.WRITE: ("POST", "write"),
    Kind.APPEND: ("POST", "append"),
    Kind.READ: ("GET", "read"),
    Kind.LIST: ("GET", "list"),
}

PASSING = {"OutcomeUnknown", "SessionBusy", "StoreUnavailable", "SessionLost", "SessionChanged"}
"""Problems that faults explain; the call is repeated."""


class Client:
    """One client; its calls come one after the other, each repeated until its outcome is known."""

    def __init__(self, place: Place, record: Record) -> None:
        self._place = place
        self._record = record
        self._sessions = dict[tuple[str, bool], EdgeSession]()
        self._done = deque[Seen](maxlen=REMEMBERED)

    def run(self, script: Iterator[Call], stopped: threading.Event) -> None:
        """Follow the script until stopped; the call under way is brought to its end."""
        for call in script:
            if stopped.wait(call.pause_s):
                return
            self.make(call)
            if call.is_repeated and len(self._done) == REMEMBERED:
                self._repeat(self._done.popleft())

    def make(self, call: Call) -> Seen:
        """Make a call and remember what was seen."""
        seen = self._made(call)
        self._record.seen.append(seen)
        if seen.is_acknowledged_write:
            self._done.append(seen)
        return seen

    def _repeat(self, earlier: Seen) -> None:
        again = self._made(earlier.call)
        if again.returned is not None:
            self._record.repeats.append(again)
            if again.answer != earlier.answer:
                self._odd(f"repeated, it answers {again.answer}, not {earlier.answer}", again.call)

    def _made(self, call: Call) -> Seen:
        called = time.monotonic()
        while time.monotonic() < called + PATIENCE_S:
            answer = self._attempt(call)
            if answer is not None and answer.ok:
                return Seen(call, called, time.monotonic(), answer.json())
            if answer is not None and not _is_passing(answer):
                self._odd(f"{answer.url} answers {answer.status_code} {answer.text:.300}", call)
                break
            if not call.is_patient:
                break
        return Seen(call, called)

    def _attempt(self, call: Call) -> requests.Response | None:
        """Call, as often as EdgeSession does by itself; None: no answer came."""
        is_locked = call.is_locked or call.kind in WRITES
        method, operation = OPERATIONS[call.kind]
        try:
            return self._session(call.subject, call.is_patient).request(
                method,
                f"/function/{'ledger' if is_locked else 'ledger-reader'}/{operation}",
                params=_parameters(call),
                data=call.body if call.kind in WRITES else None,
                headers={IDEMPOTENCY_KEY: call.name},
            )
        except requests.RequestException:
            return None

    def _session(self, subject: Subject, is_patient: bool) -> EdgeSession:
        if (subject.session, is_patient) not in self._sessions:
            self._sessions[subject.session, is_patient] = EdgeSession(
                self._place.client_url(subject.home),
                subject.session,
                attempts=ATTEMPTS if is_patient else HASTY_ATTEMPTS,
                timeout=ATTEMPT_TIMEOUT_S if is_patient else HASTY_TIMEOUT_S,
            )
        return self._sessions[subject.session, is_patient]

    def _odd(self, what: str, call: Call) -> None:
        who = f"{call.subject.session}: {call.kind.value} {call.name}"
        self._record.oddities.append(f"{who}: {what}")


def _parameters(call: Call) -> dict[str, str]:
    found = {"key": call.key}
    if call.is_told:
        found["tell"] = "ledger-tally"
    if call.dwell_s:
        found["dwell"] = str(call.dwell_s)
    return found


def _is_passing(answer: requests.Response) -> bool:
    """Tell whether a fault explains an answer: the platform's own, or a node's that says so."""
    try:
        return answer.json()["type"].rpartition(":")[2] in PASSING
    except (ValueError, KeyError, TypeError):
        return answer.status_code in {500, 502, 504}
