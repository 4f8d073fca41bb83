"""What commands print: one line of JSON for programs, trees and tables for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.tree import Tree

from edgectl.changing import Change
from edgectl.draining import Drained
from edgectl.operating import Whereabouts
from edgectl.resolving import Resolved
from edgedb.topology.tree import Location, Topology
from edgedb.wire.choices import OffloadStatus

Entry = Mapping[str, Any]

_WIDTH_OF_A_FILE = 400


def json_line(value: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Print a value as one line of JSON."""
    click.echo(json.dumps(value))


def topology(tree: Topology) -> None:
    """Print the locations as a tree with their gateways."""
    _print(_tree(tree, lambda location: f"[dim]{location.level}[/] {location.gateway}"))


def status(tree: Topology, entries: Iterable[Entry]) -> None:
    """Print the tree with offload status, sessions and bytes of each node."""
    by_location = {entry["location"]: entry for entry in entries}

    def describe(location: Location) -> str:
        return _status_line(by_location[location.id], by_location.get(location.parent or ""))

    _print(_tree(tree, describe))


def sessions(location: str, entries: Iterable[Entry]) -> None:
    """Print the sessions resident at a location as a table."""
    table = Table(title=f"resident at {location}")
    for title in ("session", "of", "function", "epoch", "size", "last access"):
        table.add_column(title, justify="right" if title in {"epoch", "size"} else "left")
    for entry in entries:
        table.add_row(
            escape(entry["session"]),
            entry["proprietaryLocation"],
            entry["function"],
            str(entry["epoch"]),
            decimal(int(entry["bytes"])),
            entry["lastAccess"],
        )
    _print(table)


def tokens(entries: Iterable[Entry]) -> None:
    """Print where sessions are after a move, or why they stay, a line each."""
    for entry in entries:
        if "problem" in entry:
            click.echo(f"{entry['session']} stays: {entry['problem']['detail']}", err=True)
            continue
        session, owner = entry["session"], entry["proprietaryLocation"]
        click.echo(f"{session} of {owner} is at {entry['currentLocation']}")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far it has come, how fast it is and how long it will take; on a terminal only."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None, rate="")

        def show(moved: int, left: int) -> None:
            rate = f"{bar.tasks[0].speed or 0:.0f}/s"
            bar.update(task, completed=moved, total=moved + left, rate=rate)

        yield show


def drained(found: Drained) -> None:
    """Print what became of the sessions of a location."""
    rate = found.moved / found.seconds if found.seconds else 0
    click.echo(
        f"{found.location}: {found.moved} moved in {found.seconds:.1f} s ({rate:.0f} a second), "
        f"{found.left} left"
    )
    for session, reason in found.stayed.items():
        click.echo(f"{session} stays: {reason}", err=True)
    if found.failure or found.is_stopped:
        click.echo(found.failure or "stopped; what has moved stays where it is", err=True)


def claimed(entry: Entry) -> None:
    """Print whose a store is."""
    click.echo(
        f"the store of {entry['location']} is that of {entry['location']} in {entry['tree']}"
    )


def lost(location: str, entries: Iterable[Entry]) -> None:
    """Print which store each node has taken for that of a location, a line each."""
    for entry in entries:
        if "error" in entry:
            click.echo(f"not told: {entry['error']}", err=True)
        elif entry["lost"]:
            click.echo(f"{entry['location']}: the store {entry['lost']} of {location} is lost")
        else:
            click.echo(f"{entry['location']}: knows no other store of {location} than it has")


def whereabouts(found: Whereabouts) -> None:
    """Print where a session is, then what each node says of it."""
    click.echo(f"{found.session}: {', '.join(found.current_locations) or 'on its way'}")
    for location, answer in found.answers.items():
        click.echo(f"  {location}: {answer}")


def findings(locations: Iterable[str], entries: Sequence[Entry]) -> None:
    """Print what a doctor found: a table on a terminal, else a line each."""
    if not entries:
        click.echo(f"healthy: {', '.join(locations)}")
    elif Console().is_terminal:
        _print(_findings_table(entries))
    else:
        for entry in entries:
            place = f"{entry['location']}: {entry['kind']} {entry['subject']}"
            click.echo(f"{place}: {entry['found']}; {_outcome(entry)}")


def resolved(found: Resolved) -> None:
    """Print where a session is kept, and what was set aside for that."""
    click.echo(f"{found.session} is kept at {found.location}, in epoch {found.epoch}")
    for location, id_ in found.aside.items():
        click.echo(f"{location} has set its own aside: edgectl aside show {location} {id_}")


