"""Activities: threads of which exactly one runs, until it ends, sleeps or gives way.

So the order of all steps is decided here and nowhere else, and is the same every time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from tests.support.tree import Clock


class Crash(BaseException):
    """The current process is dead. Not an Exception: no handler and no clean-up outlives it."""


class NoAnswer(Exception):
    """The called process died; whoever called it sees its connection end."""


@dataclass
class Process:
    """One function's process at one location; each activity is served by replicas of its own."""

    activity: str
    location: str
    function: str
    is_dead: bool = False
    tasks: list[Callable[[], None]] = field(default_factory=list)
    """What it is to do when it has answered."""

    def die(self) -> Any:
        """End it: from here on it takes no step, and what it knows is lost."""
        self.is_dead = True
        raise Crash

    def __str__(self) -> str:
        return f"{self.location}/{self.function}"


class State(Enum):
    """What an activity does."""

    READY = auto()
    PAUSED = auto()
    DONE = auto()


@dataclass
class Activity:
    """Something that goes on by itself; ``stack`` has the processes that wait for each other."""

    name: str
    body: Callable[[], object]
    state: State = State.READY
    steps: int = 0
    stack: list[Process] = field(default_factory=list)
    error: BaseException | None = None
    baton: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class Conductor:
    """Lets one activity run at a time."""

    def __init__(self) -> None:
        self.current: Activity | None = None
        self._activities: list[Activity] = []
        self._own_turn = threading.Semaphore(0)

    def run(self, activities: Sequence[Activity]) -> None:
        """Run activities, the first one first, until each has ended or is paused."""
        self._activities = list(activities)
        for activity in activities:
            threading.Thread(target=self._play, args=[activity], daemon=True).start()
        self._run_ready()

    def resume(self, paused: Sequence[Activity]) -> None:
        """Let paused activities go on, until each has ended or is paused again."""
        self._activities = list(paused)
        for activity in paused:
            activity.state = State.READY
        self._run_ready()

    def _run_ready(self) -> None:
        position = 0
        while any(a.state is State.READY for a in self._activities):
            activity = self._activities[position % len(self._activities)]
            position += 1
            if activity.state is State.READY:
                self.current = activity
                activity.baton.release()
                self._own_turn.acquire()
                self.current = None

    def _play(self, activity: Activity) -> None:
        activity.baton.acquire()
        try:
            activity.body()
        except BaseException as error:
            activity.error = error
        activity.state = State.DONE
        self._own_turn.release()

    def give_way(self) -> None:
        """Let the next activity run, if there is one."""
        activity = self.current
        if activity and any(a.state is State.READY and a is not activity for a in self._activities):
            self._stop(activity)

    def pause(self) -> None:
        """Stop the current activity until it is resumed."""
        assert self.current is not None
        self.current.state = State.PAUSED
        self._stop(self.current)

    def _stop(self, activity: Activity) -> None:
        self._own_turn.release()
        activity.baton.acquire()


@dataclass
class Time:
    """Stands in for the module ``time``: only sleeping takes time, and lets others go on."""

    clock: Clock
    conductor: Conductor

    def monotonic(self) -> float:
        """Give the time in seconds."""
        return self.clock.now_ms / 1000

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.advance(seconds)
        self.conductor.give_way()
