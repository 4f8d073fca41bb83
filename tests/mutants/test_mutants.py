"""The mutants fit the code as it is today, and one of them is really tried out."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.mutants.catalogue import MUTANTS, named_tests
from tests.mutants.mutant import BadMutant, Mutant
from tests.mutants.workshop import PROJECT, Outcome, Report, Workshop

LEAST = 14
ONE = MUTANTS["update-of-a-resident"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Give a copy of the project."""
    return Workshop(tmp_path_factory.mktemp("mutants"))


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS.keys())
def test_a_mutant_can_be_put_in(mutant: Mutant) -> None:
    assert mutant.apply_to(PROJECT) != (PROJECT / mutant.file).read_text()


def test_there_are_enough_and_every_invariant_is_attacked() -> None:
    attacked = Counter(mutant.invariant for mutant in MUTANTS.values())
    assert attacked.keys() == {f"I{n}" for n in range(1, 7)}
    assert attacked.total() >= LEAST


def test_every_named_test_exists(place: Workshop) -> None:
    found = place.run(named_tests(list(MUTANTS.values())), "--collect-only")
    assert found.code == 0, found.output


def test_a_mutant_is_killed_by_its_test_and_taken_out_again(place: Workshop) -> None:
    trial = place.try_out(ONE)
    assert trial.outcome is Outcome.KILLED, trial.output
    assert (place.root / ONE.file).read_bytes() == (PROJECT / ONE.file).read_bytes()


def test_a_mutant_that_changes_nothing_survives(place: Workshop) -> None:
    harmless = Mutant("", "", "", ONE.file, ONE.before, ONE.before + "-- \n", ONE.test)
    assert place.try_out(harmless).outcome is Outcome.SURVIVED


@pytest.mark.parametrize(
    ("file", "after"),
    [("edgedb/store/lua/update.lua", "if\n"), ("edgedb/errors.py", "raise ImportError\n")],
    ids=["no-lua", "no-import"],
)
def test_a_mutant_that_cannot_run_is_not_killed(place: Workshop, file: str, after: str) -> None:
    text = (PROJECT / file).read_text()
    assert place.try_out(Mutant("", "", "", file, text, after, ONE.test)).outcome is (
        Outcome.SENSELESS
    )


@pytest.mark.parametrize("before", ["not in the file", "local"])
def test_a_text_that_is_not_there_exactly_once_is_refused(before: str) -> None:
    with pytest.raises(BadMutant, match=r"times in .*, not once"):
        Mutant("m", "", "", ONE.file, before, "", ONE.test).apply_to(PROJECT)


def test_a_test_that_cannot_even_begin_kills_nothing() -> None:
    assert Report(1, [], ["fixture failed"], "").outcome is Outcome.SENSELESS
    assert Report(4, [], [], "no such test").outcome is Outcome.SENSELESS
