"""What is shown of a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.mutants.workshop import Outcome, Trial

WIDTH = 160  # of what is not read on a terminal
COLOURS = {Outcome.KILLED: "green", Outcome.SURVIVED: "red", Outcome.SENSELESS: "yellow"}


def table(trials: Sequence[Trial]) -> Table:
    """Give a line for each mutant."""
    shown = Table(show_lines=True)
    shown.add_column("mutant", no_wrap=True)
    shown.add_column("")
    shown.add_column("what it breaks")
    shown.add_column("test that kills it", overflow="fold")
    shown.add_column("outcome", no_wrap=True)
    shown.add_column("s", justify="right")
    for trial in trials:
        mutant, colour = trial.mutant, COLOURS[trial.outcome]
        shown.add_row(
            mutant.name,
            mutant.invariant,
            mutant.breaks,
            escape(mutant.test.rpartition("/")[2].replace("::", "::\n")),
            f"[{colour}]{trial.outcome}[/]",
            f"{trial.seconds:.1f}",
        )
    return shown


def show(trials: Sequence[Trial], seconds: float) -> None:
    """Print the table, why the mutants that were not killed were not, and the sum."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table(trials))
    for trial in trials:
        if trial.outcome is not Outcome.KILLED:
            console.rule(f"{trial.mutant.name} {trial.outcome}")
            console.print(trial.output, markup=False, highlight=False)
    killed = sum(trial.outcome is Outcome.KILLED for trial in trials)
    console.print(f"{killed} of {len(trials)} mutants killed in {seconds:.0f} s")


def to_json(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Give the document that ``--json`` prints."""
    return [
        {
            "mutant": trial.mutant.name,
            "invariant": trial.mutant.invariant,
            "breaks": trial.mutant.breaks,
            "test": trial.mutant.test,
            "outcome": trial.outcome,
            "seconds": round(trial.seconds, 2),
        }
        for trial in trials
    ]
