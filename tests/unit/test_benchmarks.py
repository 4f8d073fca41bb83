"""What the benchmarks make of their measurements; the measurements themselves are not here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import figures, verdicts
from benchmarks.drain import pauses_in
from benchmarks.flash import Filling, Marks
from benchmarks.load import Window
from benchmarks.many_locations import large_document
from benchmarks.medians import interleaved, percentile, ratios, summarize
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.pause import gaps_between, longest_gap
from benchmarks.plan import Reply
from benchmarks.results import Results, markdown
from benchmarks.sessions import KIB, MIB, SHAPES, Contents
from edgedb.topology.tree import Topology

PAUSE = Outcome(
    name="pause",
    title="The pause of a move",
    method="A client writes.",
    rows=[
        Row.against("64 MiB against 1 KiB", "ms", [2.0, 2.0, 3.0], [1.0, 2.0, 1.5]),
        Row.of("moves", "moves/s", [1234.5]),
    ],
    claims=[Claim("pause.p99", 41.26, "64 MiB, 5 moves")],
    samples={"1 KiB": [1.0, 2.0, 3.0], "64 MiB": [2.0, 3.0, 4.0]},
    failures=["client 0: lost: 5 was acknowledged, the session has 4"],
)
MEASURED = Results("2026-01-02T03-04-05Z", "2 processors", is_quick=True, outcomes=[PAUSE])


def test_a_percentile_lies_between_its_neighbours():
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5
    assert percentile([1.0, 2.0], 0) == 1.0
    assert percentile([7.0], 99) == 7.0
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)
    summary = summarize([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (summary.median, summary.q1, summary.q3, summary.iqr) == (3.0, 2.0, 4.0, 2.0)


def test_what_was_measured_side_by_side_is_divided_pair_by_pair():
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_measurements_take_turns():
    order: list[str] = []
    found = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert {name: len(results) for name, results in found.items()} == {"a": 3, "b": 3}


@pytest.mark.parametrize(
    ("key", "within", "beyond"),
    [("request.pair", 0.95, 0.94), ("move.small", 8, 8.1), ("sustained.errors", 0, 1)],
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
    stored = json.dumps(MEASURED.to_json())
    results = Results.from_json(json.loads(stored))
    assert json.dumps(results.to_json()) == stored


def test_the_report_says_what_was_required_measured_and_found():
    text = markdown(MEASURED, ["pause-length.png", "other-time.png"])
    times = verdicts.TIMES
    lines = [
        "| write pause, 99th percentile | ≤ 25 ms | 41.3 ms (64 MiB, 5 moves) | not met |",
        f"| 64 MiB against 1 KiB | ms | 2 (2 to 2.5) | 2.98 | 3 | 1.5 (1.25 to 1.75) | 2 {times}",
        "| moves | moves/s | 1,234 (1,234 to 1,234) | 1,234 | 1 |  |  |",
        "- **failure**: client 0: lost",
        "![pause-length](pause-length.png)",
    ]
    assert [line for line in lines if line not in text] == []
    assert "other-time" not in text
    broken = Outcome.broken("move", RuntimeError("no server"))
    assert "RuntimeError: no server" in markdown(replace(MEASURED, outcomes=[broken]), [])


def test_figures_are_drawn_from_results(tmp_path: Path):
    assert figures.draw([PAUSE], tmp_path) == ["pause-length.png"]
    assert (tmp_path / "pause-length.png").stat().st_size > 0


def test_the_pause_is_the_longest_gap_that_touches_the_move():
    replies = [Reply(0, sent, 0.1, 0) for sent in (0.0, 0.1, 0.2, 0.9, 1.0, 3.0)]
    gaps = list(gaps_between(replies))
    assert longest_gap(gaps, 0.4, 0.5) == pytest.approx(0.7)
    assert longest_gap(gaps, 0.15, 0.18) == pytest.approx(0.1)


def test_a_pause_of_a_drain_is_around_the_first_write_after_a_move():
    def reply(client: int, ended: float, redirects: int = 0, visit: int = 1) -> Reply:
        return Reply(client, ended - 0.01, 0.01, redirects, visit=visit)

    of_one = [reply(0, n / 100) for n in range(1, 11)]
    moved = [reply(0, 0.15, redirects=1), reply(0, 0.2, redirects=1, visit=2)]
    of_another = [reply(1, 0.11), reply(1, 0.125, redirects=1)]
    found = sorted(pauses_in([*of_another, *moved, *of_one]))
    assert found == [pytest.approx(5), pytest.approx(40)]


def test_a_node_is_relieved_once_all_are_there_and_it_is_below_the_low_mark_again():
    marks = Marks(high=100, low=60, home=30)
    assert not Filling(marks, [(1.0, 50), (2.0, 60)]).is_relieved(0)
    filled = Filling(marks, [(1.0, 50), (2.0, 101), (3.0, 59)])
    assert filled.began == 2.0
    assert filled.is_relieved(3.0)
    assert not filled.is_relieved(3.1)


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


def test_a_large_topology_is_a_tree():
    topology = Topology.from_json(large_document(1112))
    assert len(topology) == 1112
    assert topology.levels == ("level-0", "level-1", "level-2", "level-3", "level-4")
    assert len(topology.children(topology.root.id)) == 10
