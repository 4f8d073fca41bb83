"""``python -m demo``: start a tree, show what a session can do, stop the tree."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import click
import requests

from demo import busy, crash, examples, journey
from demo.checks import Report, Stopwatch
from demo.nodes import STACKS, Tree
from edgectl.errors import EdgectlError
from harness.running import CommandFailed

INTRODUCTION = """\
A tree of OpenFaaS nodes: cloud above city above edge-a and edge-b.
A session is the state under one X-session value. It is resident at one node
at a time and can move between its edge and the root; other nodes redirect to it."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--round-trips",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="How often the session moves up and home while clients write.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep logs and data there.",
)
def main(round_trips: int, keep: Path | None) -> None:
    """Show on this machine what a session can do in a tree of OpenFaaS nodes.

    Starts four nodes (no Docker needed), checks what it shows, and stops them. The exit status is
    0 if everything was as stated, else 1.
    """
    if keep and keep.exists() and any(keep.iterdir()):
        raise click.BadParameter(f"{keep} is not empty; name a new folder", param_hint="--keep")
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    os.environ["no_proxy"] = "*"  # everything it calls is on this machine
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    folder = keep or Path(tempfile.mkdtemp(prefix="edge-demo-"))
    report = Report()
    try:
        is_good = _show(report, folder, round_trips)
    except KeyboardInterrupt:
        report.line("\nStopped.")
        _remove(folder, keep)
        sys.exit(130)
    except (CommandFailed, EdgectlError, requests.RequestException, OSError) as error:
        report.line(f"\nThe demo cannot go on: {error}")
        is_good = False
    if is_good:
        _remove(folder, keep)
    else:
        report.line(f"Logs are in {folder}/tree: edgectl.log, <location>/logs/")
    sys.exit(not is_good)


def _show(report: Report, folder: Path, round_trips: int) -> bool:
    report.line(INTRODUCTION)
    report.scene("A tree starts on this machine")
    watch = Stopwatch()
    with Tree.up(folder / "tree", *(f"--stack={stack}" for stack in STACKS)) as running:
        _check_started(running, report, watch)
        journey.show(running, report)
        examples.count_products(running, report)
        examples.move_files(running, report)
        examples.feed_sensor(running, report)
        busy.show(running, report, round_trips)
        crash.show(running, report)
    return report.end()


def _check_started(running: Tree, report: Report, watch: Stopwatch) -> None:
    count = len(running.topology)
    report.check(f"{count} nodes: a gateway and a Valkey each", count == 4, str(watch), found=count)
    places = sum(len(running.functions(location)) for location in running.locations)
    with report.doing("functions start", places) as note:
        warm = running.await_ready(note)
    report.check(f"{warm} functions are warm", warm > 0, str(watch), found=warm)


def _remove(folder: Path, keep: Path | None) -> None:
    if keep is None:
        shutil.rmtree(folder, ignore_errors=True)


def _as_ctrl_c(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
