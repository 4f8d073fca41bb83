"""A flash crowd that fills a node above its high mark, and goes on writing."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks import load, trees
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.sessions import KIB, MIB
from benchmarks.trees import STACKS, Tree

NAME = "flash"

_LEVELS = ("cloud", "edge")
_STACKS = (STACKS[0], "benchmarks/flash.stack.yml")
_EACH = 4 * KIB
_PACE_S = 20.0
_LONGEST_S = 120.0
_TICKS = 10
_POLL_S = 0.25

_METHOD = f"""\
Clients come within {_PACE_S:.0f} s, each with a new session, and from then on each writes
{_EACH // KIB} KiB to it every {_PACE_S:.0f} s and follows it. Together they have 2.5 times what the
node at the edge may hold (its high mark): above that it is to offload until it is below the low
mark, two thirds of that; below a third it would bring sessions home. Its oracle is called once a
minute. The time runs from when the high mark is passed until all clients are there and the node is
below its low mark. Then {_TICKS} ticks are asked for at both nodes, while they go on. Each answer
counts the session's writes, so one that is lost or doubled is an error."""


@dataclass(frozen=True)
class Marks:
    """The thresholds of the node, bytes."""

    high: int
    low: int
    home: int

    @classmethod
    def for_crowd(cls, clients: int) -> Marks:
        """Give those that a crowd passes by far."""
        high = clients * _EACH * 2 // 5
        return cls(high, high * 2 // 3, high // 3)

    @property
    def environment(self) -> dict[str, str]:
        """As the stack file names them."""
        return {
            "EDGE_OFFLOAD_ABOVE": str(self.high),
            "EDGE_OFFLOAD_BELOW": str(self.low),
            "EDGE_ONLOAD_BELOW": str(self.home),
        }


@dataclass
class Filling:
    """What was seen of the node's bytes, by monotonic seconds."""

    marks: Marks
    seen: list[tuple[float, int]] = field(default_factory=list)

    def is_relieved(self, since: float) -> bool:
        """Whether it is below the low mark, and was above the high one, and since is over."""
        at, size = self.seen[-1]
        return at >= since and size <= self.marks.low and self.began > 0

    @property
    def began(self) -> float:
        """When it passed the high mark; 0: never."""
        return next((at for at, size in self.seen if size > self.marks.high), 0)


def run(context: Context) -> Outcome:
    """Let the crowd come, and wait until the node is relieved."""
    clients = context.scale.newcomers
    marks = Marks.for_crowd(clients)
    with trees.tree(
        context.folder / NAME, _STACKS, levels=_LEVELS, environment=marks.environment
    ) as tree:
        crowd = [
            tree.plan("edge", f"visit?bytes={_EACH}", f"newcomer-{number}", pace_s=_PACE_S)
            for number in range(clients)
        ]
        with load.sending(crowd) as running:
            filling = _watch(tree, marks, context)
            before = _moves(tree)
            _tick(tree, context)
            again = _moves(tree) - before
    return _outcome(clients, filling, again, running.window)


def _watch(tree: Tree, marks: Marks, context: Context) -> Filling:
    """Look at the node until it is relieved, or for too long."""
    filling, came = Filling(marks), time.monotonic() + _PACE_S
    until = came + _LONGEST_S
    while time.monotonic() < until:
        said = tree.oracle("edge", "oracle", method="GET").json()
        filling.seen.append((time.monotonic(), int(said["bytes"])))
        context.progress(0.3, f"{filling.seen[-1][1] / MIB:.1f} MiB")
        if filling.is_relieved(came):
            break
        time.sleep(_POLL_S)
    return filling


def _tick(tree: Tree, context: Context) -> None:
    """Ask both nodes for their ticks, spread over a while."""
    for number in range(_TICKS):
        context.progress(0.5 + number / _TICKS / 2, f"tick {number + 1}")
        for location in _LEVELS:
            tree.oracle(location, "oracle").raise_for_status()
        time.sleep(2 * _PACE_S / _TICKS)


def _moves(tree: Tree) -> Counter[str]:
    """Count how often each session has moved: its epoch, at the node where it began."""
    server, found = tree.redis("edge"), Counter[str]()
    metas = list(server.scan_iter("edge:{newcomer-*}:meta", count=1000))
    with server.pipeline(transaction=False) as pipe:
        for key in metas:
            pipe.hget(key, "epoch")
        for key, epoch in zip(metas, pipe.execute(), strict=True):
            found[key.decode()] = int(epoch or 1) - 1
    return found


def _outcome(clients: int, filling: Filling, again: Counter[str], window: Window) -> Outcome:
    took = filling.seen[-1][0] - filling.began if filling.began else _LONGEST_S
    fullest = max(size for _, size in filling.seen)
    twice = sum(count > 1 for count in again.values())
    late = [] if filling.is_relieved(0) else ["the node was never below its low mark"]
    return Outcome(
        name=NAME,
        title="A flash crowd",
        method=_METHOD,
        rows=[
            Row.of("from above the high mark to below the low one", "s", [took]),
            Row.of("the fullest, in times of the high mark", "", [fullest / filling.marks.high]),
            Row.of("moves in ten ticks after that", "", [sum(again.values())]),
            Row.of("response time", "ms", window.latencies_ms),
            Row.of("the clients", "requests/s", [window.rate]),
        ],
        claims=[
            Claim("flash.relief", took, f"{clients:,} clients"),
            Claim("flash.errors", len(window.errors), f"of {len(window.replies):,} requests"),
            Claim("flash.again", twice, f"of {sum(again.values())} moves"),
        ],
        failures=[*window.errors, *late],
    )
