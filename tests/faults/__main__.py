"""``python -m tests.faults``: run a tree under faults, and say whether anything was lost."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import click

from tests.faults.chaos import Options, run


@click.command()
@click.option("--seconds", type=click.FloatRange(min=5), default=600.0, show_default=True)
@click.option("--seed", type=int, help="Replay the schedule of an earlier run; else a new one.")
@click.option("--clients", type=click.IntRange(min=1), default=12, show_default=True)
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="How much of the usual number of writes and moves is enough.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the summary to this file.",
)
@click.option("--keep", is_flag=True, help="Keep logs and history of a good run too.")
def main(
    seconds: float, seed: int | None, clients: int, share: float, file: Path | None, keep: bool
) -> None:
    """Kill, cut, stall and reset a tree's processes and connections while sessions move.

    Exits with 1 if a write is lost or doubled, a session forked, a history not linearizable,
    or if too little happened to tell.
    """  # fmt: skip
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    folder = Path(tempfile.mkdtemp(prefix=f"edge-faults-{seed}-"))
    click.echo(f"seed {seed}, {seconds:.0f} s; logs and history are in {folder}", err=True)
    summary = run(Options(seed, seconds, folder, clients), lambda at: click.echo(at, err=True))
    click.echo(summary)
    if file is not None:
        file.write_text(json.dumps(summary.to_json(), indent=1))
    shortfalls = summary.shortfalls(share)
    for shortfall in shortfalls:
        click.echo(shortfall)
    if summary.violations or shortfalls:
        click.echo(f"logs and history are kept in {folder}; --seed {seed} replays the schedule")
        sys.exit(1)
    if not keep:
        shutil.rmtree(folder)


main()
