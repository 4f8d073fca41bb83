"""A session under a writer beside a slot that the server moves atomically, with the same data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from benchmarks import load
from benchmarks.cluster import Cluster, Writer
from benchmarks.context import Context
from benchmarks.medians import median, ratios
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.pause import gaps_between, longest_gap
from benchmarks.sessions import MIB, Contents, fill, fill_key
from benchmarks.trees import Tree, free_ports

NAME = "slots"

_CONTENTS = Contents("few large values", 4, 8 * MIB)
_QUIET_S = 0.3
_KEY = "{moved}"
OURS, THEIRS = "a session", "a slot"

_METHOD = f"""\
A session of {_CONTENTS.count} values of {_CONTENTS.each // MIB} MiB is moved up and home while a
client sends one get + one set after the other to it. Beside it, two nodes of a cluster of the same
server with the same settings: a hash with the same values is in a slot that `CLUSTER MIGRATESLOTS`
moves from one to the other, while a client gets and sets a key of that slot. The two take turns. A
pause is the longest time between two acknowledged writes around the move, less the median of all
such times."""


@dataclass(frozen=True)
class Moved:
    """One move: milliseconds from its beginning to its end, and that the writer was held up."""

    total_ms: float
    pause_ms: float


def run(context: Context) -> Outcome:
    """Move both in turns."""
    tree = context.tree
    fill(tree, "edge-a", NAME, _CONTENTS)
    with free_ports(4) as ports:
        pass
    with Cluster.running(context.folder / "cluster", ports) as cluster:
        owner = cluster.client(cluster.owner(_KEY))
        fill_key(owner, f"{_KEY}:values", _CONTENTS)
        found = context.interleaved(
            {
                OURS: partial(_move_session, tree),
                THEIRS: partial(_move_slot, cluster),
            },
            context.scale.slot_moves,
        )
    return _outcome(found[OURS], found[THEIRS])


def _move_session(tree: Tree) -> list[Moved]:
    """Move it up and home."""
    moves = []
    with load.sending([tree.plan("edge-a", "pair", NAME)]) as clients:
        for move in (tree.operator.offload, tree.operator.onload):
            time.sleep(_QUIET_S)
            moves.append(move("edge-a", NAME))
        time.sleep(_QUIET_S)
    if clients.window.errors:
        raise RuntimeError(clients.window.errors[0])
    gaps = list(gaps_between(clients.window.replies))
    return [_moved(gaps, move.began, move.ended) for move in moves]


def _move_slot(cluster: Cluster) -> list[Moved]:
    """Move it there and back."""
    moves, writer = [], Writer(cluster, f"{_KEY}:count")
    with writer.writing():
        for _ in range(2):
            time.sleep(_QUIET_S)
            moves.append(cluster.move(_KEY))
        time.sleep(_QUIET_S)
    return [_moved(list(pairwise(writer.written)), *move) for move in moves]


def _moved(gaps: Sequence[tuple[float, float]], began: float, ended: float) -> Moved:
    usual = median([end - begin for begin, end in gaps])
    return Moved(1000 * (ended - began), 1000 * (longest_gap(gaps, began, ended) - usual))


def _outcome(ours: list[list[Moved]], theirs: list[list[Moved]]) -> Outcome:
    totals = [[each.total_ms for turn in turns for each in turn] for turns in (ours, theirs)]
    pauses = [[each.pause_ms for turn in turns for each in turn] for turns in (ours, theirs)]
    return Outcome(
        name=NAME,
        title="A session beside a slot",
        method=_METHOD,
        rows=list(_rows(totals, pauses)),
        claims=[
            Claim("slots.ratio", median(ratios(*totals)), f"{median(totals[0]):.0f} ms"),
            Claim(
                "slots.pause",
                median(pauses[0]) / median(pauses[1]),
                f"medians, {median(pauses[0]):.1f} ms against {median(pauses[1]):.1f} ms",
            ),
        ],
    )


def _rows(totals: list[list[float]], pauses: list[list[float]]) -> Iterator[Row]:
    yield Row.against("4 values of 8 MiB, against a slot", "ms", *totals)
    yield Row.against("its pause, against that of a slot", "ms", *pauses)
