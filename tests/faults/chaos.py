"""One run: a tree, its clients, movers and faults, and the judgement."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults import endings
from tests.faults.clients import Client
from tests.faults.injector import Injector
from tests.faults.judgement import judge
from tests.faults.movers import Mover
from tests.faults.place import Place, place
from tests.faults.quiet import until_quiet
from tests.faults.record import Record
from tests.faults.report import Progress, Summary
from tests.faults.schedule import schedule
from tests.faults.script import actions, calls

MOVERS = 5
SHOWN_EVERY_S = 5.0


@dataclass(frozen=True)
class Options:
    """What a run is to be; ``folder`` is where the tree's state and the history are kept."""

    seed: int
    seconds: float
    folder: Path
    clients: int = 12


def run(options: Options, show: Callable[[Progress], None]) -> Summary:
    """Make a run and judge it; ``show`` is told every few seconds how it goes."""
    record = Record()
    with place(options.folder) as tree:
        injector = Injector(tree, schedule(options.seed, options.seconds, tree.functions()))
        try:
            _rage(options, tree, injector, record, show)
            problems = until_quiet(tree, record.sessions)
            found = endings.read(tree, record)
        finally:
            record.write(options.folder / "history.jsonl")
    violations = [*problems, *judge(record, found)]
    moves = sum(epoch - 1 for epoch in found.epochs.values())
    return Summary.of(options.seed, options.seconds, record, moves, injector.counts, violations)


def _rage(
    options: Options,
    tree: Place,
    injector: Injector,
    record: Record,
    show: Callable[[Progress], None],
) -> None:
    """Let everybody loose at each other until the time is over."""
    with _crowd(options, tree, record):
        injector.start()
        try:
            for now in _every_few_seconds(options.seconds):
                faults = len(injector.done)
                show(Progress(now, len(record.acknowledged), len(record.tokens), faults))
        finally:
            injector.stop()


@contextmanager
def _crowd(options: Options, tree: Place, record: Record) -> Iterator[None]:
    """Let clients and movers loose; in the end each brings its call to an end."""
    stopped, seed = threading.Event(), options.seed
    works = [
        *(partial(Client(tree, record).run, calls(seed, n)) for n in range(options.clients)),
        *(partial(Mover(tree, record).run, actions(seed, n)) for n in range(MOVERS)),
    ]
    with ThreadPoolExecutor(len(works)) as pool:
        running = [pool.submit(work, stopped) for work in works]
        try:
            yield
        finally:
            stopped.set()
    for one in running:
        one.result()


def _every_few_seconds(seconds: float) -> Iterator[float]:
    """Give the time that has passed, again and again, until so much has."""
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        yield now
        time.sleep(min(SHOWN_EVERY_S, seconds - now))
