"""Asks again and again until something holds."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(holds: Callable[[], object], seconds: float = 60, pause_s: float = 0.02) -> None:
    """Return once it holds; raise TimeoutError if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not hold within {seconds:.0f} s")
        time.sleep(pause_s)
