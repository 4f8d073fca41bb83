"""Trying again: so often, or until a time is over, with short jittered pauses in between.

::

    for _ in Deadline(seconds).attempts():
        if (found := look()) is not None:
            return found
    raise SessionBusy("it takes too long")
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from itertools import islice

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.05
PAUSE_SHARE = 0.15  # of the time waited so far: that is how much longer a wait may be than needed


def now() -> float:
    """Give the time by which this process waits, in monotonic seconds."""
    return time.monotonic()


class Deadline:
    """The end of what may take so many seconds from now, or ``since`` a monotonic time."""

    def __init__(self, seconds: float, since: float | None = None) -> None:
        self._at = (time.monotonic() if since is None else since) + seconds

    @property
    def is_over(self) -> bool:
        """Whether it has passed."""
        return time.monotonic() >= self._at

    def attempts(self, longest_s: float = math.inf) -> Iterator[None]:
        """Give attempts, at least one, and no pause that would end after the deadline.

        A pause is in proportion to the time waited so far: short waits end in time.
        """
        began = time.monotonic()
        yield
        while (now := time.monotonic()) + (pause := _pause(now - began, longest_s)) <= self._at:
            time.sleep(pause)
            yield


def attempts(most: int) -> Iterator[None]:
    """Give so many attempts, where something is done again because it has changed meanwhile."""
    return islice(Deadline(math.inf).attempts(), most)


def _pause(waited_s: float, longest_s: float) -> float:
    most = min(max(FIRST_PAUSE_S, PAUSE_SHARE * waited_s), LONGEST_PAUSE_S, longest_s)
    return random.uniform(most / 2, most)  # noqa: S311 - not for secrets
