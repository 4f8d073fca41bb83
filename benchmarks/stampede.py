"""Two hundred clients of one session beside one client of another; who asks for readiness."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import requests

from benchmarks import load
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import median, percentile, ratios
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.trees import Tree

NAME = "stampede"
ALONE, BESIDE = "alone", "beside 200 of one session"

_CLIENTS, _HANDLER_MS = 200, 100
_WINDOWS = 4  # as long as others' windows: the crowd comes back after a second
_PROBE_S = 0.05
_METHOD = f"""\
{_CLIENTS} clients of one session send one request after the other to a function whose handler takes
{_HANDLER_MS} ms; they obey `Retry-After`, as `EdgeSession` does. Beside them, one client of another
session of the same function, whose handler only gets and sets, and somebody who asks every
{_PROBE_S * 1000:.0f} ms whether the function is ready. Windows with and without the crowd take
turns; a ratio is that of two neighbouring windows."""


@dataclass
class Readiness:
    """What was answered: milliseconds, and what was not *ready*."""

    answers_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """One window: of the one client, of the crowd, and of readiness."""

    other: Window
    crowd: Window | None
    readiness: Readiness

    @property
    def failures(self) -> Iterator[str]:
        """What should not have been answered."""
        yield from self.other.errors
        yield from self.crowd.errors if self.crowd else ()
        yield from self.readiness.failures


def run(context: Context) -> Outcome:
    """Measure both."""
    tree, seconds = context.tree, _WINDOWS * context.scale.window_s
    windows = context.interleaved(
        {ALONE: partial(_alone, tree, seconds), BESIDE: partial(_beside, tree, seconds)},
        context.scale.repetitions,
    )
    p99 = {
        name: [percentile(w.other.latencies_ms, 99) for w in each] for name, each in windows.items()
    }
    ready = [ms for window in windows[BESIDE] for ms in window.readiness.answers_ms]
    crowds = [window.crowd for window in windows[BESIDE] if window.crowd]
    return Outcome(
        name=NAME,
        title="A crowd at one session, and the client of another",
        method=_METHOD,
        rows=list(_rows(p99, ready, crowds)),
        claims=[
            Claim("stampede.ratio", median(ratios(p99[BESIDE], p99[ALONE]))),
            Claim("stampede.ready", max(ready), f"of {len(ready)}"),
        ],
        samples=p99,
        failures=[error for each in windows.values() for seen in each for error in seen.failures],
    )


def _rows(
    p99: dict[str, list[float]], ready: Sequence[float], crowds: Sequence[Window]
) -> Iterator[Row]:
    yield Row.against("p99 of the other client", "ms", p99[BESIDE], p99[ALONE])
    yield Row.of("readiness beside the crowd", "ms", ready)
    yield Row.of("refused for want of a place", "ms", [ms for c in crowds for ms in c.refused_ms])
    yield Row.of("waited and served", "ms", [ms for c in crowds for ms in c.latencies_ms])


def _alone(tree: Tree, seconds: float) -> Seen:
    with _asked(tree) as readiness:
        window = load.measure([tree.plan("edge-a", "busy", "another", counts=False)], seconds)
    return Seen(window, None, readiness)


def _beside(tree: Tree, seconds: float) -> Seen:
    plan = tree.plan("edge-a", f"busy?ms={_HANDLER_MS}", "busy", counts=False, obeys=True)
    with load.sending([plan] * _CLIENTS) as crowd:
        seen = _alone(tree, seconds)
    return Seen(seen.other, crowd.window, seen.readiness)


@contextmanager
def _asked(tree: Tree) -> Iterator[Readiness]:
    """Ask whether the function is ready, again and again while the block runs."""
    seen, is_over, url = Readiness(), threading.Event(), tree.url("edge-a", "busy", "/_/ready")

    def ask() -> None:
        with requests.Session() as session:
            while not is_over.wait(_PROBE_S):
                began = time.monotonic()
                answer = session.get(url, timeout=60)
                seen.answers_ms.append((time.monotonic() - began) * 1000)
                if answer.status_code != requests.codes.ok:
                    seen.failures.append(f"readiness: {answer.status_code} {answer.text[:200]}")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()
