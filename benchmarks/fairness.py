"""Two functions on one session: how long the requests of each wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from benchmarks import load
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import median, percentile, ratios
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.trees import Tree

NAME = "fairness"
ONE, MANY = "the one", "the eight"

_CLIENTS, _HANDLER_MS = 8, 20
_METHOD = f"""\
{_CLIENTS} clients of a function whose handler takes {_HANDLER_MS} ms and one client of another
function send one request after the other, all for one session. Each window gives the response times
of both; a ratio is that of the same window."""

Pairs = Mapping[str, list[float]]


def run(context: Context) -> Outcome:
    """Measure both side by side."""
    measure = partial(_both, context.tree, 2 * context.scale.window_s)
    both = context.interleaved({"both": measure}, context.scale.repetitions)["both"]
    waits = {name: [pair[name].latencies_ms for pair in both] for name in (ONE, MANY)}
    middle = {name: [median(each) for each in waits[name]] for name in waits}
    last = {name: [percentile(each, 99) for each in waits[name]] for name in waits}
    return Outcome(
        name=NAME,
        title="Two functions at one session",
        method=_METHOD,
        rows=list(_rows(middle, last)),
        claims=[Claim("fairness.ratio", median(ratios(last[ONE], last[MANY])))],
        samples={f"{name} p99": values for name, values in last.items()},
        failures=[error for pair in both for window in pair.values() for error in window.errors],
    )


def _rows(middle: Pairs, last: Pairs) -> Iterator[Row]:
    yield Row.against("median of the one, beside the eight", "ms", middle[ONE], middle[MANY])
    yield Row.against("p99 of the one, beside the eight", "ms", last[ONE], last[MANY])


def _both(tree: Tree, seconds: float) -> dict[str, Window]:
    plan = tree.plan("edge-a", f"busy?ms={_HANDLER_MS}", "shared", counts=False)
    with load.sending([plan] * _CLIENTS) as many:
        one = load.measure([tree.plan("edge-a", "pair", "shared", counts=False)], seconds)
    return {ONE: one, MANY: many.window}
