"""Faults and schedules, as text that can be replayed.

A schedule reads ``SCENARIO: ACTIVITY@STEP FAULT, …; RECOVERY``, for instance
``leaf to parent: mover@12 crash-after, tick-city@3 twice; late``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Fault(StrEnum):
    """What may happen at a step. *Late*: after the recovery, and after life has gone on."""

    CRASH_BEFORE = "crash-before"
    """The process that was about to take the step dies."""
    CRASH_AFTER = "crash-after"
    """The process that took the step dies before it can use the answer."""
    CALLEE_CRASH_BEFORE = "callee-crash-before"
    """The process that is called dies before it has done anything."""
    CALLEE_CRASH_AFTER = "callee-crash-after"
    """The process that is called dies when it has done everything but answer."""
    LOSE_REQUEST = "lose-request"
    LOSE_ANSWER = "lose-answer"
    FULL = "full"
    """The node's server refuses the command: it has no memory left."""
    TWICE = "twice"
    """Taken twice: a repeated request, or a command repeated as its answer was lost."""
    COPY_LATE = "copy-late"
    """A copy of the request, or of the command, arrives late."""
    DELAY = "delay"
    """Whoever waits for the answer gives up; the request or command arrives late."""
    STALL = "stall"
    """The process stops for longer than every timeout, while others go on."""
    PAUSE = "pause"
    """The process stops and goes on late."""
    RESTART = "restart"
    """The node's server is killed before the step, and started again."""
    RESTART_REPEAT = "restart-repeat"
    """The node's server is killed after the step, started again, and gets the command again."""
    EMPTY = "empty"
    """The node's server comes back with an empty store; the one before is declared lost."""
    OLD = "old"
    """… with its store as it was when the scenario began."""
    LAG = "lag"
    """… with its store as it was before the last command that changed it."""
    SWAP = "swap"
    """… with another, empty store of its name, until the recovery: it has its own back then."""
    FOREIGN = "foreign"
    """… with a copy of another node's store, until the recovery."""
    GIVE_WAY = "give-way"
    """No fault: another activity goes on first."""


LOSSES = (Fault.EMPTY, Fault.OLD, Fault.LAG, Fault.SWAP, Fault.FOREIGN)
"""What may happen to the store of the node at which a step takes effect, before it does."""


class Kind(StrEnum):
    """What a step is: a call to another node, or a command that changes the server or not."""

    CALL = "call"
    WRITE = "write"
    READ = "read"


_PROCESS = (Fault.CRASH_BEFORE, Fault.STALL, Fault.PAUSE)
_FAULTS_OF: dict[Kind, tuple[Fault, ...]] = {
    Kind.CALL: (
        *_PROCESS,
        Fault.CRASH_AFTER,
        Fault.CALLEE_CRASH_BEFORE,
        Fault.CALLEE_CRASH_AFTER,
        Fault.LOSE_REQUEST,
        Fault.LOSE_ANSWER,
        Fault.TWICE,
        Fault.COPY_LATE,
        Fault.DELAY,
    ),
    Kind.WRITE: (
        *_PROCESS,
        Fault.CRASH_AFTER,
        Fault.LOSE_REQUEST,
        Fault.LOSE_ANSWER,
        Fault.TWICE,
        # a server that stood still executes what nobody waits for any more
        Fault.COPY_LATE,
        Fault.DELAY,
        Fault.RESTART,
        Fault.RESTART_REPEAT,
    ),
    # reading has no effect: nothing to be repeated or to be left behind
    Kind.READ: (*_PROCESS, Fault.LOSE_REQUEST, Fault.RESTART),
}

REFUSABLE = {"begin", "commit", "stage", "update"}
"""Scripts that take memory before they give any back; a full server refuses them."""


class Recovery(StrEnum):
    """When the nodes' ticks come: at once and again later, or only when all timeouts are over."""

    PROMPT = "prompt"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Step:
    """One step that an activity took: its number there, whose process took it, and what it is."""

    activity: str
    index: int
    process: str
    kind: Kind
    name: str

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What may happen at it."""
        full = (Fault.FULL,) if self.name in REFUSABLE else ()
        return _FAULTS_OF[self.kind] + full

    def __str__(self) -> str:
        return f"{self.activity}@{self.index:<3} {self.process:24} {self.kind:5} {self.name}"


@dataclass(frozen=True, slots=True)
class Event:
    """A fault at a step."""

    activity: str
    index: int
    fault: Fault

    def __str__(self) -> str:
        return f"{self.activity}@{self.index} {self.fault}"

    @classmethod
    def parse(cls, text: str) -> Event:
        """Read the text form."""
        place, fault = text.split()
        activity, index = place.rsplit("@", 1)
        return cls(activity, int(index), Fault(fault))


def faults_at(events: Iterable[Event], activity: str, index: int) -> list[Fault]:
    """Give what happens at a step."""
    return [e.fault for e in events if (e.activity, e.index) == (activity, index)]


def parse_events(text: str) -> tuple[Event, ...]:
    """Read events that commas separate."""
    return tuple(Event.parse(part) for part in text.split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that is not settled by the scenario itself."""

    scenario: str
    events: tuple[Event, ...] = ()
    recovery: Recovery = Recovery.PROMPT

    @property
    def faults(self) -> list[Fault]:
        """What happens, changes of turn apart."""
        return [event.fault for event in self.events if event.fault is not Fault.GIVE_WAY]

    def plus(self, step: Step, fault: Fault) -> Schedule:
        """Give this schedule with one more event."""
        return replace(self, events=(*self.events, Event(step.activity, step.index, fault)))

    def __str__(self) -> str:
        return f"{self.scenario}: {', '.join(map(str, self.events))}; {self.recovery}"

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read the text form."""
        scenario, _, rest = text.partition(":")
        events, _, recovery = rest.partition(";")
        return cls(scenario, parse_events(events), Recovery(recovery.strip()))
