"""All mutants, by name."""

from __future__ import annotations

from tests.mutants import asking, calling, giving, mending, queueing, serving, taking, trusting
from tests.mutants.mutant import Mutant

FAULTS = tuple(
    module.MUTANTS
    for module in (serving, queueing, asking, giving, taking, mending, calling, trusting)
)
MUTANTS = {mutant.name: mutant for mutants in FAULTS for mutant in mutants}


def named_tests(mutants: list[Mutant]) -> list[str]:
    """Give the tests that must fail, each once."""
    return list(dict.fromkeys(mutant.test for mutant in mutants))
