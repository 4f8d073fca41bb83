"""A tree on real servers in which activities go on, meet faults, and recover."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from redis.exceptions import RedisError

from edgedb import waiting
from edgedb.errors import EdgeError
from edgedb.moving import source as moving_source
from edgedb.store import limits, pages, scripts
from edgedb.topology.tree import Topology
from edgedb.wire import pieces
from tests.protocol.exploration.activities import Activity, NoAnswer, State, Time
from tests.protocol.exploration.client import Client
from tests.protocol.exploration.faults import PATIENCE_S
from tests.protocol.exploration.history import History
from tests.protocol.exploration.schedule import Event
from tests.protocol.exploration.stage import Stage
from tests.protocol.exploration.stepping import SteppedTree, load_scripts, script_source
from tests.support.servers import Server

TINY_PAGE = (48, 2)  # bytes, items
TINY_PIECE_BYTES = 4  # most words are in several

Body = Callable[[], object]
EXPECTED = (EdgeError, NoAnswer, RedisError)
"""What may come of things that nobody waits for any more."""


class World:
    """A tree with a clock of its own, in which one thing after another may be tried out."""

    def __init__(self, document: Mapping[str, Any], servers: Sequence[Server]) -> None:
        topology = Topology.from_json(dict(document))
        chosen = {place.id: server for place, server in zip(topology, servers, strict=False)}
        self.stage = Stage(chosen, load_scripts)
        self.tree = SteppedTree(topology, self.stage)
        self.stage.stores.claim = self._claim
        self.stage.stores.declare_lost = self._declare_lost
        self.histories: list[History] = []
        self._time = Time(self.stage.clock, self.stage.conductor)
        self._paused: list[Activity] = []
        self._exit = ExitStack()

    def __enter__(self) -> World:
        for target, name, replacement in [
            (waiting, "time", self._time),
            # asking less often changes nothing but how long it takes
            (waiting, "FIRST_PAUSE_S", 0.25),
            (waiting, "LONGEST_PAUSE_S", 0.5),
            (moving_source, "POLL_S", 0.5),
            (scripts, "text_of", script_source),
        ]:
            self._exit.enter_context(patch.object(target, name, replacement))
        for client in self.stage.clients.values():
            self._exit.callback(client.close)
            load_scripts(client)
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @contextmanager
    def tiny_pages(self) -> Iterator[None]:
        """Have every session count as large: read key by key, moved in pages, values in pieces."""
        with ExitStack() as patches:
            for target, name, value in [
                (limits, "SMALL_BYTES", 0),
                (pages, "SMALL_BYTES", 0),
                (pages, "PAGE_BYTES", TINY_PAGE[0]),
                (pages, "PAGE_ITEMS", TINY_PAGE[1]),
                (pages, "WHOLE_LIST_BYTES", 0),
                (pieces, "PIECE_BYTES", TINY_PIECE_BYTES),
            ]:
                patches.enter_context(patch.object(target, name, value))
            # whoever has its scripts already has them with the other limits
            patches.callback(self.stage.processes.clear)
            self.stage.processes.clear()
            yield

    def begin(self, histories: Sequence[History], events: Sequence[Event] = ()) -> None:
        """Begin anew; what the servers hold is up to the caller."""
        random.seed(0)
        self.stage.reset(events)
        self.histories = list(histories)
        self._paused = []

    def _claim(self, location: str) -> None:
        tree = self.tree
        tree._store(location, tree._settings(location, "oracle")).admission.claim()

    def _declare_lost(self, location: str) -> None:
        """Say so at all other nodes, as ``edgectl lost`` does."""
        for place in self.tree.topology:
            if place.id != location:
                self.tree.node(place.id).store.relatives.lose(location)

    def introduce_all(self) -> None:
        """Have all nodes know each other, as those do whose servers have been started."""
        for one, other in itertools.permutations([place.id for place in self.tree.topology], 2):
            self.tree.node(one).peers.seen(other, PATIENCE_S)

    def client(self, history: History) -> Client:
        """Give a client of a session."""
        return Client(self.tree, history, self._time.sleep)

    def play(self, bodies: Mapping[str, Body]) -> None:
        """Let activities go on until they have ended or are paused."""
        activities = [Activity(name, body) for name, body in bodies.items()]
        self.stage.conductor.run(activities)
        self._account_for(activities)

    def _account_for(self, activities: Sequence[Activity]) -> None:
        self._paused += [a for a in activities if a.state is State.PAUSED]
        for activity in activities:
            if activity.error and not isinstance(activity.error, EXPECTED):
                self.stage.problems.append(f"{activity.name}: {activity.error!r}")

    def tick_all(self, name: str) -> None:
        """Let every node's timer go off once."""
        for place in self.tree.topology:
            self.play({f"{name}-{place.id}": self.tick(place.id)})

    def tick(self, at: str) -> Body:
        """Have a node's timer go off; that must work unless a fault is met."""

        def body() -> None:
            met = self.stage.met
            response = self.tree.oracle(at, "oracle")
            is_met = self.stage.met > met or self.stage.stores.are_swapped
            if response.status != 200 and not is_met:
                self.stage.problems.append(f"I5: the tick at {at} fails: {response.body!r}")

        return body

    def outlast(self) -> None:
        """Let all timeouts go by."""
        self.stage.clock.advance(PATIENCE_S)

    @property
    def has_late(self) -> bool:
        """Say whether anything was delayed or paused."""
        return bool(self.stage.late or self._paused)

    def come_late(self, name: str) -> None:
        """Deliver what was delayed and wake what was paused."""
        late, self.stage.late = self.stage.late, []
        paused, self._paused = self._paused, []
        self.play({f"{name}-{number}": execute for number, execute in enumerate(late)})
        self.stage.conductor.resume(paused)
        self._account_for(paused)
