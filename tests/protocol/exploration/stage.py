"""Where steps are taken: each meets the faults that are planned for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from edgedb.errors import PeerUnavailable
from edgedb.node import Node
from edgedb.peers.transport import PeerRequest
from edgedb.store.texts import UNGUARDED
from tests.protocol.exploration.activities import Activity, Conductor, Crash, Process
from tests.protocol.exploration.faults import FAULTS, PATIENCE_S, Act
from tests.protocol.exploration.losses import Stores
from tests.protocol.exploration.schedule import LOSSES, Event, Fault, Kind, Step, faults_at
from tests.support import snapshot
from tests.support.servers import Server
from tests.support.tree import Clock

READING = {
    *("page", "tail", "read", "arrival", "token", "known"),
    *("HGET", "HMGET", "HGETALL", "HVALS", "ZRANGE", "ZCARD", "ZSCORE", "XLEN", "MEMORY USAGE"),
}
CHANGING_OWNERS = {"begin", "commit", "release", "activate", "hand_over", "update"}
REJOINING = {"cede", "follow"}
"""What changes owners at a node that serves nothing meanwhile."""


class Stage:
    """The steps of all activities, and what their faults act on."""

    def __init__(
        self, servers: Mapping[str, Server], on_start: Callable[[redis.Redis], None]
    ) -> None:
        self.servers = servers
        self.clients = {at: server.client() for at, server in servers.items()}
        self.on_start = on_start
        self.runs = dict.fromkeys(servers, 0)
        """How often each server was started again."""
        self.clock = Clock()
        self.conductor = Conductor()
        self.processes: dict[tuple[str, str, str], Node] = {}
        self._start_ms = self.clock.now_ms
        self.stores = Stores(servers, self.clients, on_start)
        self.stores.forget_processes = self._meet_another_run
        self.reset()

    def reset(self, events: Sequence[Event] = ()) -> None:
        """Begin anew, with these events to come."""
        self.events = events
        self.steps: list[Step] = []
        self.met = 0
        """How many of the events came up."""
        self.problems: list[str] = []
        self.late: list[Callable[[], Any]] = []
        self._owners: dict[tuple[str, str], set[str]] = {}
        self.stores.reset()
        self._is_kept = any(event.fault is Fault.LAG for event in events)
        """Whether each store is kept as it was before the last change."""
        self.clock.now_ms = self._start_ms

    @property
    def current(self) -> Activity | None:
        """The activity that runs now."""
        return self.conductor.current

    # steps

    def command(self, location: str, name: str, key: str, execute: Callable[[], Any]) -> Any:
        """Take a command to a location's server as a step; ``key`` is the first it works on."""
        if self.current is None:
            return execute()

        def watched() -> Any:
            answer = execute()
            if name in CHANGING_OWNERS | REJOINING and key.startswith("edge:"):
                self._watch(location, key, serves=name not in REJOINING)
            return answer

        kind = Kind.READ if name in READING else Kind.WRITE
        is_guarded = bool(key) and name not in UNGUARDED
        return self._take(kind, name, location, "", watched, _server_is_silent, is_guarded)

    def call(self, request: PeerRequest, phase: str, execute: Callable[[], Any]) -> Any:
        """Take a call between nodes as a step."""
        if self.current is None:
            return execute()
        at, function = request.location, request.function
        name = f"{at}/{function} {phase}"
        return self._take(Kind.CALL, name, at, function, execute, _node_is_silent)

    def _take(self, kind: Kind, name: str, *act: Any) -> Any:
        activity = self.current
        assert activity is not None
        process = activity.stack[-1]
        if process.is_dead:
            raise Crash
        step = Step(activity.name, activity.steps, str(process), kind, name)
        activity.steps += 1
        self.steps.append(step)
        return self._meet(step, Act(process, *act))

    def _meet(self, step: Step, act: Act) -> Any:
        """Let others go first if they are to, then have the step taken as the fault has it."""
        faults = faults_at(self.events, step.activity, step.index)
        if Fault.GIVE_WAY in faults:
            self.met += 1
            self.conductor.give_way()
        for fault in faults:
            if fault in (*step.faults, *LOSSES):
                self.met += 1
                return FAULTS[fault](self, act)
        if self._is_kept and step.kind is Kind.WRITE:
            self.stores.before[act.location] = snapshot.dump(self.clients[act.location])
        return act.execute()

    def _watch(self, location: str, meta: str, *, serves: bool) -> None:
        """I1: at every moment at most one location would run a handler."""
        found: Any = self.clients[location].hmget(meta, "current", "proprietary")
        current, home = ((value or b"").decode() for value in found)
        for (name, _), owners in self._owners.items():
            if name == meta:
                owners.discard(location)
        if current == location and serves:
            owners = self._owners.setdefault((meta, home), set())
            owners.add(location)
            if len(owners) > 1:
                self.problems.append(f"I1: {meta} lives at {' and '.join(sorted(owners))}")

    # what faults do

    def stall(self) -> None:
        """Let all timeouts go by, and others go on."""
        self.clock.advance(PATIENCE_S)
        self.conductor.give_way()

    def pause(self) -> None:
        """Stop the current activity; it goes on late."""
        self.conductor.pause()

    def keep_for_later(self, execute: Callable[[], Any]) -> None:
        """Have something happen late."""
        self.late.append(execute)

    def replace_process(self, act: Act) -> None:
        """Start the called function anew; what its process kept in memory is gone."""
        self.forget(Process(act.process.activity, act.location, act.function))

    def forget(self, process: Process) -> None:
        """Lose everything that a process kept in memory."""
        self.processes.pop((process.activity, process.location, process.function), None)

    def replace_store(self, location: str, fault: Fault) -> None:
        """Have a node's server come back with another store."""
        with self.unwatched():
            self.stores.replace(location, fault)
        for owners in self._owners.values():
            owners.discard(location)

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Have something done that is no step of any activity."""
        activity, self.conductor.current = self.conductor.current, None
        try:
            yield
        finally:
            self.conductor.current = activity

    def _meet_another_run(self, location: str) -> None:
        """Let all processes of a node find that its server is in another run."""
        self.runs[location] += 1
        for (_, at, _), node in self.processes.items():
            if at == location:
                node.store.admission._met.last = "another"

    def restart_server(self, location: str) -> None:
        """Kill a node's server and start it again."""
        self.runs[location] += 1
        self.servers[location].restart()
        self.on_start(self.clients[location])


def _server_is_silent() -> Exception:
    return redis.ConnectionError("the server does not answer")


def _node_is_silent() -> Exception:
    return PeerUnavailable("the call or its answer was lost")
