"""``edgectl topology``: look at an ``infrastructure.yml``."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import click

from edgectl import infrastructure
from edgectl.changing import changes
from edgectl.cli import render
from edgectl.errors import EdgectlError
from edgectl.operating import Operator
from edgectl.secrets_folder import SecretsFolder
from edgedb.errors import UnknownLocation
from edgedb.topology.tree import Topology

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def topology() -> None:
    """Check and show infrastructure files."""


@topology.command()
@_FILE
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def check(file: Path, as_json: bool) -> None:
    """Say whether FILE describes one tree, or what is wrong with it."""
    tree = infrastructure.load(file)
    leaves = sum(not tree.children(place.id) for place in tree)
    counts = {"locations": len(tree), "levels": len(tree.levels), "leaves": leaves}
    if as_json:
        render.json_line({"valid": True, **counts, "root": tree.root.id})
    else:
        click.echo(
            f"{file} is a tree of {counts['locations']} locations on {counts['levels']} levels"
            f" under {tree.root.id}, with {counts['leaves']} leaves"
        )


@topology.command()
@_FILE
@click.option("--location", metavar="L", help="Print the secret edge-topology of this location.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole tree as one line of JSON.")
def show(file: Path, location: str | None, as_json: bool) -> None:
    """Print FILE as a tree, or as the JSON that one location's node is given.

    \b
    edgectl topology show infrastructure.yml --location edge-a > edge-topology.json
    faas-cli secret create edge-topology --from-file edge-topology.json -g http://edge-a:8080
    """  # noqa: D301  (click wants the control character)
    tree = infrastructure.load(file)
    if location is not None:
        render.json_line(_view(tree, location).to_json())
    elif as_json:
        render.json_line(tree.to_json())
    else:
        render.topology(tree)


@topology.command()
@click.argument("old", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--secrets",
    type=click.Path(path_type=Path, file_okay=False),
    default="secrets",
    show_default=True,
    help="The folder that 'edgectl secrets' has made for OLD.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def diff(old: Path, new: Path, secrets: Path, as_json: bool) -> None:
    """Say what changes from OLD to NEW, which sessions are away then, and what to do first.

    The nodes of OLD are asked; those that do not answer are named. The exit code is 1 if something
    is to be done first.
    """
    before = infrastructure.load(old)
    operator = Operator(before, SecretsFolder(secrets).oracle_tokens)
    found = [*changes(before, infrastructure.load(new), cache(operator.homes))]
    if as_json:
        render.json_line([each.to_json() for each in found])
    else:
        render.changes(found)
    sys.exit(any(each.first for each in found))


def _view(tree: Topology, location: str) -> Topology:
    try:
        return tree.view_of(location)
    except UnknownLocation as error:
        raise EdgectlError(str(error)) from error
