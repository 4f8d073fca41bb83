"""``edgectl doctor``: find what should have ended, and end it."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from edgectl.cli import render
from edgectl.cli.operate import Answer, for_a_tree
from edgectl.operating import CallFailed, Operator

Finding = dict[str, Any]


@click.command()
@click.argument("locations", metavar="[LOCATION]...", nargs=-1)
@click.option("--fix", is_flag=True, help="Repair what is found; without it nothing is changed.")
@for_a_tree
def doctor(operator: Operator, locations: tuple[str, ...], fix: bool) -> Answer:
    """Find states at LOCATIONs (by default at all) that should have ended; say what ends them.

    The exit code is 1 if something was found that is not repaired.
    """
    chosen = [operator.topology[each].id for each in locations] or [
        each.id for each in operator.topology
    ]
    findings = [finding for each in chosen for finding in _examined(operator, each, fix)]
    is_left = any(not finding["repaired"] for finding in findings)
    return Answer(findings, partial(render.findings, chosen, findings), is_left)


def _examined(operator: Operator, location: str, fix: bool) -> list[Finding]:
    """Examine one node; one that does not answer does not hold up the others."""
    try:
        found = operator.examine(location, mend=fix)
    except CallFailed as error:
        found = [_silent(location, error.message, fix)]
    return [{"location": location, **finding} for finding in found]


def _silent(location: str, message: str, fix: bool) -> Finding:
    return {
        "kind": "silent",
        "subject": location,
        "found": message,
        "remedy": "none: see that it is up, then look again",
        "repaired": False if fix else None,
        "reason": "it does not answer" if fix else "",
    }
