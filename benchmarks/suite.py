"""Which benchmarks there are, and in which order they run."""

from __future__ import annotations

import logging
from types import ModuleType

from benchmarks import (
    crowd,
    drain,
    fairness,
    flash,
    identity,
    many_locations,
    memory,
    move,
    pause,
    redirect,
    rejoin,
    request,
    scale,
    slots,
    small,
    stampede,
    sustained,
    timeline,
)
from benchmarks.context import Context
from benchmarks.outcome import Outcome

log = logging.getLogger(__name__)

_MODULES: tuple[ModuleType, ...] = (
    small,
    identity,
    rejoin,
    drain,
    flash,
    request,
    redirect,
    crowd,
    fairness,
    stampede,
    memory,
    sustained,
    move,
    timeline,
    pause,
    slots,
    scale,
    many_locations,
)
"""Those that leave much behind come late; ``scale`` and ``many_locations`` have trees of their own.

``move`` comes before others that move much: it measures by how much processes grow."""

NAMES = tuple(str(module.NAME) for module in _MODULES)


def run(name: str, context: Context) -> Outcome:
    """Run one benchmark; one that breaks has an outcome too, which says why."""
    module = _MODULES[NAMES.index(name)]
    try:
        outcome: Outcome = module.run(context)
    except Exception as error:  # whatever it is, the others have something to say
        log.exception("%s broke", name)
        return Outcome.broken(name, error)
    return outcome
