"""``results.json`` and ``report.md``."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.medians import Summary
from benchmarks.outcome import Outcome, Row
from benchmarks.verdicts import TIMES, judge


@dataclass(frozen=True)
class Results:
    """One run of the suite."""

    began: str
    machine: str
    is_quick: bool
    outcomes: Sequence[Outcome]

    def to_json(self) -> dict[str, Any]:
        """Give what :meth:`from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Results:
        """Read what :meth:`to_json` gave."""
        outcomes = tuple(Outcome.from_json(outcome) for outcome in document["outcomes"])
        return cls(**{**document, "outcomes": outcomes})

    def write(self, folder: Path) -> None:
        """Write ``results.json``, from which everything else can be made again."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        (folder / "results.json").write_text(text + "\n", encoding="utf-8")


def now() -> str:
    """Give the time as it names a folder of results."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")


def this_machine() -> str:
    """Describe the machine in a line."""
    gib = psutil.virtual_memory().total / 2**30
    python = platform.python_version()
    return f"{psutil.cpu_count()} processors, {gib:.0f} GiB, {platform.system()}, Python {python}"


def markdown(results: Results, figures: Iterable[str]) -> str:
    """Render the report; ``figures`` are names of picture files beside it."""
    return "\n".join(_lines(results, list(figures))) + "\n"


def _lines(results: Results, figures: list[str]) -> Iterator[str]:
    kind = "A quick run: short windows, small sizes." if results.is_quick else "A full run."
    yield f"# Benchmarks, {results.began}\n"
    yield f"{kind} {results.machine}.\n"
    yield from _verdicts(results.outcomes)
    for outcome in results.outcomes:
        yield from _section(outcome, [f for f in figures if f.startswith(f"{outcome.name}-")])


def _verdicts(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| figure | required | measured | verdict |"
    yield "| --- | --- | --- | --- |"
    for verdict in judge(outcomes):
        need = verdict.requirement
        yield f"| {need.figure} | {need.required} | {verdict.measured} | {verdict.word} |"
    yield ""


def _section(outcome: Outcome, figures: list[str]) -> Iterator[str]:
    yield f"## {outcome.title}\n"
    yield f"{outcome.method}\n"
    yield from (f"![{name.removesuffix('.png')}]({name})\n" for name in figures)
    yield from _table(outcome.rows)
    for failure in outcome.failures:
        yield f"- **failure**: {failure}"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| | unit | median (IQR) | p99 | n | beside it | ratio (IQR) |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        beside, ratio = _spread(row.reference), _spread(row.ratio, f" {TIMES}")
        cells = [row.label, row.unit, _spread(row.measured), _number(row.measured.p99)]
        yield "| " + " | ".join([*cells, str(row.measured.count), beside, ratio]) + " |"
    yield ""


def _spread(summary: Summary | None, unit: str = "") -> str:
    if summary is None:
        return ""
    low, high = _number(summary.q1), _number(summary.q3)
    return f"{_number(summary.median)}{unit} ({low} to {high})"


def _number(value: float) -> str:
    """Write three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
