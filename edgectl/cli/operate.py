"""The commands that look into a running tree and move its sessions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial, reduce, wraps
from pathlib import Path
from typing import NamedTuple

import click

from edgectl import draining, infrastructure
from edgectl.cli import render
from edgectl.errors import EdgectlError
from edgectl.local.state import StateFolder
from edgectl.operating import Operator
from edgectl.secrets_folder import SecretsFolder
from edgedb.errors import UnknownLocation
from edgedb.wire.choices import OffloadStatus, Policy

_POLICIES = click.Choice([policy.value for policy in Policy])

_session = click.option("--session", metavar="ID", help="This session and no other.")


_TREE_OPTIONS = (
    click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=".edgectl",
        show_default=True,
        help="The tree that 'edgectl up' started there.",
    ),
    click.option(
        "--infrastructure",
        "file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Another tree: the file that describes it.",
    ),
    click.option(
        "--secrets",
        type=click.Path(path_type=Path, file_okay=False),
        default="secrets",
        show_default=True,
        help="With --infrastructure: the folder that 'edgectl secrets' has made.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one line of JSON."),
)


class Answer(NamedTuple):
    """What a command prints, as one line of JSON or for people; whether it ends in failure."""

    document: object
    show: Callable[[], None]
    is_failure: bool = False


def for_a_tree(command: Callable[..., Answer]) -> Callable[..., None]:
    """Add ``--json`` and the options that say which tree; the command gets an Operator of it."""

    @wraps(command)
    def with_operator(
        state_dir: Path,
        file: Path | None,
        secrets: Path,
        as_json: bool,
        **arguments: object,
    ) -> None:
        operator = _of_file(file, secrets) if file else _of_state(state_dir)
        try:
            document, show, is_failure = command(operator, **arguments)
        except UnknownLocation as error:
            raise EdgectlError(str(error)) from error
        render.json_line(document) if as_json else show()
        sys.exit(is_failure)

    return reduce(
        lambda decorated, option: option(decorated), reversed(_TREE_OPTIONS), with_operator
    )


def _of_state(folder: Path) -> Operator:
    state = StateFolder(folder)
    return Operator(state.read_running().topology, state.secrets.oracle_tokens)


def _of_file(file: Path, secrets: Path) -> Operator:
    return Operator(infrastructure.load(file), SecretsFolder(secrets).oracle_tokens)


@click.command()
@for_a_tree
def status(operator: Operator) -> Answer:
    """Show the tree: offload status, resident sessions and their bytes."""
    entries = operator.status()
    return Answer(entries, partial(render.status, operator.topology, entries))


@click.command()
@click.argument("location")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@click.option("--policy", type=_POLICIES, help="Which come first.")
@for_a_tree
def sessions(operator: Operator, location: str, **query: str | int | None) -> Answer:
    """List the sessions resident at LOCATION."""
    entries = operator.sessions(location, query)
    return Answer({"sessions": entries}, partial(render.sessions, location, entries))


@click.command()
@click.argument("session")
@for_a_tree
def where(operator: Operator, session: str) -> Answer:
    """Say where SESSION is."""
    found = operator.where(session)
    return Answer(found.to_json(), partial(render.whereabouts, found))


@click.command()
@click.argument("location")
@_session
@click.option("--policy", type=_POLICIES, help="Which come first, if no session is named.")
@click.option("--count", type=click.IntRange(min=1), help="So many, or all if they are fewer.")
@for_a_tree
def offload(operator: Operator, location: str, **query: str | int | None) -> Answer:
    """Move a session of LOCATION up, to the first node on the way that accepts it."""
    if query["count"] is None:
        token = operator.offload(location, query)
        return Answer(token, partial(render.tokens, [token]))
    fates = operator.offload_many(location, query)
    return Answer(fates, partial(render.tokens, fates), any("problem" in fate for fate in fates))


@click.command()
@click.argument("location")
@click.option("--keep", type=click.IntRange(min=0), default=0, help="Leave so many there.")
@click.option("--policy", type=_POLICIES, help="Which go first.")
@for_a_tree
def drain(operator: Operator, location: str, keep: int, policy: str | None) -> Answer:
    """Move all sessions of LOCATION up, many at a time; it can be stopped at any moment.

    Sessions that cannot move are named at the end, with the reason; then it fails.
    """
    with render.progress(f"draining {location}") as show:
        drained = draining.drain(operator, location, keep, policy, show)
    return Answer(drained.to_json(), partial(render.drained, drained), not drained.is_done)


@click.command()
@click.argument("location")
@_session
@click.option("--count", type=click.IntRange(min=1), help="At most so many.")
@for_a_tree
def onload(operator: Operator, location: str, **query: str | int | None) -> Answer:
    """Bring sessions of LOCATION's subtree down to it, from wherever above they are."""
    tokens = operator.onload(location, query)
    return Answer(tokens, partial(render.tokens, tokens))


@click.command()
@click.argument("location")
@for_a_tree
def accept(operator: Operator, location: str) -> Answer:
    """Let LOCATION take sessions that are offloaded to it."""
    return _set_status(operator, location, OffloadStatus.ACCEPT)


@click.command()
@click.argument("location")
@for_a_tree
def reject(operator: Operator, location: str) -> Answer:
    """Let LOCATION pass on to its parent what is offloaded to it."""
    return _set_status(operator, location, OffloadStatus.REJECT)


def _set_status(operator: Operator, location: str, status: OffloadStatus) -> Answer:
    answer = operator.set_status(location, status)
    return Answer(answer, lambda: click.echo(f"{answer['location']}: {answer['status']}"))


COMMANDS = (status, sessions, where, offload, drain, onload, accept, reject)
