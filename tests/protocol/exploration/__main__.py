"""``python -m tests.protocol.exploration``: run the schedules, or one of them again."""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from tests.protocol.exploration import search
from tests.protocol.exploration.explorer import Explorer
from tests.protocol.exploration.scenarios import CHAIN, SCENARIOS
from tests.protocol.exploration.schedule import Schedule
from tests.protocol.exploration.stories import FOUR_LEVELS, Line, Storyteller
from tests.protocol.exploration.world import World
from tests.support.servers import Server

KINDS = ("turns", "1 fault", "2 faults", "a store")
SHOWN = 5  # failures of one kind in one scenario


def main() -> int:
    """Do what the command line says; gives the exit code."""
    logging.disable(logging.CRITICAL)
    asked = _arguments()
    if asked.tell is not None:
        return _tell(asked.tell)
    if asked.replay is not None:
        with _world(CHAIN) as world:
            return _replay(Explorer(world), Schedule.parse(asked.replay))
    return _explore(asked)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.protocol.exploration")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one")
    parser.add_argument("--turns", type=int, default=300, help="schedules without a fault, each")
    parser.add_argument("--pairs", type=int, default=300, help="schedules with two faults, each")
    parser.add_argument("--losses", type=int, default=120, help="schedules with a lost store, each")
    parser.add_argument("--seed", type=int, default=1, help="chooses turns, pairs and losses")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="scenarios at a time (all processors)"
    )
    parser.add_argument("--replay", metavar="SCHEDULE", help="run one schedule, show its steps")
    parser.add_argument("--tell", metavar="STORY", help="tell one story of the random schedules")
    return parser.parse_args()


def _explore(asked: argparse.Namespace) -> int:
    """Run the scenarios, several at a time, each on servers of its own."""
    counts, failed, began = [0] * len(KINDS), 0, time.monotonic()
    print(f"{'scenario':40}", *(f"{kind:>9}" for kind in (*KINDS, "failed")), sep="", flush=True)
    names = asked.scenario or list(SCENARIOS)
    with ProcessPoolExecutor(asked.jobs) as pool:
        for name, found in zip(names, pool.map(_scenario, names, repeat(asked)), strict=True):
            print(*found.lines, sep="", end="")
            numbers, failures = found.ran, found.failed
            counts = [a + b for a, b in zip(counts, numbers, strict=True)]
            failed += failures
            print(f"{name:40}", *(f"{n:9}" for n in (*numbers, failures)), sep="", flush=True)
    print(f"{'together':40}", *(f"{n:9}" for n in (*counts, failed)), sep="")
    print(f"{sum(counts)} schedules in {time.monotonic() - began:.0f} s, {failed} failed")
    return 1 if failed else 0


@dataclass
class Found:
    """What a scenario's schedules came to: how many of each kind ran, and what failed."""

    ran: list[int] = field(default_factory=list)
    failed: int = 0
    lines: list[str] = field(default_factory=list)

    def run_all(self, explorer: Explorer, schedules: Iterable[Schedule]) -> None:
        """Run the schedules of one kind."""
        ran = bad = 0
        for schedule in schedules:
            ran += 1
            problems = explorer.run(schedule).problems
            bad += bool(problems)
            if problems and bad <= SHOWN:
                self.lines.append("\n    ".join([f"--replay '{schedule}'", *problems]) + "\n")
        self.ran.append(ran)
        self.failed += bad


def _scenario(name: str, asked: argparse.Namespace) -> Found:
    logging.disable(logging.CRITICAL)
    found = Found()
    with _world(CHAIN) as world:
        explorer = Explorer(world)
        for schedules in (
            search.turns(explorer, name, asked.turns, asked.seed),
            search.singles(explorer, name),
            itertools.islice(search.pairs(explorer, name, asked.seed), asked.pairs),
            itertools.islice(search.losses(explorer, name, asked.seed), asked.losses),
        ):
            found.run_all(explorer, schedules)
    return found


def _replay(explorer: Explorer, schedule: Schedule) -> int:
    run = explorer.run(schedule)
    print(*run.steps, *run.problems or ["nothing is wrong"], sep="\n")
    return 1 if run.problems else 0


def _tell(story: str) -> int:
    with _world(FOUR_LEVELS) as world:
        teller = Storyteller(world)
        teller.begin()
        for line in filter(None, map(str.strip, story.splitlines())):
            teller.tell(Line.parse(line))
        teller.end()
    print("nothing is wrong")
    return 0


@contextmanager
def _world(document: dict[str, object]) -> Iterator[World]:
    """Give a world on servers of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        places = document["locations"]
        assert isinstance(places, dict)
        for place in places:
            (folder / place).mkdir()
        servers = [stack.enter_context(Server(folder / place)) for place in places]
        yield stack.enter_context(World(document, servers))


if __name__ == "__main__":
    sys.exit(main())
