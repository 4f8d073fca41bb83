"""Breadth-first search through every reachable state; what it finds has a shortest trace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .invariants import Soundness
from .records import NO_TRANSFER, Call
from .rules import World
from .surroundings import State, initial, successors

Check = Callable[[State, State], str | None]
"""Gets the states before and after a step; gives a name to what it looks for when it is there."""
GIVEN = ("offer", "since", "version", "data", "asker", "epoch", "lock", "last", "fresh")
Parents = dict[State, tuple[State, Call] | None]


@dataclass(frozen=True)
class Report:
    """What a search saw: all there is, or everything up to the first thing found."""

    states: int
    steps: int
    found: str | None = None
    trace: tuple[Call, ...] = ()
    """The steps that lead from the initial state to what was found."""

    def __str__(self) -> str:
        head = f"{self.states:,} states, {self.steps:,} steps: {self.found or 'sound'}"
        return "\n".join([head, *(f"{n:4}  {_words(c)}" for n, c in enumerate(self.trace, 1))])


def explore(world: World, check: Check | None = None) -> Report:
    """Visit every state that can be reached, and check every step, by default for soundness."""
    check = check or Soundness(world)
    start = initial(world)
    parents: Parents = {start: None}
    waiting, steps = deque([start]), 0
    while waiting:
        state = waiting.popleft()
        for call, following in successors(world, state):
            steps += 1
            if found := check(state, following):
                trace = (*_trace(parents, state), call)
                return Report(len(parents), steps, found, trace)
            if following not in parents:
                parents[following] = (state, call)
                waiting.append(following)
    return Report(len(parents), steps)


def _trace(parents: Parents, state: State) -> tuple[Call, ...]:
    """Give the steps that led to a state, first step first."""
    calls: list[Call] = []
    while (step := parents[state]) is not None:
        state, call = step
        calls.append(call)
    return tuple(reversed(calls))


def _words(call: Call) -> str:
    """Write a step as its transfer, location, name and arguments."""
    transfer = "  " if call.transfer == NO_TRANSFER else f"t{call.transfer + 1}"
    given = [f"{name}={value}" for name, value in call._asdict().items() if value and name in GIVEN]
    return " ".join([transfer, f"{'PSDE'[call.at]}: {call.step}", *given])
