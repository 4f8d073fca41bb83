"""Which schedules there are: every fault at every step, changes of turn, pairs of faults."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.protocol.exploration.explorer import FAULTLESS, Explorer, Run
from tests.protocol.exploration.scenarios import MEETINGS, SCENARIOS
from tests.protocol.exploration.schedule import LOSSES, Fault, Recovery, Schedule, Step

ENDINGS = 4
"""Of schedules that differ in the last event only: the rest has to be run only once to know it."""

TURNS_OF_LOSSES = 0.3


def singles(explorer: Explorer, scenario: str) -> Iterator[Schedule]:
    """Give one schedule for each fault at each step, those of the recovery too."""
    for recovery in Recovery:
        base = Schedule(scenario, (), recovery)
        for step in explorer.run(base).steps:
            yield from (base.plus(step, fault) for fault in step.faults)


def turns(explorer: Explorer, scenario: str, most: int, seed: int) -> Iterator[Schedule]:
    """Give the schedules without a fault in which somebody gives way, once or twice.

    All with one change of turn, and as many with two as there may be then, chosen by chance.
    """
    if scenario not in MEETINGS:
        return
    base = Schedule(scenario)
    once = [base.plus(step, Fault.GIVE_WAY) for step in _parts(explorer.run(base))]
    yield from once
    chance = random.Random(seed)
    for _ in range(most - len(once)):
        schedule = chance.choice(once)
        yield _grown(chance, explorer.run(schedule), is_turn=True)


def pairs(explorer: Explorer, scenario: str, seed: int) -> Iterator[Schedule]:
    """Give different schedules with two faults, chosen by chance, without end.

    Where two meet, there are up to two changes of turn, before, between or after the faults.
    """
    chance, given = random.Random(seed), set[Schedule]()
    while True:
        schedule = Schedule(scenario, (), chance.choice(list(Recovery)))
        are_turns = [False, False]
        if scenario in MEETINGS:
            are_turns += [True] * chance.randint(0, 2)
            chance.shuffle(are_turns)
        for is_turn in are_turns[:-1]:
            schedule = _grown(chance, explorer.run(schedule), is_turn=is_turn)
        run = explorer.run(schedule)
        for _ in range(ENDINGS):
            ending = _grown(chance, run, is_turn=are_turns[-1])
            if ending not in given and len(ending.faults) == 2:
                given.add(ending)
                yield ending


def losses(explorer: Explorer, scenario: str, seed: int) -> Iterator[Schedule]:
    """Give different schedules in which a store is lost, chosen by chance, without end.

    In two of three something else happens, too, before it or after it; where two meet, they may
    take turns.
    """
    chance, given = random.Random(seed), set[Schedule]()
    while True:
        schedule = Schedule(scenario, (), chance.choice(list(Recovery)))
        number, place = chance.randint(0, 2), chance.random()
        others = [scenario in MEETINGS and chance.random() < TURNS_OF_LOSSES] * (number > 0)
        for is_turn in others if place < 0.5 else []:
            schedule = _grown(chance, explorer.run(schedule), is_turn=is_turn)
        run = explorer.run(schedule)
        for _ in range(ENDINGS):
            ending = _without_store(chance, run)
            for is_turn in others if place >= 0.5 else []:
                ending = _grown(chance, explorer.run(ending), is_turn=is_turn)
            if ending not in given and any(fault in LOSSES for fault in ending.faults):
                given.add(ending)
                yield ending


def _without_store(chance: random.Random, run: Run) -> Schedule:
    """Lose a store after the last event."""
    steps = _after(run)
    return run.schedule.plus(chance.choice(steps), chance.choice(LOSSES)) if steps else run.schedule


def _grown(chance: random.Random, run: Run, *, is_turn: bool) -> Schedule:
    """Add one event after the last."""
    steps = _parts(run) if is_turn else _after(run)
    if not steps:
        return run.schedule
    step = chance.choice(steps)
    fault = Fault.GIVE_WAY if is_turn else chance.choice(step.faults)
    return run.schedule.plus(step, fault)


def _parts(run: Run) -> Sequence[Step]:
    """Give the steps after the last event that belong to the scenario, not to the recovery."""
    return [s for s in _after(run) if s.activity in SCENARIOS[run.schedule.scenario].parts]


def _after(run: Run) -> Sequence[Step]:
    """Give the steps that follow the last event, as far as they may meet a fault."""
    events = {(event.activity, event.index) for event in run.schedule.events}
    met = [n for n, step in enumerate(run.steps, 1) if (step.activity, step.index) in events]
    return [s for s in run.steps[max(met, default=0) :] if not s.activity.startswith(FAULTLESS)]
