"""Two nodes of a Valkey cluster, and a slot that the server itself moves between them."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from edgectl.local.valkey import embedded_binary
from harness.waiting import until

_SLOTS = 16384
_START_S = 30.0
_POLL_S = 0.002
_OVER = {"success", "failed", "cancelled"}


class Cluster:
    """Two primaries, each with half of the slots, set up as a node's server is."""

    def __init__(self, clients: Sequence[redis.Redis]) -> None:
        self._clients = clients
        self._ids = [_ask(client, "MYID") for client in clients]

    @classmethod
    @contextmanager
    def running(cls, folder: Path, ports: Sequence[int]) -> Iterator[Cluster]:
        """Run it while the block runs; ``ports``: two for each node, clients' and the bus's."""
        with ExitStack() as stack:
            clients = [
                stack.enter_context(_server(folder / str(port), port, bus))
                for port, bus in zip(ports[::2], ports[1::2], strict=True)
            ]
            middle = _SLOTS // 2
            _ask(clients[0], "ADDSLOTSRANGE", 0, middle - 1)
            _ask(clients[1], "ADDSLOTSRANGE", middle, _SLOTS - 1)
            _ask(clients[0], "MEET", "127.0.0.1", ports[2], ports[3])
            until(lambda: all(_is_whole(client) for client in clients), _START_S)
            yield cls(clients)

    def owner(self, key: str) -> int:
        """Say which node has a key's slot, 0 or 1."""
        try:
            self._clients[0].exists(key)
        except ResponseError:
            return 1
        return 0

    def client(self, number: int) -> redis.Redis:
        """Give a client of a node, which follows no redirection."""
        return self._clients[number]

    def move(self, key: str) -> tuple[float, float]:
        """Move a key's slot to the other node; gives when that began and when it was done."""
        source = self.owner(key)
        slot = _ask(self._clients[source], "KEYSLOT", key)
        began = time.monotonic()
        to = ("SLOTSRANGE", slot, slot, "NODE", self._ids[1 - source])
        _ask(self._clients[source], "MIGRATESLOTS", *to)
        while (state := self._state(source)) not in _OVER:
            time.sleep(_POLL_S)
        if state != "success":
            raise RuntimeError(f"the slot's migration {state}")
        return began, time.monotonic()

    def _state(self, source: int) -> str:
        """Give the state of the last migration."""
        last = _ask(self._clients[source], "GETSLOTMIGRATIONS")[0]
        return str(dict(zip(last[::2], last[1::2], strict=True))[b"state"].decode())


class Writer:
    """One client that gets and sets a key of the cluster, one after the other, while it can."""

    def __init__(self, cluster: Cluster, key: str) -> None:
        self._cluster = cluster
        self._key = key
        self._stopped = threading.Event()
        self.written: list[float] = []

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write while the block runs; :attr:`written` are the times of the acknowledgements."""
        thread = threading.Thread(target=self._write)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()

    def _write(self) -> None:
        clients = [_client(_port(self._cluster.client(number))) for number in (0, 1)]
        at = self._cluster.owner(self._key)
        while not self._stopped.is_set():
            try:
                count = int(clients[at].get(self._key) or 0)
                clients[at].set(self._key, count + 1)
            except ResponseError:  # MOVED: it is at the other one
                at = 1 - at
            else:
                self.written.append(time.monotonic())


@contextmanager
def _server(folder: Path, port: int, bus: int) -> Iterator[redis.Redis]:
    folder.mkdir(parents=True)
    options = {
        "--bind": "127.0.0.1",
        "--port": str(port),
        "--dir": str(folder),
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--auto-aof-rewrite-percentage": "0",
        "--save": "",
        "--cluster-enabled": "yes",
        "--cluster-port": str(bus),
        "--cluster-allow-replica-migration": "no",
    }
    command = [str(embedded_binary()), *(word for pair in options.items() for word in pair)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            client = _client(port, retry=Retry(ConstantBackoff(0.01), 1000))
            client.ping()
            yield client
        finally:
            process.terminate()


def _ask(client: Any, *words: object) -> Any:  # noqa: ANN401
    return client.execute_command("CLUSTER", *words)


def _client(port: int, **options: object) -> redis.Redis:
    return redis.Redis(port=port, protocol=2, **options)  # type: ignore[arg-type]


def _port(client: redis.Redis) -> int:
    return int(client.connection_pool.connection_kwargs["port"])


def _is_whole(client: redis.Redis) -> bool:
    lines = _ask(client, "INFO").decode()
    return "cluster_state:ok" in lines and "cluster_size:2" in lines
