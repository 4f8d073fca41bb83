"""Waits until a tree has dealt with everything that the faults left behind."""

from __future__ import annotations

import time
from collections.abc import Collection

import requests

from tests.faults.place import Place
from tests.faults.tidiness import Servers, untidy
from tests.support import snapshot

PATIENCE_S = 60.0
_PAUSE_S = 0.5
_CALL_TIMEOUT_S = 20.0


def until_quiet(
    place: Place, sessions: Collection[str], patience_s: float = PATIENCE_S
) -> list[str]:
    """Tick every node until nothing is left to do; give what is left after ``patience_s``."""
    deadline, problems = time.monotonic() + patience_s, ["it was never looked at"]
    while problems and time.monotonic() < deadline:
        problems = [problem for at in place.running.locations if (problem := _tick(place, at))]
        problems = problems or list(untidy(place.topology, servers(place), sessions))
        if problems:
            time.sleep(_PAUSE_S)
    return problems


def servers(place: Place) -> Servers:
    """Read all servers."""
    found = {}
    for location in place.running.locations:
        with place.running.redis(location) as client:
            found[location] = snapshot.read(client)
    return found


def _tick(place: Place, location: str) -> str | None:
    """Have a node do what is due; give what is wrong if that fails."""
    try:
        answer = place.running.call(location, "oracle", timeout=_CALL_TIMEOUT_S)
    except requests.RequestException as error:
        return f"I5: {location}: the tick fails: {error}"
    return None if answer.ok else f"I5: {location}: the tick answers {answer.status_code}"
