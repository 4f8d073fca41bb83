"""What it costs that a node is who it says it is: requests and moves beside the release before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks import load, trees
from benchmarks.context import Context
from benchmarks.medians import median, ratios
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.releases import UNCLAIMED, unpacked
from benchmarks.sessions import KIB, SHAPES, Contents, fill
from benchmarks.trees import Tree

NAME = "identity"

NOW, THEN = "now", "before"
CLIENTS = 8
_LEVELS = ("cloud", "edge")
_SESSION = "moved"
_ROUND_TRIPS = 5

_METHOD = f"""\
Two trees of two levels run side by side, one of them of {UNCLAIMED}, the last commit in which a
store did not know whose it was and all nodes had one key. Clients send one get + one set after the
other, each to a session of its own at the edge, for a window in one tree and then in the other; a
session of {KIB} bytes moves up and home {_ROUND_TRIPS} times. A ratio is that of two neighbours."""


def run(context: Context) -> Outcome:
    """Send the same requests to both trees, and move the same session, in turns."""
    with ExitStack() as stack:
        now = stack.enter_context(trees.tree(context.folder / f"{NAME}-{NOW}", levels=_LEVELS))
        then = stack.enter_context(_tree_before(context))
        choices = dict(_choices({NOW: now, THEN: then}, context.scale.window_s))
        found = context.interleaved(choices, 3 * context.scale.repetitions)
    return _outcome(found)


def _tree_before(context: Context) -> trees.Running:
    release = unpacked(UNCLAIMED, context.folder / UNCLAIMED)
    return trees.tree(context.folder / f"{NAME}-{THEN}", levels=_LEVELS, of=release)


def _choices(
    running: Mapping[str, Tree], seconds: float
) -> Iterator[tuple[str, Callable[[], float]]]:
    for which, tree in running.items():
        fill(tree, "edge", _SESSION, Contents.of(SHAPES[0], KIB))
        _move(tree)
        yield f"request|{which}", partial(_rate, tree, seconds)
        yield f"move|{which}", partial(_move, tree)


def _rate(tree: Tree, seconds: float) -> float:
    """Give requests a second; an error of any client is one of the benchmark."""
    plans = [tree.plan("edge", "pair", f"pair-{number}") for number in range(CLIENTS)]
    window = load.measure(plans, seconds)
    if window.errors:
        raise load.LoadError(window.errors[0])
    return window.rate


def _move(tree: Tree) -> float:
    """Give the median milliseconds of some moves."""
    operator = tree.operator
    return median(
        [
            move("edge", _SESSION).ms
            for _ in range(_ROUND_TRIPS)
            for move in (operator.offload, operator.onload)
        ]
    )


def _outcome(found: Mapping[str, Sequence[float]]) -> Outcome:
    rates, moves = ([found[f"{what}|{w}"] for w in (NOW, THEN)] for what in ("request", "move"))
    of = f"the median of {len(rates[0])} pairs"
    return Outcome(
        name=NAME,
        title="Identity and credentials",
        method=_METHOD,
        rows=[
            Row.against(f"one get + one set, {CLIENTS} clients", "requests/s", *rates),
            Row.against("a move, 1 KiB", "ms", *moves),
        ],
        claims=[
            Claim("identity.request", median(ratios(*rates)), of),
            Claim("identity.move", median(ratios(*moves)), of),
        ],
        samples=found,
    )
