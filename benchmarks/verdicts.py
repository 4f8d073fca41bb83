"""What must hold, and whether it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.outcome import Claim, Outcome

TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Requirement:
    """A figure and its bound; ``unit`` is :data:`TIMES` for a ratio."""

    key: str
    figure: str
    relation: str
    bound: float
    unit: str

    def is_met_by(self, value: float) -> bool:
        """Tell whether a measured value is within the bound."""
        return value >= self.bound if self.relation == "≥" else value <= self.bound

    def written(self, value: float) -> str:
        """Write a value with its unit."""
        digits = 2 if self.unit == TIMES else 1 if self.unit in {"ms", "s"} else 0
        return f"{value:.{digits}f} {self.unit}".strip()

    @property
    def required(self) -> str:
        """Write the bound."""
        number = f"{self.bound:g}"
        return f"{self.relation} {number} {self.unit}".strip()


REQUIREMENTS = (
    Requirement(
        "request.pair",
        "requests/s, one get + one set, 8 clients, against hand-written",
        "≥",
        0.95,
        TIMES,
    ),
    Requirement(
        "request.cart", "requests/s, cart, 8 clients, against hand-written", "≥", 1.2, TIMES
    ),
    Requirement("small.calls", "calls of a move through gateways, quiet small session", "≤", 3, ""),
    Requirement("small.ratio", "whole move, 1 KiB, against the release before", "≤", 0.75, TIMES),
    Requirement("move.small", "whole move, 1 KiB, idle, through the gateways", "≤", 8, "ms"),
    Requirement(
        "identity.request", "requests/s, against the release without identity", "≥", 0.98, TIMES
    ),
    Requirement("identity.move", "whole move, 1 KiB, against that release", "≤", 1, TIMES),
    Requirement("rejoin.time", "rejoining with 100,000 sessions away", "≤", 30, "s"),
    Requirement("move.ratio", "whole move, 64 MiB, against MIGRATE", "≤", 1.2, TIMES),
    Requirement("move.keys", "the same, 65,536 keys of 256 B", "≤", 2, TIMES),
    Requirement("move.memory", "a function's peak above idle, moving 256 MiB", "≤", 256, "MiB"),
    Requirement(
        "pause.ratio", "write pause seen by a client, 64 MiB against 1 KiB", "≤", 1.2, TIMES
    ),
    Requirement("pause.median", "write pause, median", "≤", 7, "ms"),
    Requirement("pause.p99", "write pause, 99th percentile", "≤", 25, "ms"),
    Requirement("drain.rate", "sessions/s, draining 10,000 of 1 KiB, idle", "≥", 1000, ""),
    Requirement("drain.busy_rate", "sessions/s, while 16 clients write to them", "≥", 250, ""),
    Requirement("drain.errors", "errors meanwhile", "≤", 0, ""),
    Requirement("drain.pause", "write pause meanwhile, 99th percentile", "≤", 60, "ms"),
    Requirement(
        "slots.ratio",
        f"4 {TIMES} 8 MiB under a writer, against atomic slot migration",
        "≤",
        1.2,
        TIMES,
    ),
    Requirement("slots.pause", "its pause, against that one's", "≤", 0.5, TIMES),
    Requirement("redirect.ratio", "redirect against a stateless answer", "≤", 1.3, TIMES),
    Requirement("forward.ratio", "forwarded request against a local one", "≤", 2.2, TIMES),
    Requirement(
        "fairness.ratio", "p99 of one client, beside eight of another function", "≤", 1.5, TIMES
    ),
    Requirement("stampede.ratio", "p99 beside 200 clients of another session", "≤", 3, TIMES),
    Requirement("stampede.ready", "readiness beside them, the longest answer", "≤", 1000, "ms"),
    Requirement("scale.ratio", "choosing at 10⁶ sessions against 10³", "≤", 1.5, TIMES),
    Requirement("memory.session", "idle empty session in the server", "≤", 900, "B"),
    Requirement("memory.pointer", "pointer in the server", "≤", 500, "B"),
    Requirement("sustained.ratio", "throughput while moving against not moving", "≥", 0.95, TIMES),
    Requirement("sustained.errors", "errors while moving", "≤", 0, ""),
    Requirement("flash.relief", "5,000 new clients: below the low mark within", "≤", 30, "s"),
    Requirement("flash.errors", "errors and lost writes meanwhile", "≤", 0, ""),
    Requirement("flash.again", "sessions that move twice in ten ticks after that", "≤", 0, ""),
)


@dataclass(frozen=True)
class Verdict:
    """A requirement and what was measured; None: its benchmark did not run."""

    requirement: Requirement
    claim: Claim | None

    @property
    def is_met(self) -> bool:
        """Whether it was measured and is within the bound."""
        return self.claim is not None and self.requirement.is_met_by(self.claim.value)

    @property
    def measured(self) -> str:
        """Write what was measured, and of what."""
        if self.claim is None:
            return "—"
        value = self.requirement.written(self.claim.value)
        return f"{value} ({self.claim.of})" if self.claim.of else value

    @property
    def word(self) -> str:
        """Say it in a word or two."""
        if self.claim is None:
            return "not measured"
        return "met" if self.is_met else "not met"


def judge(outcomes: Iterable[Outcome]) -> Iterator[Verdict]:
    """Give a verdict for every requirement, in their order."""
    claims = {claim.key: claim for outcome in outcomes for claim in outcome.claims}
    for requirement in REQUIREMENTS:
        yield Verdict(requirement, claims.get(requirement.key))
