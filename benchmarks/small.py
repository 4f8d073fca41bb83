"""A small session's move: its calls, and its time beside that of the release before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks import trees
from benchmarks.context import Context
from benchmarks.medians import median, ratios
from benchmarks.moves import Operator
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.releases import BEFORE, unpacked
from benchmarks.sessions import KIB, SHAPES, Contents, fill
from benchmarks.trees import Tree

NAME = "small"

NOW, THEN = "now", "before"
_LEVELS = ("cloud", "city", "edge")
_ROUND_TRIPS = 5
_WARM_ROUND_TRIPS = 10
_NOT_OF_A_MOVE = {"oracle", "fill"}

_METHOD = f"""\
Two trees of three levels run side by side, one of them of {BEFORE}, the last commit in which a
session was frozen for its move. An idle session of {KIB} bytes goes up from edge to city by
`force-offload` and home by `force-onload`, {_ROUND_TRIPS} times in one tree, then as often in the
other; each is timed from the call to its answer. A ratio is that of two neighbours' medians. The
calls are those that the gateways of this release's tree have counted meanwhile."""


def run(context: Context) -> Outcome:
    """Move small sessions of all shapes in both trees, in turns."""
    with ExitStack() as stack:
        running = {
            NOW: stack.enter_context(trees.tree(context.folder / NOW, levels=_LEVELS)),
            THEN: stack.enter_context(_tree_before(context)),
        }
        for tree in running.values():
            _prepare(tree)
        before = _calls(running[NOW])
        times = context.interleaved(
            {
                f"{shape}|{which}": partial(_round_trips, tree.operator, shape)
                for shape in SHAPES
                for which, tree in running.items()
            },
            2 * context.scale.repetitions,
        )
        calls = _calls(running[NOW]) - before
    moves = len(SHAPES) * sum(map(len, times[f"{SHAPES[0]}|{NOW}"]))
    return _outcome(times, {name: count / moves for name, count in calls.items()})


def _tree_before(context: Context) -> trees.Running:
    release = unpacked(BEFORE, context.folder / BEFORE)
    return trees.tree(context.folder / THEN, levels=_LEVELS, of=release)


def _prepare(tree: Tree) -> None:
    """Make the sessions, and let every thread that takes part in moves open its connections."""
    for shape in SHAPES:
        fill(tree, "edge", _session(shape), Contents.of(shape, KIB))
        for _ in range(_WARM_ROUND_TRIPS):
            _round_trip(tree.operator, shape)


def _session(shape: str) -> str:
    return shape.replace(" ", "-")


def _round_trip(operator: Operator, shape: str) -> tuple[float, float]:
    session = _session(shape)
    return operator.offload("edge", session).ms, operator.onload("edge", session).ms


def _round_trips(operator: Operator, shape: str) -> list[float]:
    """Give the milliseconds of some moves."""
    return [ms for _ in range(_ROUND_TRIPS) for ms in _round_trip(operator, shape)]


def _calls(tree: Tree) -> Counter[str]:
    """Count the calls of the functions that take part in a move, at all gateways."""
    counted = Counter[str]()
    for location in tree.locations:
        counted.update(tree.calls(location))
    return Counter({name: n for name, n in counted.items() if name not in _NOT_OF_A_MOVE})


def _outcome(times: Mapping[str, Sequence[Sequence[float]]], calls: Mapping[str, float]) -> Outcome:
    middle = {name: [median(each) for each in found] for name, found in times.items()}
    slowest = max(SHAPES, key=lambda shape: median(middle[f"{shape}|{NOW}"]))
    least = max(SHAPES, key=lambda shape: _ratio(middle, shape))
    which = "the slowest of three shapes"
    return Outcome(
        name=NAME,
        title="A small move",
        method=_METHOD,
        rows=list(_rows(middle, calls)),
        claims=[
            Claim("small.calls", sum(calls.values()), "counted at the gateways, up and down"),
            Claim("move.small", median(middle[f"{slowest}|{NOW}"]), f"{slowest}, {which}"),
            Claim("small.ratio", _ratio(middle, least), f"{least}, the worst of three shapes"),
        ],
        samples=middle,
    )


def _ratio(middle: Mapping[str, Sequence[float]], shape: str) -> float:
    return median(ratios(middle[f"{shape}|{NOW}"], middle[f"{shape}|{THEN}"]))


def _rows(middle: Mapping[str, Sequence[float]], calls: Mapping[str, float]) -> Iterator[Row]:
    for shape in SHAPES:
        ours, theirs = middle[f"{shape}|{NOW}"], middle[f"{shape}|{THEN}"]
        yield Row.against(f"1 KiB, {shape}, against {BEFORE}", "ms", ours, theirs)
    for name, count in calls.items():
        if count:
            yield Row.of(f"calls of {name}, for each move", "", [count])
