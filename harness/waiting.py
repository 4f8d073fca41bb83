"""Asks again and again until something holds."""

from __future__ import annotations

from collections.abc import Callable

from edgedb.waiting import Deadline


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Return once it holds; raise TimeoutError if it never does."""
    for _ in Deadline(seconds).attempts():
        if holds():
            return
    raise TimeoutError(f"it did not hold within {seconds:.0f} s")
