"""``edgectl secrets`` and ``edgectl rotate``: by what a tree's nodes know each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from edgectl import infrastructure, rotating
from edgectl.errors import EdgectlError
from edgectl.local.state import StateFolder
from edgectl.secrets_folder import SecretsFolder, Written
from edgedb.errors import UnknownLocation
from edgedb.topology.tree import Topology

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.argument("folder", type=_FOLDER, default="secrets")
def secrets(file: Path, folder: Path) -> None:
    """Write the secrets of each node of FILE into FOLDER, and print what has to be put where.

    They follow from FOLDER/_tree-key, which is made if it is not there, and which no node is given.
    """
    tree = infrastructure.load(file)
    _print(tree, SecretsFolder(folder).write(tree))


@click.command()
@click.argument("location")
@click.option(
    "--state-dir",
    type=_FOLDER,
    default=".edgectl",
    show_default=True,
    help="The tree that 'edgectl up' started there: its keys are replaced at once.",
)
@click.option(
    "--infrastructure",
    "file",
    type=_FILE,
    help="Another tree: the file that describes it, which is changed; run it twice.",
)
@click.option(
    "--secrets",
    "folder",
    type=_FOLDER,
    default="secrets",
    show_default=True,
    help="With --infrastructure: the folder that 'edgectl secrets' has made.",
)
def rotate(location: str, state_dir: Path, file: Path | None, folder: Path) -> None:
    """Give LOCATION and all below it new keys, and their oracles new tokens; nobody is refused."""
    try:
        if file is None:
            running = StateFolder(state_dir)
            running.read_running()
            (generation,) = rotating.rotate_live(running.secrets, location)
            click.echo(f"{location} has keys of generation {generation}")
        else:
            _step(file, SecretsFolder(folder), location)
    except UnknownLocation as error:
        raise EdgectlError(str(error)) from error


def _step(file: Path, folder: SecretsFolder, location: str) -> None:
    generations = rotating.next_step(infrastructure.load(file), location)
    tree = rotating.write_generations(file, location, generations)
    click.echo(f"# {file}: {location} has generation {rotating.written(generations)}")
    _print(tree, folder.write(tree))
    if len(generations) > 1:
        click.echo("# when all nodes have these, the same command once more ends the rotation")


def _print(tree: Topology, changed: Sequence[Written]) -> None:
    for each in changed:
        verb, gateway = "create" if each.is_new else "update", tree[each.location].gateway
        click.echo(f"faas-cli secret {verb} {each.name} --from-file {each.file} -g {gateway}")


COMMANDS = (secrets, rotate)
