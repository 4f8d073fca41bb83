"""All mutants, by name."""

from __future__ import annotations

from tests.mutants import giving, serving, taking
from tests.mutants.mutant import Mutant

MUTANTS = {mutant.name: mutant for mutant in (*serving.MUTANTS, *giving.MUTANTS, *taking.MUTANTS)}


def named_tests(mutants: list[Mutant]) -> list[str]:
    """Give the tests that must fail, each once."""
    return list(dict.fromkeys(mutant.test for mutant in mutants))
