"""Draining a location of thousands of sessions, idle or written to."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks import load, trees
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import median, percentile, ratios
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.plan import Plan, Reply
from benchmarks.seeding import Original
from benchmarks.sessions import KIB, Contents, fill
from benchmarks.trees import Tree
from edgectl import draining
from edgectl.draining import Drained
from edgectl.operating import Operator

NAME = "drain"

_LEVELS = ("cloud", "city", "edge")
_CLIENTS = 16
_AT_A_TIME = 250  # sessions, as edgectl does
_TIMEOUT_MS = 60_000

_METHOD = f"""\
A session of {KIB} bytes is copied by the server of edge under new names, keys and index entries,
and the location is drained as `edgectl drain` does it, up to city. Beside it, the server's own
mover: `MIGRATE` of all keys of the same sessions to the server of cloud, those of
{_AT_A_TIME} sessions at a time. Then the same with {_CLIENTS} clients that send one get + one set
after the other: each stays with one of these sessions until that has moved, and takes the next of
its share. The pause of a move is the time between the last acknowledged write before it and the
first one after it, less the median of all such times. Answers count a session's writes, so one that
is lost or doubled is an error."""


@dataclass
class Run:
    """One drain, what MIGRATE took for the same sessions, and what clients saw meanwhile."""

    count: int
    drained: Drained
    migrate_s: float = 0
    window: Window | None = None

    @property
    def rate(self) -> float:
        """Sessions moved in a second."""
        return self.drained.moved / self.drained.seconds

    @property
    def migrate_rate(self) -> float:
        """Sessions that MIGRATE copied in a second."""
        return self.count / self.migrate_s

    @property
    def pauses_ms(self) -> list[float]:
        """How long each client waited for each move of the session that it wrote to."""
        return list(pauses_in(self.window.replies)) if self.window else []

    @property
    def failures(self) -> Iterator[str]:
        """What clients met, and what has not moved."""
        yield from self.window.errors if self.window else ()
        yield from (f"{name} stays: {why}" for name, why in self.drained.stayed.items())
        if self.drained.failure:
            yield f"draining: {self.drained.failure}"


def run(context: Context) -> Outcome:
    """Drain a location some times, and some times under clients."""
    with trees.tree(context.folder / NAME, levels=_LEVELS) as tree:
        operator = Operator(tree.topology, lambda at: [tree.oracle_token(at)])
        runs = context.interleaved(
            {
                "idle": lambda: _idle(tree, operator, context.scale.drained),
                "written to": lambda: _written_to(tree, operator, context.scale.drained),
            },
            context.scale.drains,
        )
    return _outcome(runs["idle"], runs["written to"])


def _populate(tree: Tree, count: int) -> Original:
    """Put sessions there."""
    session = str(uuid.uuid4())
    fill(tree, "edge", session, Contents.of("few large values", KIB))
    original = Original(tree.redis("edge"), session)
    for _ in original.copy(0, count - 1):
        pass
    return original


def _idle(tree: Tree, operator: Operator, count: int) -> Run:
    original = _populate(tree, count)
    migrate_s = _migrate(tree, original, count - 1)
    return Run(count, _drain(operator), migrate_s)


def _drain(operator: Operator) -> Drained:
    return draining.drain(operator, "edge", 0, None, lambda *_: None)


def _migrate(tree: Tree, original: Original, count: int) -> float:
    """Copy all keys of the copied sessions to the server of cloud; gives the seconds."""
    source, destination = tree.redis("edge"), tree.redis("cloud")
    at = destination.connection_pool.connection_kwargs
    batches = [
        [
            key
            for number in range(first, min(first + _AT_A_TIME, count))
            for key in original.keys(number)
        ]
        for first in range(0, count, _AT_A_TIME)
    ]
    began = time.monotonic()
    for keys in batches:
        source.migrate(at["host"], at["port"], keys, 0, _TIMEOUT_MS, copy=True)
    seconds = time.monotonic() - began
    for keys in batches:
        destination.unlink(*keys)
    return seconds


def _written_to(tree: Tree, operator: Operator, count: int) -> Run:
    original = _populate(tree, count)
    names = [original.name(number) for number in range(count - 1)]
    random.Random(1).shuffle(names)
    with load.sending([_plan(tree, names[n::_CLIENTS]) for n in range(_CLIENTS)]) as clients:
        drained = _drain(operator)
    return Run(count, drained, window=clients.window)


def _plan(tree: Tree, names: Sequence[str]) -> Plan:
    return tree.plan("edge", "pair", names[0], others=names[1:], knows=["city"])


def pauses_in(replies: Sequence[Reply]) -> Iterator[float]:
    """Give the milliseconds by which a move made a client wait longer than usual."""
    ordered = sorted(replies, key=lambda reply: (reply.client, reply.sent))
    following = [
        (after.ended - before.ended, after.redirects)
        for before, after in pairwise(ordered)
        if (before.client, before.visit) == (after.client, after.visit)
    ]
    usual = median([seconds for seconds, redirects in following if not redirects])
    yield from (1000 * (seconds - usual) for seconds, redirects in following if redirects)


def _outcome(idle: list[Run], written: list[Run]) -> Outcome:
    rates, own = [run.rate for run in idle], [run.migrate_rate for run in idle]
    pauses = [ms for run in written for ms in run.pauses_ms]
    busy = [run.rate for run in written]
    failures = [failure for run in (*idle, *written) for failure in run.failures]
    of = f"{idle[0].count:,} sessions"
    return Outcome(
        name=NAME,
        title="Draining a location",
        method=_METHOD,
        rows=[
            Row.against("idle, against MIGRATE of all keys", "sessions/s", rates, own),
            Row.of("written to", "sessions/s", busy),
            Row.of(
                "the clients meanwhile", "requests/s", [r.window.rate for r in written if r.window]
            ),
            Row.of("pause of a session that is written to", "ms", pauses),
        ],
        claims=[
            Claim(
                "drain.rate", median(rates), f"{median(ratios(rates, own)):.2f} of MIGRATE's, {of}"
            ),
            Claim("drain.busy_rate", median(busy), of),
            Claim("drain.errors", len(failures)),
            Claim(
                "drain.pause",
                percentile(pauses, 99),
                f"of {len(pauses)}, median {median(pauses):.1f}",
            ),
        ],
        samples={"pauses": pauses},
        failures=failures,
    )
