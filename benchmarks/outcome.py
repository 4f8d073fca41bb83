"""What a benchmark found, in a form that can be stored and rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.medians import Summary, ratios, summarize


@dataclass(frozen=True)
class Row:
    """One quantity, what it is compared with, and the ratio of the two where there is one."""

    label: str
    unit: str
    measured: Summary
    reference: Summary | None = None
    ratio: Summary | None = None

    @classmethod
    def of(cls, label: str, unit: str, values: Sequence[float]) -> Row:
        """Describe a sample that is not compared with anything."""
        return cls(label, unit, summarize(values))

    @classmethod
    def against(
        cls, label: str, unit: str, values: Sequence[float], reference: Sequence[float]
    ) -> Row:
        """Describe a sample and what was measured beside it, repetition by repetition."""
        ratio = summarize(ratios(values, reference))
        return cls(label, unit, summarize(values), summarize(reference), ratio)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Row:
        """Read what :meth:`Outcome.to_json` wrote."""
        parts = {
            name: Summary(**document[name]) if document[name] else None
            for name in ("measured", "reference", "ratio")
        }
        return cls(label=document["label"], unit=document["unit"], **parts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Claim:
    """A figure of :mod:`benchmarks.verdicts` as it was measured, and of what exactly."""

    key: str
    value: float
    of: str = ""


@dataclass(frozen=True)
class Outcome:
    """The findings of one benchmark.

    ``method`` says how it was measured. ``samples`` are raw values for the figures, each list
    under a name that the figure knows. ``failures`` are errors that clients saw and writes that
    were lost: a benchmark with any has failed.
    """

    name: str
    title: str
    method: str
    rows: Sequence[Row]
    claims: Sequence[Claim] = ()
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    failures: Sequence[str] = ()

    @classmethod
    def broken(cls, name: str, error: BaseException) -> Outcome:
        """Say that a benchmark has no findings, and why."""
        return cls(name, name, "It broke.", (), failures=[f"{type(error).__name__}: {error}"])

    def to_json(self) -> dict[str, Any]:
        """Give what :meth:`from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Outcome:
        """Read what :meth:`to_json` gave."""
        parts = {
            "rows": tuple(Row.from_json(row) for row in document["rows"]),
            "claims": tuple(Claim(**claim) for claim in document["claims"]),
        }
        return cls(**{**document, **parts})
