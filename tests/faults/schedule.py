"""Which fault happens when: drawn from the seed alone, whatever the run then does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from random import Random

from tests.faults.place import End, Link
from tests.faults.proxy import Way

MEAN_GAP_S = 0.75


class Breakage(StrEnum):
    """The kinds of faults."""

    FUNCTION_KILLED = "function killed"
    FUNCTION_PAUSED = "function paused"
    GATEWAY_KILLED = "gateway killed"
    SERVER_KILLED = "server killed"
    NODE_KILLED = "gateway and server killed"
    CUT = "connections cut"
    STALLED = "connections stalled"
    RESET = "connection reset in the middle"


WEIGHTS = {
    Breakage.FUNCTION_KILLED: 26,
    Breakage.FUNCTION_PAUSED: 8,
    Breakage.GATEWAY_KILLED: 1,
    Breakage.SERVER_KILLED: 7,
    Breakage.NODE_KILLED: 1,
    Breakage.CUT: 12,
    Breakage.STALLED: 20,
    Breakage.RESET: 25,
}

RESET_AFTER_BYTES = (0, 1, 40, 200, 500, 1500, 20_000, 200_000)
"""Before any of a message, in its head, in its body, in a large packet."""


@dataclass(frozen=True)
class Fault:
    """What happens ``at`` so many seconds after the beginning.

    ``seconds`` is how long a pause, cut or stall lasts; ``ways`` are the directions that are
    stalled or reset, ``after`` how many bytes later the reset comes.
    """

    at: float
    kind: Breakage
    link: Link
    function: str = ""
    seconds: float = 0.0
    ways: tuple[Way, ...] = ()
    after: int = 0

    @property
    def until(self) -> float:
        """When it is over, in seconds after the beginning."""
        return self.at + self.seconds


def schedule(seed: int, seconds: float, functions: Mapping[str, Sequence[str]]) -> list[Fault]:
    """Draw the faults of a run; that of a longer run with the same seed begins with them.

    ``functions`` are the names of what can be killed at each location.
    """
    return list(takewhile(lambda fault: fault.at < seconds, _endless(seed, functions)))


def _endless(seed: int, functions: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    chance, now = Random(f"{seed} faults"), 0.0
    busy_until = dict[Link, float]()
    while True:
        now += chance.expovariate(1 / MEAN_GAP_S)
        [kind] = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        location = chance.choice(list(functions))
        fault = _DRAW[kind](chance, now, kind, location, functions[location])
        if kind in {Breakage.CUT, Breakage.STALLED}:
            if now < busy_until.get(fault.link, 0.0):  # a link is mended as a whole
                continue
            busy_until[fault.link] = fault.until
        yield fault


Draw = Callable[[Random, float, Breakage, str, Sequence[str]], Fault]


def _of_function(
    chance: Random, at: float, kind: Breakage, location: str, functions: Sequence[str]
) -> Fault:
    link, function = Link(location, End.GATEWAY), chance.choice(functions)
    seconds = chance.uniform(0.5, 4.0) if kind is Breakage.FUNCTION_PAUSED else 0.0
    return Fault(at, kind, link, function, seconds)


def _of_process(_: Random, at: float, kind: Breakage, location: str, __: Sequence[str]) -> Fault:
    end = End.SERVER if kind is Breakage.SERVER_KILLED else End.GATEWAY
    return Fault(at, kind, Link(location, end))


def _of_link(chance: Random, at: float, kind: Breakage, location: str, _: Sequence[str]) -> Fault:
    link = Link(location, chance.choice(list(End)))
    ways = chance.choice([(Way.REQUESTS,), (Way.ANSWERS,), tuple(Way)])
    seconds = min(chance.expovariate(1.0), 5.0) + 0.1
    if kind is Breakage.RESET:
        return Fault(at, kind, link, "", 0.0, ways[:1], chance.choice(RESET_AFTER_BYTES))
    return Fault(at, kind, link, "", seconds, ways if kind is Breakage.STALLED else ())


_DRAW: dict[Breakage, Draw] = {
    Breakage.FUNCTION_KILLED: _of_function,
    Breakage.FUNCTION_PAUSED: _of_function,
    Breakage.GATEWAY_KILLED: _of_process,
    Breakage.SERVER_KILLED: _of_process,
    Breakage.NODE_KILLED: _of_process,
    Breakage.CUT: _of_link,
    Breakage.STALLED: _of_link,
    Breakage.RESET: _of_link,
}
