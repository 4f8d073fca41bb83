"""Choosing and serving among a thousand resident sessions, and among up to a million."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psutil

from benchmarks import load, trees
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import interleaved, median, ratios
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.seeding import Original, used
from benchmarks.sessions import create
from benchmarks.trees import Tree
from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.wire.choices import Policy

NAME = "scale"

FEW, MANY = "edge-a", "edge-b"
_STACKS = ("benchmarks/stack.yml",)
_CALLS = 20
_CANDIDATES = 8  # as many as force-offload tries

_METHOD = f"""\
A session that a request has written is copied by the server under new names, keys and index
entries, with sizes and times of last access spread out. {FEW} has always a thousand of them,
{MANY} gets more and more. *Choosing* is what the library does for `force-offload` (by size, by
time) and for `onload-session` (the last used of a subtree; none to be found), {_CALLS} calls each,
on both servers in turns. This process is kept on one processor meanwhile and both servers on
another, since where they run makes more difference than anything else. A request is one get + one
set, one client in one of the copied sessions, at both gateways in turns."""


class Population:
    """The copies at one location."""

    def __init__(self, tree: Tree, location: str) -> None:
        session = str(uuid.uuid4())
        create(tree, location, session, "pair")
        self.location = location
        self.server = tree.redis(location)
        self.count = 0
        self._original = Original(self.server, session)
        name = tree.topology.name
        self._store = SessionStore.connect(_settings(tree, location), lambda: name)

    def grow_to(self, count: int) -> float:
        """Copy until there are so many; give the bytes that each of the new ones takes."""
        before, new = used(self.server), count - self.count
        for _ in self._original.copy(self.count, new):
            pass
        self.count = count
        return (used(self.server) - before) / new

    def session(self) -> str:
        """Give one of them."""
        return self._original.name(self.count // 2)

    def choices(self) -> dict[str, Callable[[], list[str]]]:
        """Give the ways to choose."""
        choose = self._store.residents.choose
        here = frozenset({self.location})
        return {
            "the largest": partial(choose, Policy.LARGEST, _CANDIDATES, here),
            "the least recent": partial(choose, Policy.LEAST_RECENT, _CANDIDATES, here),
            "the last used of a subtree": partial(choose, Policy.MOST_RECENT, 1, here),
            "none of a subtree": partial(choose, Policy.MOST_RECENT, 1, frozenset({"nowhere"})),
        }


def run(context: Context) -> Outcome:
    """Grow one population step by step; compare it with a thousand at each step."""
    findings = Findings()
    with trees.tree(context.folder / "scale", _STACKS) as tree:
        few, many = Population(tree, FEW), Population(tree, MANY)
        few.grow_to(context.scale.populations[0])
        for number, count in enumerate(context.scale.populations):
            context.progress(number / len(context.scale.populations), f"{count:,} sessions")
            findings.bytes[count] = many.grow_to(count)
            _compare(findings, tree, few, many, context)
    return findings.outcome()


class Findings:
    """What was measured, by population: milliseconds of the few and the many, in turns."""

    def __init__(self) -> None:
        self.bytes: dict[int, float] = {}
        self.choosing: dict[tuple[str, int], tuple[list[float], list[float]]] = {}
        self.requests: dict[int, tuple[list[float], list[float]]] = {}
        self.failures: list[str] = []

    def outcome(self) -> Outcome:
        """Put it into rows."""
        return Outcome(
            name=NAME,
            title="A million sessions",
            method=_METHOD,
            rows=list(self._rows()),
            claims=[self._claim()],
            samples=dict(self._samples()),
            failures=self.failures,
        )

    def _rows(self) -> Iterator[Row]:
        for (what, count), (few, many) in self.choosing.items():
            yield Row.against(f"choosing {what} of {count:,} against 1,000", "ms", many, few)
        for count, (few, many) in self.requests.items():
            yield Row.against(f"request among {count:,} against 1,000", "ms", many, few)
        for count, size in self.bytes.items():
            yield Row.of(f"a session with one value, up to {count:,}", "B", [size])

    def _claim(self) -> Claim:
        count = max(self.bytes)
        worst = {
            what: median(ratios(m, f)) for (what, n), (f, m) in self.choosing.items() if n == count
        }
        slowest = max(worst, key=lambda what: worst[what])
        return Claim("scale.ratio", worst[slowest], f"{slowest}, of {count:,}, the worst of four")

    def _samples(self) -> Iterator[tuple[str, list[float]]]:
        for (what, count), (few, many) in self.choosing.items():
            yield f"choosing {what}|{count}", ratios(many, few)
        for count, (few, many) in self.requests.items():
            yield f"a request|{count}", ratios(many, few)


def _compare(
    findings: Findings, tree: Tree, few: Population, many: Population, context: Context
) -> None:
    repetitions = context.scale.repetitions
    with _apart(few, many):
        for what, choose in few.choices().items():
            steps = {FEW: partial(_timed, choose), MANY: partial(_timed, many.choices()[what])}
            times = interleaved(steps, 3 * repetitions)
            findings.choosing[what, many.count] = times[FEW], times[MANY]
    windows = interleaved(
        {at.location: partial(_window, tree, at, context.scale.window_s) for at in (few, many)},
        repetitions,
    )
    found = [[median(w.latencies_ms) for w in windows[at]] for at in (FEW, MANY)]
    findings.requests[many.count] = found[0], found[1]
    findings.failures += [e for each in windows.values() for w in each for e in w.errors]


@contextmanager
def _apart(*populations: Population) -> Iterator[None]:
    """Keep this process on the first processor and the servers on the last, for a while."""
    everywhere = psutil.Process().cpu_affinity()
    servers = [psutil.Process(int(at.server.info("server")["process_id"])) for at in populations]
    try:
        psutil.Process().cpu_affinity(everywhere[:1])
        for server in servers:
            server.cpu_affinity(everywhere[-1:])
        yield
    finally:
        for process in (psutil.Process(), *servers):
            process.cpu_affinity(everywhere)


def _timed(choose: Callable[[], object]) -> float:
    """Give the milliseconds of one call, the mean of some."""
    began = time.perf_counter()
    for _ in range(_CALLS):
        choose()
    return (time.perf_counter() - began) * 1000 / _CALLS


def _window(tree: Tree, at: Population, seconds: float) -> Window:
    return load.measure([tree.plan(at.location, "pair", at.session())], seconds)


def _settings(tree: Tree, location: str) -> Settings:
    host, _, port = tree.node(location)["redis"].partition(":")
    return Settings(
        location=location,
        function="benchmarks",
        parent_host=None,
        redis_host=host,
        redis_port=int(port),
        insecure=True,
    )
