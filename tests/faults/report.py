"""What is shown while a run goes on, and at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.faults.record import WRITES, Record

WRITES_PER_S = 20_000 / 600
MOVES_PER_S = 5_000 / 600
BATCHED = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    seconds: float
    acknowledged: int
    moves: int
    faults: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:5.0f} s  {self.acknowledged:6d} writes acknowledged"
            f"  {self.moves:5d} moves  {self.faults:5d} faults"
        )


@dataclass(frozen=True)
class Summary:
    """What a run has shown.

    ``moves`` are changes of a session's location, counted by the epochs; ``told`` are those whose
    mover was answered, ``batched`` those of them that it asked for with others; ``unknown`` are
    writes whose clients gave up, ``repeated`` those sent again after they had been acknowledged.
    """

    seed: int
    seconds: float
    acknowledged: int
    unknown: int
    reads: int
    repeated: int
    moves: int
    told: int
    batched: int
    faults: Mapping[str, int]
    violations: Sequence[str]

    @classmethod
    def of(
        cls,
        seed: int,
        seconds: float,
        record: Record,
        moves: int,
        faults: Mapping[str, int],
        violations: Sequence[str],
    ) -> Summary:
        """Count what was seen."""
        acknowledged = len(record.acknowledged)
        writes = sum(seen.call.kind in WRITES for seen in record.seen)
        return cls(
            seed,
            seconds,
            acknowledged,
            unknown=writes - acknowledged,
            reads=sum(seen.returned is not None for seen in record.seen) - acknowledged,
            repeated=len(record.repeats),
            moves=moves,
            told=len(record.tokens),
            batched=len(record.batched),
            faults=faults,
            violations=violations,
        )

    def shortfalls(self, share: float = 1.0) -> list[str]:
        """Name what there was too little of to prove much; ``share`` of the usual is enough."""
        floors = {
            "writes acknowledged": (self.acknowledged, WRITES_PER_S * self.seconds * share),
            "moves": (self.moves, MOVES_PER_S * self.seconds * share),
            "moves in batches": (self.batched, BATCHED * self.told * share),
        }
        return [
            f"only {count} {what}, not {least:.0f}"
            for what, (count, least) in floors.items()
            if count < least
        ]

    def to_json(self) -> dict[str, Any]:
        """Give the document that ``--json`` writes."""
        return asdict(self)

    def __str__(self) -> str:
        faults = (f"  {count:6d} {kind}" for kind, count in self.faults.items())
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s",
            f"{self.acknowledged} writes acknowledged, {self.unknown} of unknown outcome",
            f"{self.reads} reads, {self.repeated} writes repeated",
            f"{self.moves} moves, {self.told} told, {self.batched} of them in batches",
            f"{sum(self.faults.values())} faults:",
            *faults,
            f"{len(self.violations)} violations",
            *(f"  {violation}" for violation in self.violations),
        ]
        return "\n".join(lines)
