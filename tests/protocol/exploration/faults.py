"""What each fault does to the step it meets."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import OutOfMemoryError, ResponseError

from edgedb.store.admission import REFUSAL
from tests.protocol.exploration.activities import Process
from tests.protocol.exploration.schedule import LOSSES, Fault

PATIENCE_S = 11.0
"""Longer than every lock, hold and arrival lasts."""


@dataclass(frozen=True)
class Act:
    """A step about to be taken by ``process``."""

    process: Process
    location: str
    """Where it takes effect."""
    function: str
    """What is called there; '' for a command."""
    execute: Callable[[], Any]
    no_answer: Callable[[], Exception]
    """What the process is told when there is none."""
    is_guarded: bool = False
    """It is of a run of the server, and done in no other."""


class Surroundings(Protocol):
    """What faults need of the world."""

    def stall(self) -> None:
        """Let all timeouts go by, and others go on."""

    def pause(self) -> None:
        """Stop the current activity; it goes on late."""

    def keep_for_later(self, execute: Callable[[], Any]) -> None:
        """Have something happen late."""

    def restart_server(self, location: str) -> None:
        """Kill a node's server and start it again."""

    def replace_store(self, location: str, fault: Fault) -> None:
        """Have a node's server come back with another store."""

    def replace_process(self, act: Act) -> None:
        """Start the called function anew; what its process kept in memory is gone."""


def _crash_before(_: Surroundings, act: Act) -> Any:
    return act.process.die()


def _crash_after(_: Surroundings, act: Act) -> Any:
    act.execute()
    return act.process.die()


def _lose_request(_: Surroundings, act: Act) -> Any:
    raise act.no_answer()


def _lose_answer(_: Surroundings, act: Act) -> Any:
    act.execute()
    raise act.no_answer()


def _full(_: Surroundings, __: Act) -> Any:
    raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")


def _callee_crash_before(world: Surroundings, act: Act) -> Any:
    world.replace_process(act)
    raise act.no_answer()


def _callee_crash_after(world: Surroundings, act: Act) -> Any:
    act.execute()
    world.replace_process(act)
    raise act.no_answer()


def _twice(_: Surroundings, act: Act) -> Any:
    with suppress(Exception):
        act.execute()
    return act.execute()


def _copy_late(world: Surroundings, act: Act) -> Any:
    world.keep_for_later(act.execute)
    return act.execute()


def _delay(world: Surroundings, act: Act) -> Any:
    world.keep_for_later(act.execute)
    raise act.no_answer()


def _stall(world: Surroundings, act: Act) -> Any:
    world.stall()
    return act.execute()


def _pause(world: Surroundings, act: Act) -> Any:
    world.pause()
    return act.execute()


def _restart(world: Surroundings, act: Act) -> Any:
    world.restart_server(act.location)
    return act.execute()


def _restart_repeat(world: Surroundings, act: Act) -> Any:
    with suppress(Exception):
        act.execute()
    world.restart_server(act.location)
    return act.execute()


def _lose_store(fault: Fault) -> Callable[[Surroundings, Act], Any]:
    def lose(world: Surroundings, act: Act) -> Any:
        world.replace_store(act.location, fault)
        if act.is_guarded:  # it was sent over a connection to the run before
            raise ResponseError(f"{REFUSAL} to this run of the server")
        return act.execute()

    return lose


FAULTS: dict[Fault, Callable[[Surroundings, Act], Any]] = {
    Fault.CRASH_BEFORE: _crash_before,
    Fault.CRASH_AFTER: _crash_after,
    Fault.CALLEE_CRASH_BEFORE: _callee_crash_before,
    Fault.CALLEE_CRASH_AFTER: _callee_crash_after,
    Fault.LOSE_REQUEST: _lose_request,
    Fault.LOSE_ANSWER: _lose_answer,
    Fault.FULL: _full,
    Fault.TWICE: _twice,
    Fault.COPY_LATE: _copy_late,
    Fault.DELAY: _delay,
    Fault.STALL: _stall,
    Fault.PAUSE: _pause,
    Fault.RESTART: _restart,
    Fault.RESTART_REPEAT: _restart_repeat,
    **{fault: _lose_store(fault) for fault in LOSSES},
}
