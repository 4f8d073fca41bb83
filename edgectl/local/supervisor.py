"""A whole tree on this machine: start it, keep it running, stop it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable

from edgectl.local import chores, foreign
from edgectl.local.addresses import last_redis_port, take_gateway_ports
from edgectl.local.files import NodeFolder
from edgectl.local.foreign import ProcessId
from edgectl.local.node import Node
from edgectl.local.options import UpOptions
from edgectl.local.plan import Plan
from edgectl.local.state import StateFolder, TreeState
from edgectl.local.valkey import Valkey, embedded_binary
from edgedb.topology.tree import Location

_logger = logging.getLogger(__name__)


def run(options: UpOptions, on_ready: Callable[[TreeState], None]) -> None:
    """Run a tree until SIGINT, SIGTERM or SIGHUP; ``on_ready`` is told when all of it serves.

    Raises EdgectlError if a tree runs in the state folder already, or if this one cannot start.
    """
    folder = StateFolder(options.state_folder)
    with folder.owned():
        previous = folder.read()
        if previous and (ended := foreign.end(previous.processes)):
            _logger.warning("ended %d processes of a tree that was killed", ended)
        asyncio.run(_run_until_stopped(options, folder, previous, on_ready))


async def _run_until_stopped(
    options: UpOptions,
    folder: StateFolder,
    previous: TreeState | None,
    on_ready: Callable[[TreeState], None],
) -> None:
    _cancel_on_signal()
    tree = Tree(options, folder, previous)
    try:
        await tree.start()
        on_ready(tree.state)
        await tree.do_chores()
    except asyncio.CancelledError:
        _logger.info("stopping")
    finally:
        await tree.stop()


def _cancel_on_signal() -> None:
    """Make a signal end the current task, wherever it waits; a second one cuts the ending short."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  (called from a coroutine)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


class Tree:
    """The nodes of one tree; its state is written down at every change."""

    def __init__(self, options: UpOptions, folder: StateFolder, previous: TreeState | None) -> None:
        self._options = options
        self._folder = folder
        self._previous = previous
        self._held = contextlib.ExitStack()
        self._nodes: list[Node] = []
        self._plan: Plan | None = None

    @property
    def plan(self) -> Plan:
        """What was settled by :meth:`start`."""
        assert self._plan is not None  # noqa: S101
        return self._plan

    @property
    def state(self) -> TreeState:
        """Addresses and processes."""
        nodes = tuple(node.state for node in self._nodes)
        tree = self.plan.topology
        renamed = {
            place.id: {"name": place.name, "aliases": [*place.names[:-1]]}
            for place in tree
            if place.names
        }
        return TreeState(ProcessId.of(os.getpid()), nodes, tree.levels, tree.name, renamed)

    async def start(self) -> None:
        """Take ports, lay out files, start every node; return when all of them serve."""
        gateways = take_gateway_ports(self._options, self._previous)
        for listener in gateways.listeners.values():
            self._held.callback(listener.close)
        valkeys = {location.id: self._valkey(location.id) for location in gateways.topology}
        addresses = {location: valkey.address for location, valkey in valkeys.items()}
        self._plan = Plan(self._options, gateways.topology, addresses)
        self._nodes = [
            self._node(location, gateways.listeners[location.id], valkeys[location.id])
            for location in gateways.topology
        ]
        self._write_state()
        await asyncio.gather(*(node.start() for node in self._nodes))

    async def do_chores(self) -> None:
        """Warm functions and call oracles until cancelled."""
        await chores.run(self._nodes, self.plan, self._options.tick_s)

    async def stop(self) -> None:
        """End all processes and give all ports back."""
        await asyncio.gather(*(node.stop() for node in self._nodes))
        self._held.close()

    def _valkey(self, location: str) -> Valkey:
        folder = NodeFolder(self._options.state_folder / location)
        binary = self._options.redis_server or embedded_binary()
        port = last_redis_port(self._previous, location)
        valkey = Valkey(binary, folder, port, self._write_state)
        self._held.callback(valkey.release)
        return valkey

    def _node(self, location: Location, listener: socket.socket, valkey: Valkey) -> Node:
        folder = NodeFolder(self._options.state_folder / location.id)
        node = Node(location, self.plan.topology.name, folder, listener, valkey, self._write_state)
        node.configure(self.plan.deployments_of(location.id), self.plan.password)
        return node

    def _write_state(self) -> None:
        self._folder.write(self.state)
