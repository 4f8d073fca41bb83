"""Medians and spread of small samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Summary:
    """A sample: its median, quartiles, 99th percentile, and how many values it has."""

    median: float
    q1: float
    q3: float
    p99: float
    count: int

    @property
    def iqr(self) -> float:
        """The interquartile range: half of the values lie within it."""
        return self.q3 - self.q1

    def to_json(self) -> dict[str, float]:
        """Give what the constructor takes."""
        return asdict(self)


def percentile(values: Sequence[float], percent: float) -> float:
    """Give a percentile, interpolated between the two nearest values; raise ValueError if none."""
    if not values:
        raise ValueError("there is nothing to take a percentile of")
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def median(values: Sequence[float]) -> float:
    """Give the middle of a sample."""
    return percentile(values, 50)


def summarize(values: Sequence[float]) -> Summary:
    """Describe a sample."""
    return Summary(
        median=percentile(values, 50),
        q1=percentile(values, 25),
        q3=percentile(values, 75),
        p99=percentile(values, 99),
        count=len(values),
    )


def ratios(measured: Sequence[float], reference: Sequence[float]) -> list[float]:
    """Divide what was measured side by side, repetition by repetition."""
    return [ours / theirs for ours, theirs in zip(measured, reference, strict=True)]


def interleaved(
    choices: Mapping[str, Callable[[], Result]], repetitions: int
) -> dict[str, list[Result]]:
    """Measure A, B, A, B, ...: whatever else the machine does meanwhile meets all alike."""
    results: dict[str, list[Result]] = {name: [] for name in choices}
    for _ in range(repetitions):
        for name, measure in choices.items():
            results[name].append(measure())
    return results
