"""Thirty-two clients on four nodes, while sessions move all the time and while none does."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial

from benchmarks import load
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import median, percentile, ratios
from benchmarks.moves import CallFailed
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.plan import Plan
from benchmarks.trees import Tree

NAME = "sustained"

CLIENTS = 32
WINDOWS = 3  # as long as those of other benchmarks: a second has few moves
PACE_S = 1 / 8  # from the beginning of a move to that of the next
_HOMES = ("edge-a", "edge-b")
_NEXT_UP = {"edge-a": "city", "edge-b": "city", "city": "cloud"}
_PERCENTILES = (50, 95, 99)

_METHOD = f"""\
{CLIENTS} clients, half of them at home at each edge, send one get + one set after the other, each
to a session of its own, and follow it; sessions are at all four nodes. Windows take turns: in one
nothing moves; in the next {1 / PACE_S:.0f} sessions a second do, a quarter of all, random ones, up
by a level or home; in the third one move follows the other without a pause. Each answer is checked:
it counts the session's writes, so one that is lost or doubled is an error."""


@dataclass
class Moved:
    """How long some moves took, milliseconds, and which failed."""

    moves_ms: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Turn:
    """One window, and the moves in it."""

    window: Window
    moved: Moved

    @property
    def errors(self) -> list[str]:
        """What clients and movers met."""
        return [*self.window.errors, *self.moved.refused]


class Mover:
    """Moves sessions, one after the other; ``homes`` says where each began."""

    def __init__(self, tree: Tree, homes: Mapping[str, str]) -> None:
        self._operator = tree.operator
        self._homes = homes
        self._at = dict(homes)
        self._random = random.Random(1)

    def move_until(self, stopped: threading.Event, moved: Moved, pace_s: float) -> None:
        """Move random sessions, one every ``pace_s`` seconds or as soon as the last is there.

        Notes how long it takes, and what goes wrong.
        """
        while not stopped.is_set():
            due = time.monotonic() + pace_s
            try:
                moved.moves_ms.append(self._move(self._random.choice(list(self._at))))
            except CallFailed as error:
                moved.refused.append(str(error))
            stopped.wait(due - time.monotonic())

    def spread(self) -> None:
        """Put sessions everywhere on the way to the root."""
        for number, session in enumerate(self._at):
            for _ in range(number % 3):
                self._up(session)

    def _move(self, session: str) -> float:
        at, home = self._at[session], self._homes[session]
        if at in _NEXT_UP and (at == home or self._random.random() < 0.5):
            return self._up(session)
        move = self._operator.onload(home, session)
        self._at[session] = move.to
        return move.ms

    def _up(self, session: str) -> float:
        move = self._operator.offload(self._at[session], session)
        self._at[session] = move.to
        return move.ms


def run(context: Context) -> Outcome:
    """Take turns: windows without and with moves."""
    tree, seconds = context.tree, WINDOWS * context.scale.window_s
    homes = {f"{home}-{number}": home for home in _HOMES for number in range(CLIENTS // 2)}
    plans = [
        tree.plan(home, "pair", session, knows=("city", "cloud")) for session, home in homes.items()
    ]
    load.measure(plans, 0.1)  # now there are sessions to move
    mover = Mover(tree, homes)
    mover.spread()
    turns = context.interleaved(
        {
            "still": partial(_still, plans, seconds),
            "moving": partial(_moving, plans, seconds, mover, PACE_S),
            "without a pause": partial(_moving, plans, seconds, mover, 0.0),
        },
        context.scale.repetitions,
    )
    return _outcome(turns["still"], turns["moving"], turns["without a pause"])


def _still(plans: Sequence[Plan], seconds: float) -> Turn:
    return Turn(load.measure(plans, seconds), Moved())


def _moving(plans: Sequence[Plan], seconds: float, mover: Mover, pace_s: float) -> Turn:
    moved, stopped = Moved(), threading.Event()
    with ThreadPoolExecutor(1) as pool, load.sending(plans, seconds) as clients:
        moving = pool.submit(mover.move_until, stopped, moved, pace_s)
        wait([moving], seconds)
        stopped.set()
        moving.result()
    return Turn(clients.window, moved)


def _outcome(still: list[Turn], moving: list[Turn], without_a_pause: list[Turn]) -> Outcome:
    rates = [[turn.window.rate for turn in turns] for turns in (moving, still)]
    unpaced = [turn.window.rate for turn in without_a_pause]
    errors = [e for turn in (*still, *moving, *without_a_pause) for e in turn.errors]
    paced, most = (median(_move_rates(turns)) for turns in (moving, without_a_pause))
    return Outcome(
        name=NAME,
        title="Moving all the time",
        method=_METHOD,
        rows=[
            Row.against("throughput, moving against still", "requests/s", *rates),
            *_latencies(still, moving),
            Row.of("moves", "moves/s", _move_rates(moving)),
            Row.of("a move", "ms", [ms for turn in moving for ms in turn.moved.moves_ms]),
            Row.against("throughput, without a pause", "requests/s", unpaced, rates[1]),
            Row.of("moves, without a pause", "moves/s", _move_rates(without_a_pause)),
        ],
        claims=[
            Claim(
                "sustained.ratio",
                median(ratios(*rates)),
                f"at {paced:.0f} moves/s; {median(ratios(unpaced, rates[1])):.2f} without a pause, "
                f"at {most:.0f}",
            ),
            Claim("sustained.errors", len(errors)),
        ],
        samples={
            name: [ms for turn in turns for ms in turn.window.latencies_ms][::10]
            for name, turns in (("still", still), ("moving", moving))
        },
        failures=errors,
    )


def _move_rates(turns: Sequence[Turn]) -> list[float]:
    return [len(turn.moved.moves_ms) / turn.window.seconds for turn in turns]


def _latencies(still: list[Turn], moving: list[Turn]) -> Iterator[Row]:
    for percent in _PERCENTILES:
        ours, theirs = (
            [percentile(turn.window.latencies_ms, percent) for turn in turns]
            for turns in (moving, still)
        )
        name = f"response time, {percent}th percentile, moving against still"
        yield Row.against(name, "ms", ours, theirs)
