"""A client of one session, and the oracle that moves it; everything goes into the history."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from edgedb.response import Response
from tests.protocol.exploration.activities import NoAnswer
from tests.protocol.exploration.history import History, Move, Outcome, Read, Write
from tests.support.tree import Tree

ATTEMPTS = 4
PAUSE_S = 1.0
MOST_HOPS = 10  # far more than any tree here is deep: moves may come in between
UNKNOWN = {"OutcomeUnknown", "PeerUnavailable"}
"""Problems after which a call may have taken effect."""


class LostTrack(Exception):
    """A client is sent from one place to another and never arrives."""


class Client:
    """Calls functions from home, follows redirects, and repeats calls that have a key."""

    def __init__(self, tree: Tree, history: History, sleep: Callable[[float], None]) -> None:
        self._tree = tree
        self._history = history
        self._sleep = sleep

    def own(self, word: str) -> str:
        """Give a word that no client of another session writes: they are counted together."""
        return f"{self._history.session}.{word}"

    def write(self, word: str, *, key: str | None = None, attempts: int = ATTEMPTS) -> Write:
        """Append a word, again and again until it is done; ``key=""``: once, without a key."""
        key = word if key is None else key
        write = Write(word, key, self._history.moment())
        self._history.writes.append(write)
        for attempt in range(attempts if key else 1):
            if attempt:
                self._sleep(PAUSE_S)
            if self.attempt(write) is Outcome.DONE:
                break
        return write

    def attempt(self, write: Write) -> Outcome:
        """Make one attempt at a write."""
        headers = {"Idempotency-Key": write.key} if write.key else {}
        response = self._follow("notebook", f"word={write.word}&tell=cloud", headers)
        outcome = outcome_of(response)
        if response is not None and outcome is Outcome.DONE:
            write.answers.append(response.body)
            write.ended = write.ended or self._history.moment()
        if outcome is not Outcome.REFUSED and write.outcome is not Outcome.DONE:
            write.outcome = outcome
        return outcome

    def read(self) -> Read | None:
        """Read everything; None if that was refused."""
        began = self._history.moment()
        response = self._follow("reader")
        if response is None or response.status != 200:
            return None
        body = json.loads(response.body)
        read = Read(began, body["words"], body["count"], body["last"])
        self._history.reads.append(read)
        return read

    def _follow(
        self, function: str, query: str = "", headers: dict[str, str] | None = None
    ) -> Response | None:
        """Call a function wherever the session is; None: no answer came."""
        at, session = self._history.home, self._history.session
        for _ in range(MOST_HOPS):
            try:
                response = self._tree.call(at, function, session, query=query, headers=headers)
            except NoAnswer:
                return None
            if response.status != 307:
                return response
            at = dict(response.headers)["X-session-location"]
        raise LostTrack("I4: redirects do not end")

    def move(self, action: str, at: str) -> Move:
        """Have an oracle's endpoint move the session."""
        response = self.oracle(action, at, f"session={self._history.session}")
        move = Move(action, at, outcome_of(response), *_moved_to(response))
        self._history.moves.append(move)
        return move

    def move_many(self, action: str, at: str, clients: Sequence[Client]) -> None:
        """Have an oracle's endpoint move the sessions of some clients; each has its own fate."""
        response = self.oracle(action, at, f"count={len(clients)}&policy=least-recent")
        for history in (client._history for client in clients):
            history.moves.append(_move_of(history.session, action, at, response))

    def oracle(self, action: str, at: str, query: str = "") -> Response | None:
        """Call one of the oracle's endpoints; None: no answer came."""
        try:
            return self._tree.oracle(at, action, query)
        except NoAnswer:
            return None


def outcome_of(response: Response | None) -> Outcome:
    """Say what an answer tells: where a server or a node gave none, nothing is known."""
    if response is None:
        return Outcome.UNKNOWN
    if response.status == 200:
        return Outcome.DONE
    return _outcome_of(json.loads(response.body))


def _outcome_of(document: dict[str, str]) -> Outcome:
    problem = document["type"].rpartition(":")[2]
    return Outcome.UNKNOWN if problem in UNKNOWN else Outcome.REFUSED


def _move_of(session: str, action: str, at: str, response: Response | None) -> Move:
    """Give what was said of one session; of one that is not named nothing was done."""
    if response is None or response.status != 200:
        return Move(action, at, outcome_of(response))
    for fate in json.loads(response.body):
        if fate["session"] == session and "problem" in fate:
            return Move(action, at, _outcome_of(fate["problem"]))
        if fate["session"] == session:
            return Move(action, at, Outcome.DONE, fate["currentLocation"], fate["epoch"])
    return Move(action, at, Outcome.REFUSED)


def _moved_to(response: Response | None) -> tuple[str, int]:
    if response is None or response.status != 200:
        return "", 0
    document = json.loads(response.body)
    token = document[0] if isinstance(document, list) else document
    return token["currentLocation"], token["epoch"]
