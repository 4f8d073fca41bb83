"""A stateful request beside the same function written by hand, and beside a stateless one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import load
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import median, ratios
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.trees import Tree

NAME = "request"
CLIENTS = (1, 8)
PRODUCTS = 64  # a cart is left for a fresh one when it holds that many

_METHOD = f"""\
Every function runs at one node behind the same gateway, in one process with waitress and the same
number of threads, on the same Redis (appendfsync always). *Hand-written* is the same function on
a template like the stock python3-http with plain redis-py calls, each a call of its own, one
pooled client per process: no lock, no atomicity, no fencing. *Stateless* answers a constant.
Clients are one process with raw sockets kept open, each with a session of its own; after {PRODUCTS}
products a cart is left for a fresh one, on both sides. Windows take turns; a ratio is that of two
neighbouring windows."""


def run(context: Context) -> Outcome:
    """Measure requests per second of each function, one client and eight."""
    windows = context.interleaved(
        dict(_choices(context.tree, context.scale.window_s)), context.scale.repetitions
    )
    return Outcome(
        name=NAME,
        title="A request",
        method=_METHOD,
        rows=[*_rates(windows), *_latencies(windows), _client_share(windows)],
        claims=[_claim(windows, kind) for kind in ("pair", "cart")],
        samples={
            **{f"latency {name}": _sampled(each) for name, each in windows.items()},
            **dict(_ratios(windows)),
        },
        failures=[error for each in windows.values() for window in each for error in window.errors],
    )


def _choices(tree: Tree, seconds: float) -> Iterator[tuple[str, Callable[[], Window]]]:
    for clients in CLIENTS:
        for function in ("pair", "plain-pair", "cart", "plain-cart", "stateless"):
            plans = [
                tree.plan(
                    "edge-a",
                    function,
                    f"{function}-{clients}-{number}",
                    counts=function != "stateless",
                    renew_after=PRODUCTS if "cart" in function else 0,
                )
                for number in range(clients)
            ]
            yield f"{function} {clients}", partial(load.measure, plans, seconds)


def _pairs(
    windows: dict[str, list[Window]],
) -> Iterator[tuple[str, int, list[float], list[float]]]:
    """Give what is compared: its name, the number of clients, requests/s of both."""
    names = {"pair": "one get + one set", "cart": "the cart"}
    against = {"plain": "against hand-written", "stateless": "against stateless"}
    for clients in CLIENTS:
        for kind, what in names.items():
            for other, words in against.items():
                reference = f"plain-{kind}" if other == "plain" else other
                ours = [window.rate for window in windows[f"{kind} {clients}"]]
                theirs = [window.rate for window in windows[f"{reference} {clients}"]]
                yield f"{what}, {words}", clients, ours, theirs


def _rates(windows: dict[str, list[Window]]) -> Iterator[Row]:
    for what, clients, ours, theirs in _pairs(windows):
        yield Row.against(f"{what}, {_clients(clients)}", "requests/s", ours, theirs)


def _ratios(windows: dict[str, list[Window]]) -> Iterator[tuple[str, list[float]]]:
    for what, clients, ours, theirs in _pairs(windows):
        label = what.replace(", ", ",\n")
        yield f"ratio|{label}|{clients}", ratios(ours, theirs)


def _latencies(windows: dict[str, list[Window]]) -> Iterator[Row]:
    for name, measured in windows.items():
        function, clients = name.split()
        values = [ms for window in measured for ms in window.latencies_ms]
        yield Row.of(f"response time of `{function}`, {_clients(int(clients))}", "ms", values)


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


def _client_share(windows: dict[str, list[Window]]) -> Row:
    shares = [100 * window.client_share for each in windows.values() for window in each]
    return Row.of("the clients' own share of one processor", "%", shares)


def _claim(windows: dict[str, list[Window]], kind: str) -> Claim:
    ours, theirs = ([w.rate for w in windows[f"{name} 8"]] for name in (kind, f"plain-{kind}"))
    return Claim(f"request.{kind}", median(ratios(ours, theirs)))


def _sampled(windows: list[Window], most: int = 500) -> list[float]:
    """Keep enough for a figure."""
    values = [ms for window in windows for ms in window.latencies_ms]
    return values[:: max(1, len(values) // most)]
