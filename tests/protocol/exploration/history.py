"""What clients and movers did, and what they were told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, auto


class Outcome(Enum):
    """What a client knows of its call."""

    DONE = auto()
    REFUSED = auto()
    """Told that nothing has changed."""
    UNKNOWN = auto()


@dataclass
class Write:
    """A word that a client appended, or tried to.

    ``began`` and ``ended`` (once acknowledged) put all that clients saw into one order.
    """

    word: str
    key: str
    began: int
    ended: int = 0
    outcome: Outcome = Outcome.REFUSED
    answers: list[bytes] = field(default_factory=list)

    @property
    def position(self) -> int:
        """How many words there were, this one included, as its client was told."""
        return int(json.loads(self.answers[0])["count"])


@dataclass
class Read:
    """What a reader saw."""

    began: int
    words: list[str]
    count: int
    last: str | None


@dataclass
class Move:
    """What a mover was told."""

    action: str
    at: str
    outcome: Outcome
    current: str = ""
    epoch: int = 0


@dataclass
class History:
    """Everything about one session in the order it began; ``home``: where its clients call."""

    session: str = "s"
    home: str = "edge-a"
    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    now: int = 0

    def moment(self) -> int:
        """Give a number higher than all before."""
        self.now += 1
        return self.now
