"""``python -m tests.mutants``: put faults into the protocol, one by one, and see who notices."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import click
from rich.console import Console
from rich.progress import track

from tests.mutants import report
from tests.mutants.catalogue import MUTANTS, named_tests
from tests.mutants.mutant import BadMutant, Mutant
from tests.mutants.workshop import Outcome, Trial, Workshop, workshop


@click.command()
@click.option(
    "--only",
    "names",
    metavar="NAME",
    multiple=True,
    type=click.Choice(list(MUTANTS)),
    help="Only this mutant; may be given more than once.",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON instead of a table.")
def main(names: tuple[str, ...], is_json: bool) -> None:
    """Put named faults into a copy of the project; each must make a named test fail.

    Exits with 1 if one survives.
    """
    began, mutants = time.monotonic(), [MUTANTS[name] for name in names or MUTANTS]
    with workshop() as place:
        _require_good(place, mutants)
        trials = list(_trials(place, mutants))
    if is_json:
        click.echo(json.dumps(report.to_json(trials), indent=1))
    else:
        report.show(trials, time.monotonic() - began)
    sys.exit(any(trial.outcome is not Outcome.KILLED for trial in trials))


def _require_good(place: Workshop, mutants: list[Mutant]) -> None:
    """Stop unless every test passes without a fault."""
    baseline = place.run(named_tests(mutants))
    if baseline.code != 0:
        raise click.ClickException(f"without a fault the tests must pass\n{baseline.output}")


def _trials(place: Workshop, mutants: list[Mutant]) -> Iterator[Trial]:
    bar = track(mutants, "mutants", console=Console(stderr=True), transient=True)
    for mutant in bar:
        try:
            yield place.try_out(mutant)
        except BadMutant as error:
            raise click.ClickException(str(error)) from error


main()
