"""Trees of real processes, started as a user starts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.connection import Address
from benchmarks.moves import Operator
from benchmarks.plan import Plan
from harness.running import RunningTree

STACKS = ("stack.yml", "benchmarks/stack.yml")

_TICK_S = 60.0  # as the schedule in stack.yml says


class Tree(RunningTree):
    """A tree that runs; ``cloud`` above ``city`` above ``edge-a`` and ``edge-b`` as a rule."""

    @cached_property
    def operator(self) -> Operator:
        """Who moves sessions, and times it."""
        addresses = {location: self._address(location) for location in self.locations}
        return Operator(addresses, self.summary["oracle_token"])

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


@contextmanager
def tree(
    folder: Path, stacks: Sequence[str] = STACKS, options: Sequence[str] = ()
) -> Iterator[Tree]:
    """Run a tree while the block runs, all its functions warm."""
    words = [f"--tick={_TICK_S}", *(f"--stack={stack}" for stack in stacks), *options]
    with Tree.up(folder, *words) as running:
        running.await_ready()
        running.steady_servers()
        yield running
