"""The commands that say whose a node's store is, and that one is lost."""

from __future__ import annotations

from functools import partial

import click

from edgectl.cli import render
from edgectl.cli.operate import Answer, for_a_tree
from edgectl.operating import CallFailed, Operator


@click.command()
@click.argument("location")
@for_a_tree
def claim(operator: Operator, location: str) -> Answer:
    """Let the store of LOCATION's node be that of LOCATION, once it is deployed.

    One that is claimed already stays whose it is; if that is another location, this fails.
    """
    answer = operator.claim(location)
    return Answer(answer, partial(render.claimed, answer))


@click.command()
@click.argument("location")
@for_a_tree
def lost(operator: Operator, location: str) -> Answer:
    """Declare the store that LOCATION had lost for good, at every node above and below it.

    Another store is then taken for that of LOCATION, and the lost one no more.
    """
    here = operator.topology[location].id
    answers = [_told(operator, other, here) for other in operator.topology.relatives(here)]
    is_silent = any("error" in answer for answer in answers)
    return Answer(answers, partial(render.lost, location, answers), is_silent)


def _told(operator: Operator, at: str, location: str) -> dict[str, str]:
    """Tell one node; one that does not answer does not hold up the others."""
    try:
        return {"location": at, "lost": operator.lose(at, location)}
    except CallFailed as error:
        return {"location": at, "error": error.message}


@click.command()
@click.argument("location")
@click.option("--alone", is_flag=True, help="Serve without the nodes that do not answer.")
@for_a_tree
def rejoin(operator: Operator, location: str, alone: bool) -> Answer:
    """Have LOCATION ask the other nodes what they know of its store, and serve again.

    A node does so by itself. With --alone it goes on without those that are silent: what they took
    over from it, and it has forgotten, is served twice until they answer.
    """
    answer = operator.rejoin(location, is_alone=alone)
    return Answer(answer, lambda: click.echo(f"{location} serves"))


COMMANDS = (claim, lost, rejoin)
