"""Makes the faults of a schedule happen, and ends them."""

from __future__ import annotations

import contextlib
import math
import sched
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import psutil

from tests.faults.place import End, Place
from tests.faults.proxy import Proxy
from tests.faults.schedule import Breakage, Fault


class Injector:
    """Runs a schedule in a thread of its own; when stopped, it leaves nothing broken."""

    def __init__(self, place: Place, faults: Iterable[Fault]) -> None:
        self._place = place
        self._faults = list(faults)
        self._stopped = threading.Event()
        self._events = sched.scheduler(self._now, self._stopped.wait)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="injector")
        self._run: Future[object] | None = None
        self.done = list[Fault]()
        """Those that happened: a process that is not running just then cannot be killed."""

    @property
    def counts(self) -> dict[str, int]:
        """How many faults of each kind happened."""
        found = Counter(fault.kind for fault in self.done)
        return {kind.value: found[kind] for kind in Breakage}

    def start(self) -> None:
        """Begin; the schedule's times count from now."""
        began = time.monotonic()
        for fault in self._faults:
            self._events.enterabs(began + fault.at, 0, self._begin, (fault,))
        self._run = self._thread.submit(lambda: self._events.run())

    def stop(self) -> None:
        """End everything that is broken."""
        self._stopped.set()
        if self._run is not None:
            self._run.result()
        self._thread.shutdown()
        self._place.links.mend_all()

    def _now(self) -> float:
        """Give the time; after all is stopped, it is time for everything."""
        return math.inf if self._stopped.is_set() else time.monotonic()

    def _begin(self, fault: Fault) -> None:
        if self._stopped.is_set():
            return
        try:
            undo = ACTIONS[fault.kind](self._place, fault)
        except psutil.NoSuchProcess:
            return
        self.done.append(fault)
        if undo is not None:
            self._events.enter(fault.seconds, 0, undo)


Undo = Callable[[], object]
"""Ends a fault that does not end by itself."""


def _kill_function(place: Place, fault: Fault) -> None:
    _function(place, fault).kill()


def _pause_function(place: Place, fault: Fault) -> Undo:
    process = _function(place, fault)
    process.suspend()
    return lambda: _resume(process)


def _resume(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.resume()


def _function(place: Place, fault: Fault) -> psutil.Process:
    for process in place.function_processes(fault.link.location, fault.function):
        return process
    raise psutil.NoSuchProcess(0, fault.function)


def _kill_process(place: Place, fault: Fault) -> None:
    _kill(place.process(fault.link.location, fault.link.end))


def _kill_node(place: Place, fault: Fault) -> None:
    processes = [place.process(fault.link.location, end) for end in End]
    for process in processes:
        _kill(process)


def _kill(process: psutil.Process | None) -> None:
    if process is None:
        raise psutil.NoSuchProcess(0)
    process.kill()


def _cut(place: Place, fault: Fault) -> Undo:
    place.links.tell(fault.link, Proxy.cut)
    return lambda: place.links.tell(fault.link, Proxy.mend)


def _stall(place: Place, fault: Fault) -> Undo:
    for way in fault.ways:
        place.links.tell(fault.link, partial(Proxy.stall, way=way))
    return lambda: place.links.tell(fault.link, Proxy.mend)


def _reset(place: Place, fault: Fault) -> None:
    for way in fault.ways:
        place.links.tell(fault.link, partial(Proxy.reset, way=way, after=fault.after))


ACTIONS: dict[Breakage, Callable[[Place, Fault], Undo | None]] = {
    Breakage.FUNCTION_KILLED: _kill_function,
    Breakage.FUNCTION_PAUSED: _pause_function,
    Breakage.GATEWAY_KILLED: _kill_process,
    Breakage.SERVER_KILLED: _kill_process,
    Breakage.NODE_KILLED: _kill_node,
    Breakage.CUT: _cut,
    Breakage.STALLED: _stall,
    Breakage.RESET: _reset,
}
