"""``python -m benchmarks``: measure, and write a report."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import figures, suite
from benchmarks.context import FULL, QUICK, Context
from benchmarks.outcome import Outcome
from benchmarks.results import Results, markdown, now, this_machine
from benchmarks.verdicts import judge

_VERDICT_STYLES = {"met": "green", "not met": "bold red", "not measured": "dim"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Short windows and small sizes: about ten minutes.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(suite.NAMES),
    help="Run just this benchmark; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the results there, not below results/.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON too.")
def main(quick: bool, only: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Measure requests, moves and choosing in a tree of real processes on this machine.

    Every figure is a ratio of what was measured side by side. The exit status is 0 unless
    something broke: a client saw an error, or a write was lost.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the tree then, too
    os.environ["no_proxy"] = "*"  # everything that is called is on this machine
    began = now()
    folder = out or Path("results") / began
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    outcomes = _measure(only or suite.NAMES, console, is_quick=quick)
    results = Results(began, this_machine(), quick, outcomes)
    _write(results, folder)
    _say(results, folder, console)
    if as_json:
        click.echo(json.dumps(results.to_json()))
    sys.exit(any(outcome.failures for outcome in outcomes))


def _measure(names: tuple[str, ...], console: Console, *, is_quick: bool) -> list[Outcome]:
    work = Path(tempfile.mkdtemp(prefix="edge-benchmarks-"))
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, TextColumn("{task.fields[at]}"), console=console) as progress:
            tasks = {name: progress.add_task(name, total=1, start=False, at="") for name in names}
            return _run_all(tasks, work, progress, is_quick=is_quick)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_all(
    tasks: dict[str, TaskID], work: Path, progress: Progress, *, is_quick: bool
) -> list[Outcome]:
    current = next(iter(tasks.values()))

    def show(done: float, at: str) -> None:
        progress.update(current, completed=done, at=at)

    context = Context(QUICK if is_quick else FULL, work, show)
    outcomes = []
    try:
        for name in (name for name in suite.NAMES if name in tasks):
            current = tasks[name]
            progress.start_task(current)
            outcomes.append(suite.run(name, context))
            progress.update(current, completed=1, at="")
            progress.stop_task(current)
    finally:
        context.close()
    return outcomes


def _write(results: Results, folder: Path) -> None:
    results.write(folder)
    names = figures.draw(results.outcomes, folder)
    (folder / "report.md").write_text(markdown(results, names), encoding="utf-8")


def _say(results: Results, folder: Path, console: Console) -> None:
    table = Table("figure", "required", "measured", "verdict")
    for verdict in judge(results.outcomes):
        style = _VERDICT_STYLES[verdict.word]
        need = verdict.requirement
        table.add_row(need.figure, need.required, verdict.measured, verdict.word, style=style)
    console.print(table)
    for outcome in results.outcomes:
        for failure in outcome.failures[:20]:
            console.print(f"{outcome.name} failed: {failure}", style="bold red", markup=False)
    console.print(f"{folder}/report.md")


if __name__ == "__main__":
    main()
