"""``edgectl resolve`` and ``edgectl aside``: end forks, and have back what was set aside."""

from __future__ import annotations

from functools import partial

import click

from edgectl.cli import render
from edgectl.cli.operate import Answer, for_a_tree
from edgectl.operating import Operator
from edgectl.resolving import resolve as resolved


@click.command()
@click.argument("session")
@click.option("--keep", metavar="LOCATION", required=True, help="Where it is to be kept.")
@click.option("--without", metavar="LOCATION", multiple=True, help="Do not ask who is lost.")
@for_a_tree
def resolve(operator: Operator, session: str, keep: str, without: tuple[str, ...]) -> Answer:
    """Keep SESSION at one location, and set aside what others have of it.

    It can be repeated after any failure; what is set aside is kept for 30 days.
    """
    ids = [operator.topology[each].id for each in without]
    found = resolved(operator, session, operator.topology[keep].id, ids)
    return Answer(found.to_json(), partial(render.resolved, found))


@click.group()
def aside() -> None:
    """Look at what nodes have set aside, and have it back."""


@aside.command("list")
@click.argument("locations", metavar="[LOCATION]...", nargs=-1)
@for_a_tree
def list_(operator: Operator, locations: tuple[str, ...]) -> Answer:
    """List what is set aside at LOCATIONs, by default at all: id, session, why, since when."""
    chosen = locations or [each.id for each in operator.topology]
    entries = [{"location": at, **each} for at in chosen for each in operator.asides(at)]
    return Answer({"aside": entries}, partial(render.asides, entries))


@aside.command()
@click.argument("location")
@click.argument("id_", metavar="ID")
@for_a_tree
def show(operator: Operator, location: str, id_: str) -> Answer:
    """Show the values and lists of what LOCATION has set aside as ID."""
    entry = operator.aside(location, id_)
    return Answer(entry, partial(render.aside, entry))


@aside.command()
@click.argument("location")
@click.argument("id_", metavar="ID")
@click.option("--as", "name", metavar="NAME", help="As a session of this name.")
@for_a_tree
def restore(operator: Operator, location: str, id_: str, name: str | None) -> Answer:
    """Make what LOCATION has set aside as ID a session there again.

    By its old name only if no node on its path knows that; nothing is overwritten.
    """
    token = operator.restore(location, id_, name)
    return Answer(token, partial(render.tokens, [token]))


COMMANDS = (resolve, aside)
