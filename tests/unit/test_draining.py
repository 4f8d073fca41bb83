"""A location is drained batch by batch, and each session that stays is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from edgectl.draining import BATCH, MOST, drain
from edgectl.operating import CallFailed, Operator

PROBLEM = {"type": "about:blank", "title": "t", "status": 503, "detail": "it is busy"}


class Location(Operator):
    """A location with sessions, some of which cannot move."""

    def __init__(self, sessions: int, stuck: int = 0) -> None:
        self.stuck = [f"stuck-{n}" for n in range(stuck)]
        self.free = [f"free-{n}" for n in range(sessions - stuck)]
        self.asked = list[int]()

    def load(self, location: str) -> dict[str, Any]:
        """Say how many there are."""
        return {"location": location, "sessions": len(self.stuck) + len(self.free)}

    def offload_many(self, _: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Move so many, those that cannot move first."""
        self.asked.append(query["count"])
        stuck, moved = self.stuck[: query["count"]], query["count"] - len(self.stuck)
        gone, self.free = self.free[: max(0, moved)], self.free[max(0, moved) :]
        return [{"session": name, "problem": PROBLEM} for name in stuck] + [
            {"session": name} for name in gone
        ]


def ignore(_: int, __: int) -> None:
    """Show nothing."""


@pytest.mark.parametrize("keep", [0, 10])
def test_all_move_but_those_that_are_kept(keep: int) -> None:
    place = Location(3 * BATCH)
    found = drain(place, "edge", keep, None, ignore)
    assert (found.moved, found.left, found.is_done) == (3 * BATCH - keep, 0, True)
    assert len(place.free) == keep
    assert max(place.asked) <= BATCH


def test_those_that_cannot_move_hold_up_nobody_and_are_named() -> None:
    place = Location(BATCH + 20, stuck=20)
    found = drain(place, "edge", 0, None, ignore)
    assert (found.moved, found.left, found.is_done) == (BATCH, 20, False)
    assert found.stayed == dict.fromkeys(place.stuck, "it is busy")
    assert max(place.asked) <= MOST


def test_progress_is_shown_as_it_comes() -> None:
    shown = list[tuple[int, int]]()
    drain(Location(2 * BATCH), "edge", 0, None, lambda *now: shown.append(now))
    assert shown == [(0, 2 * BATCH), (BATCH, BATCH), (2 * BATCH, 0)]


@pytest.mark.parametrize(
    ("error", "said"), [(KeyboardInterrupt(), "stopped"), (CallFailed("no answer"), "no answer")]
)
def test_it_can_be_stopped_and_says_what_has_moved(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str
) -> None:
    place = Location(2 * BATCH)
    move, calls = place.offload_many, iter([None, error])

    def interrupted(location: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        failure = next(calls)
        if failure is not None:
            raise failure
        return move(location, query)

    monkeypatch.setattr(place, "offload_many", interrupted)
    found = drain(place, "edge", 0, None, ignore)
    assert (found.moved, found.left, found.is_done) == (BATCH, BATCH, False)
    assert found.to_json()["error"] == said
