"""A 307 beside the answer of a stateless function; a forwarded request beside a local one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks import load
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import median, ratios
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.plan import Plan
from benchmarks.sessions import create
from benchmarks.trees import Tree

NAME = "redirect"
FORWARD = "X-session-redirect: forward"

_METHOD = """\
A client asks the node its session was offloaded from, and does not follow the 307. Beside it, a
client of the stateless function at the same node. Another asks for its request to be forwarded;
beside it, a client of a session that is here. Windows take turns; each gives the median of its
response times, a ratio is that of two neighbouring windows."""


def run(context: Context) -> Outcome:
    """Measure response times, one client and eight."""
    _offload(context.tree, 8)
    windows = context.interleaved(
        dict(_choices(context.tree, context.scale.window_s)), context.scale.repetitions
    )
    medians = {name: [median(w.latencies_ms) for w in each] for name, each in windows.items()}
    return Outcome(
        name=NAME,
        title="A redirect, and a forwarded request",
        method=_METHOD,
        rows=list(_rows(medians)),
        claims=[
            Claim("redirect.ratio", median(ratios(medians["307 1"], medians["stateless 1"]))),
            Claim("forward.ratio", median(ratios(medians["forwarded 1"], medians["resident 1"]))),
        ],
        samples={
            name: _some([ms for w in each for ms in w.latencies_ms])
            for name, each in windows.items()
        },
        failures=[error for each in windows.values() for window in each for error in window.errors],
    )


def _offload(tree: Tree, count: int) -> None:
    for number in range(count):
        create(tree, "edge-a", f"away-{number}", "pair")
        tree.operator.offload("edge-a", f"away-{number}")


def _choices(tree: Tree, seconds: float) -> Iterator[tuple[str, Callable[[], Window]]]:
    for clients in (1, 8):
        plans = {
            "307": [_plan(tree, "pair", f"away-{number}") for number in range(clients)],
            "stateless": [_plan(tree, "stateless", f"none-{n}") for n in range(clients)],
            "resident": [_plan(tree, "pair", f"here-{number}") for number in range(clients)],
            "forwarded": [
                _plan(tree, "pair", f"away-{number}", headers=[FORWARD])
                for number in range(clients)
            ],
        }
        for name, crowd in plans.items():
            yield f"{name} {clients}", partial(load.measure, crowd, seconds)


def _plan(tree: Tree, function: str, session: str, **options: Any) -> Plan:  # noqa: ANN401
    return tree.plan("edge-a", function, session, counts=False, follows=False, **options)


def _rows(medians: Mapping[str, list[float]]) -> Iterator[Row]:
    for clients in (1, 8):
        who = "1 client" if clients == 1 else f"{clients} clients"
        ours, reference = medians[f"307 {clients}"], medians[f"stateless {clients}"]
        yield Row.against(f"307 against a stateless answer, {who}", "ms", ours, reference)
        resident = medians[f"resident {clients}"]
        yield Row.against(f"307 against one get + one set, {who}", "ms", ours, resident)
        forwarded = medians[f"forwarded {clients}"]
        yield Row.against(f"forwarded against local, get + set, {who}", "ms", forwarded, resident)


def _some(values: list[float], most: int = 1000) -> list[float]:
    return values[:: max(1, len(values) // most)]
