"""A whole tree in one process: real servers for the data, calls between nodes by function call.

What is replaced is the transport and the clock; everything else is what is deployed.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import msgspec
import redis
import yaml
from werkzeug.datastructures import Headers

from edgedb.endpoint import Function
from edgedb.node import Node, Once, at_once
from edgedb.oracle.tick import tick
from edgedb.peers import keys
from edgedb.peers.calls import PeerClient
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.request import Request
from edgedb.response import Response
from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.store.keys import STATUS
from edgedb.topology.tree import Topology
from edgedb.wire.headers import NODE
from edgedb.wire.model import TOKEN, SessionToken, read
from tests.support import snapshot
from tests.support.functions import Notebook, Reader, Tally
from tests.support.hooks import Hook, as_usual, at_hand_over, lose_request

REPOSITORY = Path(__file__).parents[2]
TREE_KEY = b"a key that only this tree's operator knows"
ORACLE_TOKEN = "the-oracles-secret"

THREE_LEVELS: dict[str, Any] = {
    "levels": ["cloud", "city", "edge"],
    "locations": {
        "cloud": {"gateway": "http://cloud"},
        "city": {"parent": "cloud", "gateway": "http://city"},
        "edge-a": {"parent": "city", "gateway": "http://edge-a"},
        "edge-b": {"parent": "city", "gateway": "http://edge-b"},
    },
}

STACK: dict[str, Any] = yaml.safe_load((REPOSITORY / "stack.yml").read_text(encoding="utf-8"))
ENDPOINTS = {name: Path(entry["handler"]).name for name, entry in STACK["functions"].items()}
"""The folder of each endpoint's handler."""


def _environment(function: str) -> dict[str, str]:
    """Give what ``stack.yml`` puts into an endpoint's environment."""
    return dict(STACK["functions"].get(function, {}).get("environment", {}))


def load_handler(folder: Path) -> ModuleType:
    """Import a function's ``handler.py`` from its folder."""
    name = f"handler_{folder.name.replace('-', '_')}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, folder / "handler.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@dataclass
class Clock:
    """A clock that only goes when it is told to; milliseconds."""

    now_ms: int = 1_750_000_000_000

    def __call__(self) -> int:
        """Give the time."""
        return self.now_ms

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += round(seconds * 1000)


