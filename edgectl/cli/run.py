"""``edgectl up`` and ``edgectl down``."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import click

from edgectl.cli import render
from edgectl.errors import StartFailed
from edgectl.local import foreign, process, supervisor
from edgectl.local.options import UpOptions
from edgectl.local.state import StateFolder, TreeState

_FILE = click.Path(path_type=Path, dir_okay=False)
_state_dir = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=".edgectl",
    show_default=True,
    help="Data, secrets, logs and build folders of the tree; kept when it stops.",
)


def _secret(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, Path]:
    pairs = [value.partition("=") for value in values]
    if bad := [name for name, _, path in pairs if not name or not path or "/" in name]:
        raise click.BadParameter(f"{bad[0]!r} is not NAME=FILE")
    return {name: Path(path) for name, _, path in pairs}


@click.command()
@click.option("-f", "--infrastructure", type=_FILE, help="The tree; else a small one of four.")
@click.option(
    "--stack",
    "stacks",
    type=_FILE,
    multiple=True,
    default=["stack.yml"],
    show_default=True,
    help="Functions to deploy; may be repeated. Paths are as for faas-cli.",
)
@_state_dir
@click.option(
    "--port-base",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="Put the gateways at N, N+1, ... of this machine.",
)
@click.option("--redis-server", type=_FILE, help="Another server's binary than the embedded one.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME=FILE",
    callback=_secret,
    help="A secret for all nodes, beside those that are made; may be repeated.",
)
@click.option(
    "--tick",
    "tick_s",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    help="Seconds between two calls of each oracle, as cron would call it; 0 is never.",
)
@click.option("--detach", is_flag=True, help="Return when the tree is ready; 'down' stops it.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when it is ready.")
def up(detach: bool, as_json: bool, state_dir: Path, **options: object) -> None:
    """Start a whole tree on this machine, without Docker, and keep it running until Ctrl-C."""
    asked = UpOptions(state_folder=state_dir.resolve(), **options)  # type: ignore[arg-type]
    if detach:
        _report(asked, _start_detached(asked), as_json)
    else:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        supervisor.run(asked, lambda state: _report(asked, state, as_json))


@click.command()
@_state_dir
def down(state_dir: Path) -> None:
    """Stop the tree that runs in the state folder; its data stay."""
    state = StateFolder(state_dir).read_running()
    foreign.end([state.supervisor])  # it ends the others, in their order
    foreign.end(state.processes)


COMMANDS = (up, down)


def _report(asked: UpOptions, state: TreeState, as_json: bool) -> None:
    if as_json:
        click.echo(state.summary(StateFolder(asked.state_folder).secrets))
    else:
        render.topology(state.topology)
    sys.stdout.flush()


def _start_detached(asked: UpOptions) -> TreeState:
    """Run the same command in a session of its own; wait for the line that says it is ready."""
    asked.state_folder.mkdir(parents=True, exist_ok=True)
    log = asked.state_folder / "edgectl.log"
    words = [word for word in sys.argv[1:] if word != "--detach"]
    command = [sys.executable, "-m", "edgectl", *words, "--json"]
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603  (this program itself)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )
    if not _first_line(child):
        child.wait()
        raise StartFailed(process.last_lines(log, 12).removeprefix("Error: "))
    return StateFolder(asked.state_folder).read_running()


def _first_line(child: subprocess.Popen[bytes]) -> bytes:
    assert child.stdout is not None  # noqa: S101  (a pipe)
    with child.stdout as lines:
        try:
            return lines.readline()
        except KeyboardInterrupt:
            child.terminate()
            raise
