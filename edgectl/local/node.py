"""One node on this machine: a server, a gateway process, and what they are told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable
from dataclasses import asdict

import psutil

from edgectl.errors import StartFailed
from edgectl.local import ports
from edgectl.local.files import NodeFolder, write_private
from edgectl.local.foreign import ProcessId
from edgectl.local.keeper import Keeper
from edgectl.local.process import Command
from edgectl.local.state import NodeState
from edgectl.local.valkey import Valkey
from edgectl.stack.deployment import Deployment
from edgedb.errors import EdgeError
from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.topology.tree import Location

_GATEWAY_GRACE_S = 20.0
"""More than a gateway gives its functions to finish."""

_HEALTH_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Node:
    """The processes of one location; ``listener`` is the gateway's socket for its first start."""

    def __init__(
        self,
        location: Location,
        tree: str,
        folder: NodeFolder,
        listener: socket.socket,
        valkey: Valkey,
        on_change: Callable[[], None],
    ) -> None:
        self.location = location
        self._tree = tree
        self.folder = folder
        self.valkey = valkey
        self._listener = listener
        self._port = ports.port_of(listener)
        self.gateway = Keeper(
            f"{location.id}/gateway",
            self._gateway_command,
            self._until_gateway_answers,
            on_change=on_change,
            grace_s=_GATEWAY_GRACE_S,
        )

    @property
    def url(self) -> str:
        """Where this machine reaches its gateway."""
        return f"http://{ports.LOOPBACK}:{self._port}"

    @property
    def state(self) -> NodeState:
        """Its addresses and the processes that run."""
        keepers = {"valkey": self.valkey.keeper, "gateway": self.gateway}
        found = {name: _identify(keeper.process) for name, keeper in keepers.items()}
        location = self.location
        return NodeState(
            location.id,
            location.level,
            location.parent,
            location.gateway,
            self.valkey.address,
            {name: id_ for name, id_ in found.items() if id_ is not None},
        )

    def configure(self, deployments: Iterable[Deployment], password: str) -> None:
        """Write what the gateway process is to serve; it is read at each start."""
        functions = [asdict(deployment) for deployment in deployments]
        document = {"password": password, "functions": functions}
        write_private(self.folder.configuration, json.dumps(document, indent=1))

    async def start(self) -> None:
        """Start server and gateway; raise StartFailed if one does not come up."""
        await asyncio.gather(self._start_server(), self.gateway.start())

    async def _start_server(self) -> None:
        """Start the server, and let its store be this node's."""
        await self.valkey.keeper.start()
        host, _, port = self.valkey.address.partition(":")
        settings = Settings(self.location.id, "edgectl", None, host, int(port))
        store = SessionStore.connect(settings, lambda: self._tree)
        try:
            await asyncio.to_thread(store.admission.claim)
        except EdgeError as error:
            raise StartFailed(f"{self.location.id}: {error}") from error
        finally:
            store.client.close()

    async def stop(self) -> None:
        """End the gateway with its functions first, so that what they do reaches the server."""
        await self.gateway.stop()
        await self.valkey.stop()
        self._listener.close()

    def _gateway_command(self) -> Command:
        if self._listener.fileno() < 0:
            self._listener = ports.listen(self._port)
        descriptor = self._listener.fileno()
        program = [sys.executable, "-m", "edgectl.local.gateway"]
        return Command(
            [*program, str(self.folder.configuration), str(descriptor)],
            log=self.folder.log("gateway"),
            file_descriptors=(descriptor,),
            signal_on_parent_death=signal.SIGTERM,
        )

    async def _until_gateway_answers(self) -> None:
        """Let go of the socket too: a gateway that dies must not seem to listen still."""
        reader, writer = await asyncio.open_connection(ports.LOOPBACK, self._port)
        writer.write(_HEALTH_REQUEST)
        await reader.readline()
        writer.close()
        self._listener.close()


def _identify(process: Process | None) -> ProcessId | None:
    if process is None or process.returncode is not None:
        return None
    with contextlib.suppress(psutil.NoSuchProcess):
        return ProcessId.of(process.pid)
    return None
