"""A tree of which every step can be met by a fault: calls between nodes, commands to servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

import redis
from redis.client import Pipeline
from redis.commands.core import Script

from edgedb.errors import PeerUnavailable
from edgedb.node import Node
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.request import Request
from edgedb.response import Response
from edgedb.store import limits, scripts
from edgedb.store.texts import GUARD, SHARED
from edgedb.topology.tree import Topology
from tests.protocol.exploration.activities import Activity, Crash, NoAnswer, Process
from tests.protocol.exploration.stage import Stage
from tests.support.tree import REPOSITORY, Tree

read_source = scripts.text_of


@cache
def _source(name: str, small_bytes: int) -> str:  # noqa: ARG001 - it is in the text
    return read_source(name)


def script_source(name: str) -> str:
    """Give a script, read from disk once, not once for every node."""
    return _source(name, limits.SMALL_BYTES)


@cache
def known_scripts() -> Mapping[str, tuple[str, str]]:
    """Give name and text of each script, as it is and in tiny pages, by its digest."""
    names = {path.stem for path in (REPOSITORY / "edgedb/store/lua").glob("*.lua")} - {
        *SHARED,
        GUARD,
    }
    texts = [(name, _source(name, limits.SMALL_BYTES)) for name in sorted(names)]
    with patch.object(limits, "SMALL_BYTES", 0):
        texts += [(name, _source(name, 0)) for name in sorted(names)]
    return {Script(redis.Redis(), text).sha: (name, text) for name, text in texts}


@cache
def _name_of(script: str) -> str:
    """Give the name of a script that is sent as its digest or as its text."""
    known = known_scripts()
    if script in known:
        return known[script][0]
    return next(name for name, text in known.values() if text == script)


def load_scripts(server: redis.Redis) -> None:
    """Have a server know all scripts, so that running one is always one command."""
    # what is gone is soon gone from its file too, which it reads whenever it is restarted
    server.config_set("auto-aof-rewrite-min-size", "256kb")
    with server.pipeline(transaction=False) as pipe:
        for _, text in known_scripts().values():
            pipe.script_load(text)
        pipe.execute()


class SteppedClient(redis.Redis):
    """A client of one location's server, each command a step."""

    def __init__(self, server: redis.Redis, location: str, stage: Stage) -> None:
        super().__init__(connection_pool=server.connection_pool)
        self.stage = stage
        self.location = location

    def client(self) -> SteppedClient:
        """Give a client with a connection of its own: for steps it makes no difference."""
        return self

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command, as a step."""
        is_script = args[0] in {"EVALSHA", "EVAL"}
        name, key = (_name_of(args[1]), args[3]) if is_script else (args[0], "")
        send: Any = super().execute_command
        return self.stage.command(self.location, name, key, lambda: send(*args, **options))

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Pipeline:
        """Give a pipeline that is one step if it is atomic, else one for each command."""
        return _SteppedPipeline(self, transaction, shard_hint)


class _SteppedPipeline(Pipeline):
    def __init__(self, client: SteppedClient, transaction: Any, shard_hint: Any) -> None:
        pool, callbacks = client.connection_pool, client.response_callbacks
        super().__init__(pool, callbacks, transaction, shard_hint)
        self._client = client
        self._is_atomic = bool(transaction)

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        if not self._is_atomic:
            commands = list(self.command_stack)
            self.reset()
            return [self._answer(raise_on_error, *each) for each in commands]
        commands, send = list(self.command_stack), super().execute

        def again() -> list[Any]:
            self.command_stack = list(commands)
            return send(raise_on_error)

        found: list[Any] = self._client.stage.command(self._client.location, "MULTI", "", again)
        return found

    def _answer(self, raise_on_error: bool, args: Any, options: Any) -> Any:
        """Send one command; what it is refused with is its answer, if that is wanted."""
        try:
            return self._client.execute_command(*args, **options)
        except redis.ResponseError as refusal:
            if raise_on_error:
                raise
            return refusal


class _NoRenewal:
    """Stands in for the keeper of locks, which would need time to go by."""

    def keeping(self, *_: object) -> AbstractContextManager[None]:
        return nullcontext()


class SteppedTree(Tree):
    """A tree whose processes can die; each activity is served by processes of its own."""

    def __init__(self, topology: Topology, stage: Stage) -> None:
        super().__init__(
            topology,
            {at: SteppedClient(server, at, stage) for at, server in stage.clients.items()},
            stage.clock,
            settings={"lock_wait": 5.0},
            background=self._submit,
            is_claimed=False,
        )
        self._stage = stage

    def node(self, location: str, function: str = "oracle") -> Node:
        """Give a location's node as the current activity's process of a function sees it."""
        activity, known = self._stage.current, self._stage.processes
        key = (activity.name if activity else "", location, function)
        if key not in known:
            known[key] = self._build(location, function)
            known[key].lock_keeper = _NoRenewal()  # type: ignore[assignment]
        return known[key]

    def send(self, request: PeerRequest, timeout: float) -> PeerResponse:  # noqa: ARG002
        """Carry a call between nodes, as a step."""

        def deliver() -> PeerResponse:
            try:
                return self._deliver(request)
            except NoAnswer as error:
                raise PeerUnavailable(f"{request.location} crashed") from error

        phase = parse_qs(request.query_string).get("phase", [request.method])[0]
        answer: PeerResponse = self._stage.call(request, phase, deliver)
        return answer

    def respond(self, location: str, function: str, request: Request) -> Response:
        """Have a process answer a request; raises NoAnswer if it dies."""
        activity = self._stage.current
        if activity is None:
            return super().respond(location, function, request)
        process = Process(activity.name, location, function)
        with self._running(activity, process):
            response = super().respond(location, function, request)
        with suppress(NoAnswer), self._running(activity, process):
            for task in process.tasks:
                _do_in_background(task)
        return response

    @contextmanager
    def _running(self, activity: Activity, process: Process) -> Iterator[None]:
        activity.stack.append(process)
        try:
            yield
        except Crash:
            self._stage.forget(process)
            raise NoAnswer from None
        finally:
            activity.stack.pop()

    def _submit(self, task: Callable[[], None]) -> None:
        """Do something in the background: when the current process has answered."""
        if self._stage.current is None:
            _do_in_background(task)
        else:
            self._stage.current.stack[-1].tasks.append(task)


def _do_in_background(task: Callable[[], None]) -> None:
    """Do it as a node does: if it fails, the next tick repeats it."""
    with suppress(Exception):
        task()
