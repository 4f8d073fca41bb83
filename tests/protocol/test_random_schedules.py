"""Whatever clients, oracles and chance do, nothing is lost, forked or doubled.

A failure is shrunk and prints its story, which can be told again:
``python -m tests.protocol.exploration --tell 'STORY'``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from edgedb.wire.choices import OffloadStatus
from tests.protocol.exploration.schedule import LOSSES, Event, Fault
from tests.protocol.exploration.stories import (
    FOUR_LEVELS,
    LATE,
    PAGED,
    SESSIONS,
    Line,
    Storyteller,
)
from tests.protocol.exploration.world import World
from tests.support.servers import Server

STORIES = int(os.environ.get("EXPLORE_STORIES", "30"))
LINES = 12
STEPS = 30  # most deeds take fewer

Who = tuple[str, str]
Events = tuple[Event, ...]

# a restart takes ten times as long as anything else; it is a line of its own
FAULTS = sorted(
    fault
    for fault in {*Fault} - {*LOSSES}  # stores are lost in exploration, which judges that
    if not fault.startswith(("restart", "give-way"))
)

whom = st.sampled_from(SESSIONS)
places = st.sampled_from(list(FOUR_LEVELS["locations"]))
below = st.sampled_from(["city", "town", "edge-a", "edge-b"])
some = st.sampled_from(["offload", "offload-many", "onload"])
"""Deeds that move whatever is there, one session or up to three of them."""
goals = st.integers(-1, 2)
"""Where a session is to go: up if -1, else down to so many levels above its home."""


def faults(activities: str, most: int) -> st.SearchStrategy[Events]:
    """Give what may happen at the first steps of some activities."""
    return _events(activities, st.sampled_from(FAULTS), most)


def turns() -> st.SearchStrategy[Events]:
    """Give changes of turn of two activities."""
    return _events("ab", st.just(Fault.GIVE_WAY), 3)


def _events(
    activities: str, kinds: st.SearchStrategy[Fault], most: int
) -> st.SearchStrategy[Events]:
    event = st.builds(Event, st.sampled_from(activities), st.integers(0, STEPS), kinds)
    return st.lists(event, max_size=most).map(tuple)


class Stories(RuleBasedStateMachine):
    """A story, told line by line."""

    teller: ClassVar[Storyteller]

    def __init__(self) -> None:
        super().__init__()
        self.words = 0

    def writing(self, who: Who, *mode: str) -> tuple[str, ...]:
        """Give a deed that writes a word not used before."""
        self.words += 1
        return ("write", *who, f"w{self.words}", *mode)

    def moving(self, who: Who, goal: int) -> tuple[str, ...]:
        """Give a deed that moves a session from where it is."""
        way = self.teller.way_up(*who)
        if goal < 0 or len(way) == 1:
            return ("offload", way[-1], who[0])
        return ("onload", way[min(goal, len(way) - 2)], who[0])

    def tell(self, *deeds: tuple[str, ...], events: Events = ()) -> None:
        """Let a line happen."""
        self.teller.tell(Line(deeds, events))

    @initialize(is_paged=st.booleans())
    def begin(self, is_paged: bool) -> None:
        self.teller.begin()
        if is_paged:
            self.tell(PAGED)
        for who in SESSIONS:
            self.tell(self.writing(who))

    @rule(who=whom, mode=st.sampled_from([(), ("once",)]), events=faults("a", 1))
    def write(self, who: Who, mode: tuple[str, ...], events: Events) -> None:
        self.tell(self.writing(who, *mode), events=events)

    @rule(who=whom, deed=st.sampled_from(["read", "repeat"]))
    def look(self, who: Who, deed: str) -> None:
        self.tell((deed, *who))

    @rule(who=whom, goal=goals, events=faults("a", 2))
    def move(self, who: Who, goal: int, events: Events) -> None:
        self.tell(self.moving(who, goal), events=events)

    @rule(at=below, deed=some, events=faults("a", 1))
    def move_any(self, at: str, deed: str, events: Events) -> None:
        self.tell((deed, at), events=events)

    @rule(who=whom, at=below, deed=some, turns=turns(), events=faults("ab", 1))
    def write_while_moving_any(
        self, who: Who, at: str, deed: str, turns: Events, events: Events
    ) -> None:
        self.tell((deed, at), self.writing(who), events=turns + events)

    @rule(who=whom, goal=goals, turns=turns(), events=faults("ab", 1))
    def write_while_moving(self, who: Who, goal: int, turns: Events, events: Events) -> None:
        self.tell(self.moving(who, goal), self.writing(who), events=turns + events)

    @rule(who=whom, one=goals, other=goals, turns=turns(), events=faults("ab", 1))
    def move_two_ways(self, who: Who, one: int, other: int, turns: Events, events: Events) -> None:
        self.tell(self.moving(who, one), self.moving(who, other), events=turns + events)

    @rule(who=whom, goal=goals, at=places, turns=turns())
    def tick_while_moving(self, who: Who, goal: int, at: str, turns: Events) -> None:
        self.tell(self.moving(who, goal), ("tick", at), events=turns)

    @rule(at=places, events=faults("a", 1))
    def tick(self, at: str, events: Events) -> None:
        self.tell(("tick", at), events=events)

    @rule(at=below, status=st.sampled_from(OffloadStatus))
    def set_status(self, at: str, status: str) -> None:
        self.tell(("status", at, status))

    @rule(seconds=st.sampled_from(["0.5", "4", "11"]))
    def wait(self, seconds: str) -> None:
        self.tell(("wait", seconds))

    @rule(at=places)
    def restart(self, at: str) -> None:
        self.tell(("restart", at))

    @rule()
    def come_late(self) -> None:
        self.tell(LATE)

    def teardown(self) -> None:
        self.teller.end()


@pytest.fixture(scope="module")
def teller(servers: list[Server]) -> Iterator[Storyteller]:
    """Give a storyteller in a world of four levels."""
    with World(FOUR_LEVELS, servers) as world, closing(Storyteller(world)) as built:
        yield built


def test_no_story_loses_forks_or_doubles_a_session(teller: Storyteller) -> None:
    Stories.teller = teller
    how = settings(
        max_examples=STORIES,
        stateful_step_count=LINES,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Stories, settings=how)
