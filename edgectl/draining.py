"""Moves all sessions of a location up, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgectl.operating import CallFailed, Operator

BATCH = 500
"""Sessions in one call: an answer every second or so."""
MOST = 1000  # what force-offload takes
SAME = 3
"""How often nothing may move before it is given up."""

Show = Callable[[int, int], None]
"""Is told how many have moved, and how many are left to be moved."""


@dataclass
class Drained:
    """What became of the sessions of a location: how many moved, and why others stay."""

    location: str
    moved: int = 0
    left: int = 0
    seconds: float = 0.0
    stayed: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    is_stopped: bool = False

    @property
    def is_done(self) -> bool:
        """Whether no more are there than should be."""
        return self.left == 0

    def to_json(self) -> dict[str, Any]:
        """Give it as ``edgectl drain --json`` prints it."""
        return {
            "location": self.location,
            "moved": self.moved,
            "left": self.left,
            "seconds": round(self.seconds, 3),
            "stayed": [{"session": name, "reason": why} for name, why in self.stayed.items()],
            "error": self.failure or ("stopped" if self.is_stopped else None),
        }


def drain(operator: Operator, location: str, keep: int, policy: str | None, show: Show) -> Drained:
    """Move sessions until only ``keep`` are left, or the rest cannot be moved, or it is stopped."""
    drained, began, idle = Drained(location), time.monotonic(), 0
    try:
        while idle < SAME and (left := _left(operator, drained, keep)):
            show(drained.moved, left)
            # those that stay come first again
            count = min(left, BATCH) + len(drained.stayed)
            moved = _move(operator, drained, min(count, MOST), policy)
            idle = 0 if moved else idle + 1
        show(drained.moved, drained.left)
    except KeyboardInterrupt:
        drained.is_stopped = True
    except CallFailed as error:
        drained.failure = error.message
    drained.seconds = time.monotonic() - began
    return drained


def _left(operator: Operator, drained: Drained, keep: int) -> int:
    drained.left = max(0, operator.load(drained.location)["sessions"] - keep)
    return drained.left


def _move(operator: Operator, drained: Drained, count: int, policy: str | None) -> int:
    """Move up to so many; gives how many have moved."""
    fates = operator.offload_many(drained.location, {"count": count, "policy": policy})
    for fate in fates:
        if "problem" in fate:
            drained.stayed[fate["session"]] = fate["problem"]["detail"]
        else:
            drained.stayed.pop(fate["session"], None)
            drained.moved += 1
    return sum("problem" not in fate for fate in fates)
