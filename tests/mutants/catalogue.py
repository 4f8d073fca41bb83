"""All mutants, by name."""

from __future__ import annotations

from tests.mutants import calling, giving, mending, serving, taking
from tests.mutants.mutant import Mutant

FAULTS = (serving.MUTANTS, giving.MUTANTS, taking.MUTANTS, mending.MUTANTS, calling.MUTANTS)
MUTANTS = {mutant.name: mutant for mutants in FAULTS for mutant in mutants}


def named_tests(mutants: list[Mutant]) -> list[str]:
    """Give the tests that must fail, each once."""
    return list(dict.fromkeys(mutant.test for mutant in mutants))
