"""What the benchmarks make of their measurements; the measurements themselves are not here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import figures, verdicts
from benchmarks.clients import Reply
from benchmarks.load import Window
from benchmarks.many_locations import large_document
from benchmarks.medians import interleaved, percentile, ratios, summarize
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.pause import gaps_between, longest_gap
from benchmarks.results import Results, markdown
from benchmarks.sessions import KIB, MIB, SHAPES, Contents, size_name
from edgedb.topology.tree import Topology

SUMMARY = {"median": 2.0, "q1": 1.5, "q3": 2.5, "p99": 3.0, "count": 5}
STORED = {
    "began": "2026-01-02T03-04-05Z",
    "machine": "2 processors",
    "is_quick": True,
    "outcomes": [
        {
            "name": "pause",
            "title": "The pause of a move",
            "method": "A client writes.",
            "rows": [
                {
                    "label": "64 MiB against 1 KiB",
                    "unit": "ms",
                    "measured": SUMMARY,
                    "reference": SUMMARY,
                    "ratio": SUMMARY,
                },
                {
                    "label": "moves",
                    "unit": "moves/s",
                    "measured": {**SUMMARY, "median": 1234.5},
                    "reference": None,
                    "ratio": None,
                },
            ],
            "claims": [{"key": "pause.p99", "value": 41.26, "of": "64 MiB, 5 moves"}],
            "samples": {"1 KiB": [1.0, 2.0, 3.0], "64 MiB": [2.0, 3.0, 4.0]},
            "failures": ["client 0: lost: 5 was acknowledged, the session has 4"],
        }
    ],
}


def test_a_percentile_lies_between_its_neighbours():
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5
    assert percentile([1.0, 2.0], 0) == 1.0
    assert percentile([1.0, 2.0], 100) == 2.0
    assert percentile([7.0], 99) == 7.0


def test_nothing_has_no_percentile():
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_a_summary_tells_the_middle_and_the_spread():
    summary = summarize([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (summary.median, summary.q1, summary.q3, summary.iqr) == (3.0, 2.0, 4.0, 2.0)
    assert summary.count == 5


def test_what_was_measured_side_by_side_is_divided_pair_by_pair():
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_measurements_take_turns():
    order: list[str] = []
    found = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert {name: len(results) for name, results in found.items()} == {"a": 3, "b": 3}


def test_a_row_has_the_ratio_of_its_repetitions():
    row = Row.against("rate", "requests/s", [10.0, 20.0, 40.0], [10.0, 10.0, 10.0])
    assert row.ratio is not None
    assert row.ratio.median == 2.0


@pytest.mark.parametrize(
    ("key", "within", "beyond"),
    [("request.pair", 0.95, 0.94), ("move.small", 20, 20.1), ("sustained.errors", 0, 1)],
)
def test_a_bound_belongs_to_what_is_met(key: str, within: float, beyond: float):
    words = []
    for value in (within, beyond):
        outcome = Outcome("any", "", "", (), claims=[Claim(key, value)])
        words += [v.word for v in verdicts.judge([outcome]) if v.requirement.key == key]
    assert words == ["met", "not met"]


def test_every_requirement_has_a_verdict_even_if_nothing_was_measured():
    found = list(verdicts.judge([]))
    assert [verdict.requirement for verdict in found] == list(verdicts.REQUIREMENTS)
    assert {verdict.word for verdict in found} == {"not measured"}


def test_results_survive_their_file():
    results = Results.from_json(STORED)
    assert Results.from_json(results.to_json()) == results


def test_the_report_says_what_was_required_measured_and_found():
    text = markdown(Results.from_json(STORED), ["pause-length.png", "other-time.png"])
    times = verdicts.TIMES
    assert (
        "| write pause, 99th percentile | ≤ 40 ms | 41.3 ms (64 MiB, 5 moves) | not met |" in text
    )
    assert (
        f"| 64 MiB against 1 KiB | ms | 2 (1.5 to 2.5) | 3 | 5 | 2 (1.5 to 2.5) | 2 {times}" in text
    )
    assert "| moves | moves/s | 1,234 (1.5 to 2.5) | 3 | 5 |  |  |" in text
    assert "- **failure**: client 0: lost" in text
    assert "![pause-length](pause-length.png)" in text
    assert "other-time" not in text


def test_a_benchmark_that_broke_is_in_the_report():
    broken = Outcome.broken("move", RuntimeError("no server"))
    text = markdown(replace(Results.from_json(STORED), outcomes=[broken]), [])
    assert "RuntimeError: no server" in text


def test_figures_are_drawn_from_stored_results(tmp_path: Path):
    names = figures.draw(Results.from_json(STORED).outcomes, tmp_path)
    assert names == ["pause-length.png"]
    assert (tmp_path / names[0]).stat().st_size > 0


def test_the_pause_is_the_longest_gap_that_touches_the_move():
    replies = [Reply(0, sent, 0.1, 0) for sent in (0.0, 0.1, 0.2, 0.9, 1.0, 3.0)]
    gaps = list(gaps_between(replies))
    assert longest_gap(gaps, 0.4, 0.5) == pytest.approx(0.7)
    assert longest_gap(gaps, 0.15, 0.18) == pytest.approx(0.1)


def test_a_window_counts_what_was_acknowledged():
    replies = tuple(Reply(0, float(number), 0.002, 0) for number in range(10))
    window = Window(0.0, 5.0, 0.5, replies, ())
    assert window.rate == 2.0
    assert window.client_share == 0.1
    assert window.latencies_ms == [2.0] * 10


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [KIB, 64 * KIB, MIB, 16 * MIB, 256 * MIB])
def test_a_session_of_any_shape_has_the_size_it_is_said_to_have(shape: str, size: int):
    contents = Contents.of(shape, size)
    assert contents.count * contents.each == size
    assert sum(len(batch) for batch in contents.batches()) == contents.count
    assert max(len(batch) for batch in contents.batches()) * contents.each <= 8 * MIB


def test_sizes_are_written_as_people_do():
    assert [size_name(size) for size in (KIB, 64 * KIB, MIB)] == ["1 KiB", "64 KiB", "1 MiB"]


def test_a_large_topology_is_a_tree():
    topology = Topology.from_json(large_document(1112))
    assert len(topology) == 1112
    assert topology.levels == ("level-0", "level-1", "level-2", "level-3", "level-4")
    assert len(topology.children(topology.root.id)) == 10
