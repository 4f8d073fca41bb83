"""Response time over the number of clients, with all sessions at home or half of them away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from benchmarks import load
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import median
from benchmarks.outcome import Outcome, Row
from benchmarks.plan import Plan
from benchmarks.sessions import create
from benchmarks.trees import Tree

NAME = "crowd"

HOME, REMEMBERED, ASKED = "all at home", "half away, remembered", "half away, asked each time"

_METHOD = f"""\
Every client has a session of its own at edge-a and sends one get + one set after the other. *Half
away*: every second session was offloaded to city. *Remembered*: a client goes on asking where the
last answer came from. *Asked each time*: it begins at edge-a again and is redirected. Windows of
the three take turns; a ratio compares medians of neighbouring windows with *{HOME}*."""


def run(context: Context) -> Outcome:
    """Measure all three for every number of clients."""
    tree, scale = context.tree, context.scale
    for number in range(0, max(scale.crowds), 2):
        create(tree, "edge-a", f"half-{number}", "pair")
        tree.operator.offload("edge-a", f"half-{number}")
    windows = context.interleaved(
        dict(_choices(tree, scale.crowds, scale.window_s)), scale.repetitions
    )
    medians = {name: [median(w.latencies_ms) for w in each] for name, each in windows.items()}
    return Outcome(
        name=NAME,
        title="Response time over the number of clients",
        method=_METHOD,
        rows=list(_rows(medians, scale.crowds)),
        samples=medians,
        failures=[error for each in windows.values() for window in each for error in window.errors],
    )


def _choices(
    tree: Tree, crowds: tuple[int, ...], seconds: float
) -> Iterator[tuple[str, Callable[[], Window]]]:
    for clients in crowds:
        for name in (HOME, REMEMBERED, ASKED):
            plans = [_plan(tree, name, number) for number in range(clients)]
            yield f"{clients}|{name}", partial(load.measure, plans, seconds)


def _plan(tree: Tree, name: str, number: int) -> Plan:
    session = f"whole-{number}" if name == HOME else f"half-{number}"
    return tree.plan("edge-a", "pair", session, remembers=name != ASKED)


def _rows(medians: Mapping[str, list[float]], crowds: tuple[int, ...]) -> Iterator[Row]:
    for clients in crowds:
        at_home = medians[f"{clients}|{HOME}"]
        yield Row.of(f"{clients} clients, {HOME}", "ms", at_home)
        for name in (REMEMBERED, ASKED):
            yield Row.against(
                f"{clients} clients, {name}", "ms", medians[f"{clients}|{name}"], at_home
            )