def asides(entries: Iterable[Entry]) -> None:
    """Print what is set aside, a line each."""
    for entry in entries:
        what = f"{entry['session']}, {decimal(entry['bytes'])}, since {entry['since']}"
        click.echo(f"{entry['location']} {entry['id']}: {what}: {entry['why']}")


def aside(entry: Entry) -> None:
    """Print what is set aside: its values, and its lists' elements, a line each."""
    token = entry["token"]
    place = f"of {token['proprietaryLocation']}, epoch {token['epoch']}, version {entry['version']}"
    click.echo(f"{entry['session']} {place}, since {entry['since']}: {entry['why']}")
    for key, value in entry["values"].items():
        click.echo(f"  {key}: {_value(value)}")
    for name, values in entry["lists"].items():
        click.echo(f"  {name}:")
        for value in values:
            click.echo(f"  - {_value(value)}")


def changes(entries: Sequence[Change]) -> None:
    """Print what changes in a tree, a line each, with what is away and what comes first."""
    for each in entries:
        away = [f"{count} at {at}" for at, count in each.away.items()]
        parts = [
            f"{each.kind} {each.location} {each.what}",
            *([f"sessions: {', '.join(away)}"] if away else []),
            *(f"not asked: {reason}" for reason in each.silent.values()),
            *([f"first: {each.first}"] if each.first else []),
        ]
        click.echo("; ".join(parts))
    if not entries:
        click.echo("the same tree")


def _value(value: Entry) -> str:
    """Give text as it is, bytes as their base64."""
    return f"{value['data']} (base64)" if "encoding" in value else str(value["data"])


def _findings_table(entries: Iterable[Entry]) -> Table:
    table = Table("location", "kind", "what", "found", "repair")
    for entry in entries:
        colour = {True: "green", False: "red", None: "yellow"}[entry["repaired"]]
        cells = (entry[key] for key in ("location", "kind", "subject", "found"))
        table.add_row(*map(escape, cells), f"[{colour}]{escape(_outcome(entry))}[/]")
    return table


def _outcome(entry: Entry) -> str:
    if entry["repaired"] is None:
        return f"--fix would: {entry['remedy']}"
    return f"done: {entry['remedy']}" if entry["repaired"] else f"not repaired: {entry['reason']}"


def _status_line(entry: Entry, parent: Entry | None) -> str:
    if "error" in entry:
        return f"[red]{escape(entry['error'])}[/]"
    colour = "green" if entry["status"] == OffloadStatus.ACCEPT else "yellow"
    waiting = [f"{entry[key]} in {key}" for key in ("arrivals", "outbox") if entry[key]]
    waiting += [f"{entry['stuck']} cannot leave"] if entry.get("stuck") else []
    waiting += [_refused(each) for each in entry.get("refused", ())]
    if parent and "error" not in parent and parent.get("protocol") != entry.get("protocol"):
        waiting.append(f"moves wait until {parent['location']} has the same release")
    count = entry["sessions"]
    parts = [f"{count} session{'' if count == 1 else 's'}", _memory(entry), *waiting]
    return f"[{colour}]{entry['status']}[/] {', '.join(parts)} [dim]{entry['gateway']}[/]"


def _refused(other: Entry) -> str:
    what = {"replaced": "which has another store than is known", "lost": "whose store was lost"}
    why = what.get(other["why"], "which has lost what was seen of it")
    return f"refuses {other['location']}, {why}"


def _memory(entry: Entry) -> str:
    """Say what sessions take of what the server uses, and of what it may; older nodes do not."""
    used, most = entry.get("used"), entry.get("maxmemory")
    of_used = f" of {decimal(used)}" if used else ""
    return decimal(entry["bytes"]) + of_used + (f" (maxmemory {decimal(most)})" if most else "")


def _tree(topology_: Topology, describe: Callable[[Location], str]) -> Tree:
    def grow(branch: Tree, location: Location) -> None:
        for child in topology_.children(location.id):
            grow(branch.add(f"[bold]{child.name}[/] {describe(child)}"), child)

    root = topology_.root
    trunk = Tree(f"[bold]{root.name}[/] {describe(root)}")
    grow(trunk, root)
    return trunk


def _print(renderable: Tree | Table) -> None:
    """Fit a terminal; give a file or a pipe lines as long as they are."""
    console = Console(highlight=False)
    console.print(renderable, width=None if console.is_terminal else _WIDTH_OF_A_FILE)
