"""Runs one schedule: the scenario, the recovery, what comes late, and the checks."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from tests.protocol.exploration import invariants
from tests.protocol.exploration.client import Client
from tests.protocol.exploration.history import History, Outcome
from tests.protocol.exploration.scenarios import HOME, SCENARIOS, Clients, Part, Scenario
from tests.protocol.exploration.schedule import Recovery, Schedule, Step
from tests.protocol.exploration.world import World
from tests.support import snapshot

FAULTLESS = "last"
"""The activities of the round of ticks in which there are no faults any more."""


@dataclass(frozen=True)
class Run:
    """What happened under a schedule."""

    schedule: Schedule
    steps: list[Step]
    met: int
    """How many of the schedule's events came up."""
    problems: list[str]


@dataclass
class _Beginning:
    """The state that a scenario starts from, with the servers in certain runs."""

    servers: dict[str, snapshot.Dump]
    runs: dict[str, int]
    histories: list[History]
    whereabouts: dict[str, tuple[str, int]]


class Explorer:
    """Runs schedules in a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._beginnings: dict[str, _Beginning] = {}

    def run(self, schedule: Schedule) -> Run:
        """Run a schedule from its beginning, and check what comes of it."""
        scenario, world = SCENARIOS[schedule.scenario], self._world
        with ExitStack() as limits:
            if scenario.is_paged:
                limits.enter_context(world.tiny_pages())
            start = self._beginning(schedule.scenario)
            self._restore(start, schedule)
            world.play({name: self._body(part) for name, part in scenario.parts.items()})
            world.stage.stores.bring_back()
            self._recover(schedule.recovery)
            self._come_late()
            problems = [*world.stage.problems, *invariants.check(world, world.histories)]
            problems = problems or ([] if world.stage.stores.lost else self._misinformed(start))
        return Run(schedule, world.stage.steps, world.stage.met, problems)

    def _body(self, part: Part) -> Callable[[], object]:
        return lambda: part(self._clients())

    def _clients(self) -> list[Client]:
        return [self._world.client(history) for history in self._world.histories]

    def _beginning(self, name: str) -> _Beginning:
        if name not in self._beginnings:
            self._beginnings[name] = self._prepare(SCENARIOS[name])
        return self._beginnings[name]

    def _prepare(self, scenario: Scenario) -> _Beginning:
        clients, tree = self._world.stage.clients, self._world.tree
        self._world.stage.processes.clear()
        for client in clients.values():
            client.flushall()
        tree.claim_all()
        self._world.begin([History(session, HOME) for session in scenario.sessions])
        for client in self._clients():
            for word in scenario.words:
                client.write(client.own(word))
        scenario.setup(tree)
        self._world.introduce_all()
        tree.tick_all()
        runs = dict(self._world.stage.runs)
        return _Beginning(self._dump(), runs, self._world.histories, self._everywhere())

    def _dump(self) -> dict[str, snapshot.Dump]:
        return {at: snapshot.dump(client) for at, client in self._world.stage.clients.items()}

    def _everywhere(self) -> dict[str, tuple[str, int]]:
        return {each.session: self._whereabouts(each.session) for each in self._world.histories}

    def _whereabouts(self, session: str) -> tuple[str, int]:
        """Give where the session is and its epoch; one that is not there would be at home."""
        tree = self._world.tree
        for place in tree.residents(session):
            token = tree.node(place).store.residents.token(session)
            if token is not None:
                return place, token.epoch
        return HOME, 1

    def _restore(self, start: _Beginning, schedule: Schedule) -> None:
        stage = self._world.stage
        # what they know of each other would be of other schedules
        stage.processes.clear()
        for at, client in stage.clients.items():
            snapshot.restore(client, start.servers[at])
        self._world.tree.claim_all()
        if start.runs != stage.runs:  # they have to know each other anew
            self._world.introduce_all()
            start.runs, start.servers = dict(stage.runs), self._dump()
        stage.stores.beginning = start.servers
        self._world.begin(copy.deepcopy(start.histories), schedule.events)

    def _recover(self, recovery: Recovery) -> None:
        """Let all nodes tick: at once if that is wanted, and when all timeouts are over."""
        world = self._world
        if recovery is Recovery.PROMPT:
            world.tick_all("prompt")
        met = world.stage.met
        world.outlast()
        world.tick_all("tick")
        if world.stage.met > met or world.stage.stores.are_others:
            world.stage.stores.bring_back()
            self._recover_at_last()

    def _come_late(self) -> None:
        """Have what was delayed or paused come when life has gone on without it."""
        world = self._world
        if not world.has_late:
            return
        world.play({"life": self._body(_life_goes_on)})
        for number in itertools.takewhile(lambda _: world.has_late, itertools.count()):
            world.come_late(f"late{number}")
        self._recover_at_last()

    def _recover_at_last(self) -> None:
        self._world.stage.stores.bring_back()
        self._world.outlast()
        self._world.tick_all(FAULTLESS)

    def _misinformed(self, start: _Beginning) -> list[str]:
        """I6: with one mover alone, what it is told is what has happened."""
        return [
            f"I6: {problem} ({each.session})"
            for each in self._world.histories
            for problem in _misinformed(
                each, start.whereabouts[each.session], self._whereabouts(each.session)
            )
        ]


def _misinformed(history: History, before: tuple[str, int], now: tuple[str, int]) -> Iterator[str]:
    if len(history.moves) != 1:
        return
    (move,) = history.moves
    told = (move.current, move.epoch)
    if move.outcome is Outcome.REFUSED and now != before:
        yield f"the mover was refused, but the session is at {now[0]}"
    if move.outcome is Outcome.DONE and now != told:
        yield f"the mover was told {told}, but the session is at {now}"


def _life_goes_on(clients: Clients) -> None:
    for client in clients:
        _live_on(client)


def _live_on(client: Client) -> None:
    client.write(client.own("meanwhile"))
    for word in ("then", "finally"):
        if client.move("force-offload", HOME).outcome is not Outcome.DONE:
            client.move("force-onload", HOME)
        client.write(client.own(word))