@dataclass
class Tree:
    """Nodes by location; ``hook`` sees every call between nodes and may lose or repeat it."""

    topology: Topology
    clients: Mapping[str, redis.Redis]
    clock: Clock = field(default_factory=Clock)
    hook: Hook = as_usual
    settings: Mapping[str, Any] = field(default_factory=dict)
    background: Callable[[Callable[[], None]], None] = field(default=lambda _: None)
    once: Once = at_once
    calls: list[str] = field(default_factory=list)
    is_claimed: bool = True

    def __post_init__(self) -> None:
        self.functions: dict[str, Function] = {
            name: load_handler(REPOSITORY / "functions" / folder).handle
            for name, folder in ENDPOINTS.items()
        }
        self.functions |= {"notebook": Notebook(), "reader": Reader(), "tally": Tally()}
        self._nodes: dict[tuple[str, str], Node] = {}
        self._told: dict[str, tuple[Topology, tuple[str, ...]]] = {}
        for place in self.topology:
            self.tell(place.id, self.topology)
        if self.is_claimed:
            self.claim_all()

    def node(self, location: str, function: str = "oracle") -> Node:
        """Give a location as one of its functions sees it."""
        if (location, function) not in self._nodes:
            self._nodes[location, function] = self._build(location, function)
        return self._nodes[location, function]

    def _build(self, location: str, function: str) -> Node:
        settings = replace(self._settings(location, function), **self.settings)
        store = self._store(location, settings)
        return Node(
            settings=settings,
            store=store,
            peers=PeerClient(settings, lambda: self._told[location][0], self, store.relatives),
            topology_of=lambda: self._told[location][0],
            background=self.background,
            once=self.once,
        )

    def _store(self, location: str, settings: Settings) -> SessionStore:
        tree = self.topology.name
        return SessionStore(self.clients[location], settings, self.clock, lambda: tree)

    def claim(self, location: str) -> None:
        """Let a store be a location's, as who deploys it does."""
        store = self._store(location, self._settings(location, "oracle"))
        store.admission.claim()
        _ = store.admission.now

    def claim_all(self) -> None:
        """Let every store be its location's, in the run that its server is in."""
        for place in self.topology:
            self.claim(place.id)

    def forget(self, location: str) -> None:
        """Let a store lose all but whose it is."""
        client = self.clients[location]
        kept = {n: v for n, v in client.hgetall(STATUS).items() if n in snapshot.IDENTITY}
        client.flushall()
        client.hset(STATUS, mapping=kept)

    def _settings(self, location: str, function: str) -> Settings:
        return Settings(
            location=location,
            function=function,
            parent_host=None,
            redis_host="",
            redis_port=0,
            node_keys=lambda: self.keys(location),
            oracle_tokens=lambda: (ORACLE_TOKEN,),
            oracle_action=_environment(function).get("ORACLE_ACTION", "tick"),
            lock_wait=0.05,
            # the tick takes up at once what another attempt has claimed
            peer_timeout=0.0,
        )

    def keys(self, location: str) -> tuple[str, ...]:
        """Give what a location's secret edge-node-key has."""
        return self._told[location][1]

    def tell(self, location: str, topology: Topology) -> None:
        """Give a location its secrets of a tree."""
        own = keys.of_node(TREE_KEY, topology, location)
        self._told[location] = topology.view_of(location), tuple(key.decode() for key in own)

    def send(self, request: PeerRequest, timeout: float) -> PeerResponse:  # noqa: ARG002
        """Carry a call between nodes (the transport)."""
        self.calls.append(f"{request.method} {request.location}/{request.function}")
        response = self.hook(request, lambda: self._deliver(request))
        if response.status >= 300 or response.header(NODE) or not self.is_claimed:
            return response
        # what a test has answered in the node's place
        name = str(self.node(request.location).store.relatives.identity())
        return replace(response, headers=(*response.headers, (NODE, name)))

    def _deliver(self, request: PeerRequest) -> PeerResponse:
        function, slash, path = request.function.partition("/")
        if function not in self.functions:
            return PeerResponse(404, b"no such function")
        response = self.respond(
            request.location,
            function,
            Request(
                request.method,
                unquote(slash + path) or "/",
                request.query_string.encode("latin-1"),
                headers=Headers(dict(request.headers)),
                body=request.body,
            ),
        )
        content_type = dict(response.headers).get("Content-Type", "")
        return PeerResponse(response.status, response.body, content_type, response.headers)

    def respond(self, location: str, function: str, request: Request) -> Response:
        """Have a function of a location answer a request."""
        return self.functions[function].respond_to(request, self.node(location, function))

    def call(
        self,
        location: str,
        function: str = "notebook",
        session: str = "s",
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Response:
        """Call a function as a client does, without following a redirect."""
        sent = Headers({"X-session": session.encode().decode("latin-1"), **(headers or {})})
        request = Request(query_string=query.encode(), headers=sent, **more)
        return self.respond(location, function, request)

    def follow(self, location: str, *arguments: Any, **more: Any) -> tuple[str, Response]:
        """Call a function as a client does; gives where it ended and the answer."""
        for _ in range(len(self.topology)):
            response = self.call(location, *arguments, **more)
            if response.status != 307:
                return location, response
            location = dict(response.headers)["X-session-location"]
        raise AssertionError("redirects do not end")

    def oracle(self, location: str, action: str, query: str = "", path: str = "/") -> Response:
        """Call one of the oracle's endpoints with its credentials."""
        headers = Headers({"Authorization": f"Bearer {ORACLE_TOKEN}"})
        request = Request("POST", path, query.encode(), headers)
        return self.respond(location, action, request)

    def offload(self, location: str, session: str = "s") -> SessionToken:
        """Force one session up; it must work."""
        response = self.oracle(location, "force-offload", f"session={session}")
        assert response.status == 200, response.body
        return read(TOKEN, response.body)

    def onload(self, location: str, session: str = "s") -> SessionToken:
        """Force one session down; it must work."""
        response = self.oracle(location, "force-onload", f"session={session}")
        assert response.status == 200, response.body
        return msgspec.json.decode(response.body, type=list[SessionToken])[0]

    def strand(
        self, location: str = "edge-a", session: str = "s", fault: Hook = lose_request
    ) -> None:
        """Force one session up, but let something go wrong at the hand-over."""
        self.hook = at_hand_over(fault)
        response = self.oracle(location, "force-offload", f"session={session}")
        assert response.status == 502, response.body
        self.hook = as_usual

    def write(self, location: str, word: str, session: str = "s", **more: Any) -> Response:
        """Have the notebook append a word, wherever the session is."""
        return self.follow(location, "notebook", session, query=f"word={word}", **more)[1]

    def words(self, location: str, session: str = "s") -> list[str]:
        """Read the notebook, wherever the session is."""
        _, response = self.follow(location, "reader", session)
        assert response.status == 200, response.body
        return list(json.loads(response.body)["words"])

    def tick_all(self) -> None:
        """Let every node do what is due, as its timer would."""
        for location in self.topology:
            tick(self.node(location.id))

    def residents(self, session: str = "s") -> list[str]:
        """Give every location that would serve the session now."""
        tokens = {
            place.id: self.node(place.id).store.residents.token(session) for place in self.topology
        }
        return [
            place for place, token in tokens.items() if token and token.current_location == place
        ]

    def leftovers(self) -> dict[str, list[str]]:
        """Give, per location, open arrivals and data of sessions that do not live there."""
        return {place.id: found for place in self.topology if (found := self._leftovers(place.id))}

    def _leftovers(self, location: str) -> list[str]:
        residents = self.node(location).store.residents
        found = []
        for key in self.clients[location].scan_iter("edge:{*", count=1000):
            name = key.decode()
            session, _, part = name.removeprefix("edge:{").rpartition("}:")
            token = residents.token(session)
            is_here = token is not None and token.current_location == location
            if part == "arrival" or (part != "meta" and not is_here):
                found.append(name)
        return sorted(found)
