"""Who move sessions while everything breaks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import requests
from msgspec import convert

from edgedb.wire.model import SessionToken
from tests.faults.place import Place
from tests.faults.record import Record
from tests.faults.script import Action

TIMEOUT_S = 20.0
"""More than a node gives a move."""

UNEXPLAINED = {400, 401, 403, 405, 413, 422}


class Mover:
    """One mover; it asks nodes directly, what they then say to each other is on the links."""

    def __init__(self, place: Place, record: Record) -> None:
        self._place = place
        self._record = record
        self._http = requests.Session()

    def run(self, script: Iterator[Action], stopped: threading.Event) -> None:
        """Follow the script until stopped."""
        for action in script:
            if stopped.wait(action.pause_s):
                return
            self._do(action)

    def _do(self, action: Action) -> None:
        for location in action.at:
            answer = self._ask(location, action)
            if answer is not None and answer.ok:
                told = _tokens(answer)
                self._record.tokens += told
                self._record.batched += told if "count" in dict(action.query) else []
                return
            if answer is not None and answer.status_code in UNEXPLAINED:
                what = f"{answer.url} answers {answer.status_code} {answer.text:.300}"
                self._record.oddities.append(what)

    def _ask(self, location: str, action: Action) -> requests.Response | None:
        try:
            return self._http.post(
                self._place.running.url(location, action.endpoint),
                params=dict(action.query),
                headers=self._place.running.bearer(location),
                timeout=TIMEOUT_S,
            )
        except requests.RequestException:
            return None


def _tokens(answer: requests.Response) -> list[SessionToken]:
    document = answer.json()
    found = document if isinstance(document, list) else [document]
    return [convert(token, SessionToken) for token in found if "epoch" in token]
