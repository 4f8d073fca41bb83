"""The composition root: everything a function of a node works with, built once."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import TypeVar

from edgedb.errors import BadRequest
from edgedb.locks import LockKeeper, Turns
from edgedb.peers.calls import ANSWER_LIMIT, PeerClient
from edgedb.peers.transport import HttpTransport
from edgedb.rejoining import Ahead, Rejoiner
from edgedb.room import WaitingRoom
from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.topology.file import topology_file
from edgedb.topology.tree import Location, Topology

log = logging.getLogger(__name__)

READERS = 16  # as many moves at a time as a process has threads
SETTLERS = 4  # sessions at a time whose arrivals are settled for those who wait for them

T = TypeVar("T")

Background = Callable[[Callable[[], object]], None]
"""Runs something after the answer is given; tests replace it."""


Once = Callable[[str, Callable[[], object]], None]
"""Does something beside the request that wants it, unless it is being done; tests replace it."""


def in_order(read: Callable[[], T]) -> Callable[[], T]:
    """Read it when it is needed: an :class:`Ahead` without threads."""
    return read


def at_once(_: str, task: Callable[[], object]) -> None:
    """Do it now: a :data:`Once` without threads."""
    task()


@dataclass
class Node:
    """One location's software as seen by one function's process."""

    settings: Settings
    store: SessionStore
    peers: PeerClient
    topology_of: Callable[[], Topology]
    background: Background
    ahead: Ahead = in_order
    once: Once = at_once
    turns: Turns = field(default_factory=Turns)
    room: WaitingRoom = field(init=False)
    lock_keeper: LockKeeper = field(init=False)
    rejoiner: Rejoiner = field(init=False)

    def __post_init__(self) -> None:
        self.rejoiner = Rejoiner(
            self.settings, self.store, self.peers, self.topology_of, self.ahead, self.once
        )
        self.store.admission.heed = self.rejoiner.heed
        self.room = WaitingRoom(self.settings.threads)
        self.lock_keeper = LockKeeper(
            self.store.requests.renew, self.settings.lock_ttl, self.settings.function
        )

    @property
    def location(self) -> str:
        """The id of the node's own location."""
        return self.settings.location

    @property
    def topology(self) -> Topology:
        """The ancestors and the subtree of this location, as they are now."""
        return self.topology_of()

    @property
    def parent(self) -> Location | None:
        """The parent location; None at the root."""
        return self.topology.parent(self.location)

    def required_parent(self) -> Location:
        """Give the parent; raises BadRequest at the root."""
        parent = self.parent
        if parent is None:
            raise BadRequest(f"{self.location} is the root; it has no parent")
        return parent

    def is_relative(self, location: str) -> bool:
        """Say whether ``location`` is above or below this one."""
        is_below = self.topology.is_below
        return is_below(location, self.location) or is_below(self.location, location)


_lock = threading.Lock()
_node: Node | None = None


def default_node() -> Node:
    """Give this process's node, built from the environment on first use.

    Raises:
        ConfigurationError: a setting or a secret is missing or malformed.

    """
    global _node
    with _lock:
        if _node is None:
            _node = node_from(Settings.from_environment())
        return _node


def node_from(settings: Settings) -> Node:
    """Build a node that talks to a real Redis and to real gateways."""
    topology = topology_file(settings.topology_path, settings.location)
    settings = replace(settings, location=topology.current()[settings.location].id)
    store = SessionStore.connect(settings, lambda: topology.current().name)
    transport = HttpTransport(ANSWER_LIMIT)
    return Node(
        settings=settings,
        store=store,
        peers=PeerClient(settings, topology.current, transport, store.relatives),
        topology_of=topology.current,
        background=_in_one_thread(),
        ahead=_beside(),
        once=in_threads(),
    )


def _beside() -> Ahead:
    """Read in threads of their own, with the caller's log context."""
    readers = ThreadPoolExecutor(READERS, thread_name_prefix="edgedb-ahead")

    def ahead(read: Callable[[], T]) -> Callable[[], T]:
        return readers.submit(copy_context().run, read).result

    return ahead


def in_threads() -> Once:
    """Run each task in a thread of its own; none that is running by that name, nor too many.

    What is left out, whoever still waits for it asks for again. A process that ends waits for none.
    """
    running, guard = set[str](), threading.Lock()

    def run(name: str, task: Callable[[], object]) -> None:
        try:
            task()
        finally:
            with guard:
                running.remove(name)

    def once(name: str, task: Callable[[], object]) -> None:
        with guard:
            if name in running or len(running) >= SETTLERS:
                return
            running.add(name)
        context, work = copy_context(), f"edgedb-{name}"
        threading.Thread(target=context.run, args=(run, name, task), name=work, daemon=True).start()

    return once


def _in_one_thread() -> Background:
    """Run tasks one after the other; a process that ends waits for none of them."""
    tasks: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            task = tasks.get()
            try:
                task()
            except Exception:
                log.exception("background work failed; the next tick repeats it")

    threading.Thread(target=work, name="edgedb-background", daemon=True).start()
    return tasks.put
