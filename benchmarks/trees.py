"""Trees of real processes, started as a user starts them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from benchmarks.connection import Address
from benchmarks.moves import Operator
from benchmarks.plan import Plan
from harness.running import REPOSITORY, RunningTree

STACKS = ("stack.yml", "benchmarks/stack.yml")

_TICK_S = 60.0  # as the schedule in stack.yml says


class Tree(RunningTree):
    """A tree that runs; ``cloud`` above ``city`` above ``edge-a`` and ``edge-b`` as a rule."""

    @cached_property
    def operator(self) -> Operator:
        """Who moves sessions, and times it."""
        addresses = {location: self._address(location) for location in self.locations}
        return Operator(addresses, self.oracle_token)

    def _address(self, location: str) -> Address:
        url = urlsplit(self.gateway(location))
        return str(url.hostname), url.port or 80

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
        known = [self._address(other) for other in knows]
        return Plan(*self._address(location), function, session, knows=known, **options)

    def steady_servers(self) -> None:
        """Switch off rewriting of the append-only files, which would begin at any moment."""
        for location in self.locations:
            with self.redis(location) as client:
                client.config_set("auto-aof-rewrite-percentage", 0)


Running = AbstractContextManager[Tree]
"""A tree that runs while the block runs."""


@contextmanager
def tree(
    folder: Path,
    stacks: Sequence[str] = STACKS,
    *,
    levels: Sequence[str] = (),
    of: Path = REPOSITORY,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Tree]:
    """Run a tree while the block runs, all its functions warm.

    ``levels``: one location for each, the root first, in place of the usual four locations.
    ``of``: the folder of the release that runs. ``environment``: what the stack files name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = [f"--tick={_TICK_S}", *(f"--stack={stack}" for stack in stacks)]
    if levels:
        file = folder / "infrastructure.yml"
        file.write_text(yaml.safe_dump(_chain(levels)), encoding="utf-8")
        words.append(f"--infrastructure={file}")
    with Tree.up(folder / "state", *words, folder=of, environment=environment) as running:
        running.await_ready()
        running.steady_servers()
        yield running


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Hold ports that are free now, while the block runs."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        yield [probe.getsockname()[1] for probe in probes]


def _chain(levels: Sequence[str]) -> dict[str, Any]:
    """Describe one location a level, each at a port that is free now."""
    locations: dict[str, Any] = {}
    with free_ports(len(levels)) as ports:
        for number, (level, port) in enumerate(zip(levels, ports, strict=True)):
            above = {"parent": levels[number - 1]} if number else {}
            locations[level] = {"gateway": f"http://127.0.0.1:{port}", **above}
    return {"levels": list(levels), "locations": locations}
