"""Trees of real processes, started as a user starts them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import redis
import requests
import yaml

from benchmarks.clients import Plan
from benchmarks.operator import Operator

REPOSITORY = Path(__file__).resolve().parents[1]
STACKS = ("stack.yml", "benchmarks/stack.yml")

_EDGECTL = [sys.executable, "-m", "edgectl"]
_WARM_S = 120.0
_CALL_S = 60.0
_TICK_S = 60.0  # as the schedule in stack.yml says


class Tree:
    """A tree that runs; ``cloud`` above ``city`` above ``edge-a`` and ``edge-b`` as a rule."""

    def __init__(self, folder: Path, summary: dict[str, Any]) -> None:
        self.folder = folder
        self.nodes = {node["location"]: node for node in summary["nodes"]}
        gateways = {name: _host_and_port(node["gateway"]) for name, node in self.nodes.items()}
        self._gateways = gateways
        self.operator = Operator(gateways, summary["oracle_token"])
        self._redis = {
            name: redis.Redis(*_host_and_port(node["redis"]), socket_timeout=_CALL_S)
            for name, node in self.nodes.items()
        }

    def plan(
        self,
        location: str,
        function: str,
        session: str,
        *,
        knows: Sequence[str] = (),
        **options: Any,  # noqa: ANN401
    ) -> Plan:
        """Describe a client whose home is a location, and what other locations it knows."""
        known = [self._gateways[other] for other in knows]
        return Plan(*self._gateways[location], function, session, knows=known, **options)

    def url(self, location: str, function: str, rest: str = "") -> str:
        """Give a function's address."""
        return f"{self.nodes[location]['gateway']}/function/{function}{rest}"

    def redis(self, location: str) -> redis.Redis:
        """Give a client of a node's server."""
        return self._redis[location]

    def processes(self, location: str, *functions: str) -> list[psutil.Process]:
        """Give the processes that serve functions at a location."""
        state = json.loads((self.folder / "tree.json").read_text(encoding="utf-8"))
        node = next(node for node in state["nodes"] if node["location"] == location)
        gateway = psutil.Process(node["processes"]["gateway"]["pid"])
        return [each for each in gateway.children() if _function_of(each) in functions]

    def wait_until_warm(self, stacks: Sequence[str]) -> None:
        """Wait until every function is there, so that no start falls into a measurement."""
        names = [name for stack in stacks for name in _functions_of(stack)]
        urls = [self.url(at, name, "/_/ready") for at in self.nodes for name in names]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(_wait_until_ready, urls))

    def steady_servers(self) -> None:
        """Switch off rewriting of the append-only files, which would begin at any moment."""
        for client in self._redis.values():
            client.config_set("auto-aof-rewrite-percentage", 0)


@contextmanager
def tree(
    folder: Path, stacks: Sequence[str] = STACKS, options: Sequence[str] = ()
) -> Iterator[Tree]:
    """Run a tree while the block runs, all its functions warm."""
    words = [f"--state-dir={folder}", *(f"--stack={stack}" for stack in stacks), *options]
    line = _edgectl("up", "--detach", "--json", f"--tick={_TICK_S}", *words)
    try:
        running = Tree(folder, json.loads(line))
        running.wait_until_warm(stacks)
        running.steady_servers()
        yield running
    finally:
        _edgectl("down", f"--state-dir={folder}")


def _edgectl(*arguments: str) -> str:
    done = subprocess.run(
        [*_EDGECTL, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    return host, int(port)


def _functions_of(stack: str) -> list[str]:
    document = yaml.safe_load((REPOSITORY / stack).read_text(encoding="utf-8"))
    return list(document["functions"])


def _wait_until_ready(url: str) -> None:
    """Return once it is ready, or not deployed there."""
    deadline = time.monotonic() + _WARM_S
    while requests.get(url, timeout=_CALL_S).status_code not in {200, 404}:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url} never became ready")
        time.sleep(0.1)


def _function_of(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        folder = process.cwd()
        return Path(folder).name
    return ""
