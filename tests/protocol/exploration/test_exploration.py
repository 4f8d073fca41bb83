"""A sample of what ``make explore`` runs in full."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.protocol.exploration import search
from tests.protocol.exploration.explorer import Explorer
from tests.protocol.exploration.scenarios import CHAIN, MEETINGS, SCENARIOS
from tests.protocol.exploration.schedule import Fault, Schedule
from tests.protocol.exploration.world import World
from tests.support.servers import Server

SEED = 1
SINGLES, TURNS, PAIRS = 8, 12, 3  # of each scenario
LOSSES = 3  # of every third


@pytest.fixture(scope="module")
def explorer(servers: list[Server]) -> Iterator[Explorer]:
    """Give an explorer of the chain of three nodes."""
    with World(CHAIN, servers) as world:
        yield Explorer(world)


def assert_sound(explorer: Explorer, schedule: Schedule) -> None:
    problems = explorer.run(schedule).problems
    assert not problems, f"--replay '{schedule}'"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_fault_leaves_nothing_undone(explorer: Explorer, scenario: str) -> None:
    every = list(search.singles(explorer, scenario))
    for schedule in random.Random(SEED).sample(every, SINGLES):
        assert_sound(explorer, schedule)


@pytest.mark.parametrize("scenario", MEETINGS)
def test_the_order_of_steps_does_not_matter(explorer: Explorer, scenario: str) -> None:
    every = list(search.turns(explorer, scenario, 0, SEED))
    for schedule in random.Random(SEED).sample(every, min(TURNS, len(every))):
        assert_sound(explorer, schedule)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_two_faults_leave_nothing_undone(explorer: Explorer, scenario: str) -> None:
    for schedule in itertools.islice(search.pairs(explorer, scenario, SEED), PAIRS):
        assert_sound(explorer, schedule)


@pytest.mark.parametrize("scenario", list(SCENARIOS)[::3])
def test_a_lost_store_forks_and_deletes_nothing(explorer: Explorer, scenario: str) -> None:
    for schedule in itertools.islice(search.losses(explorer, scenario, SEED), LOSSES):
        assert_sound(explorer, schedule)


def test_a_source_that_comes_back_from_before_its_answer_is_used(explorer: Explorer) -> None:
    """The answer is of a run that is over: it makes nothing live."""
    moves = explorer.run(Schedule("a writer")).steps
    (activate,) = (s for s in moves if (s.activity, s.name) == ("mover", "activate"))
    for before in range(4):
        turn = replace(activate, index=activate.index - before)
        schedule = Schedule("a writer").plus(turn, Fault.GIVE_WAY)
        first = next(s for s in explorer.run(schedule).steps if s.activity == "writer")
        assert_sound(explorer, schedule.plus(first, Fault.OLD))


def test_a_schedule_is_replayed_from_its_text(explorer: Explorer) -> None:
    text = "leaf to parent: mover@6 twice, tick-city@2 crash-after; late"
    first, again = (explorer.run(Schedule.parse(text)) for _ in range(2))
    assert first.met == 2
    assert first.steps == again.steps
    assert str(first.schedule) == text
