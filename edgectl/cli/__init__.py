"""The commands of ``edgectl``."""

from __future__ import annotations

import click

from edgectl.cli import doctor, forks, operate, run, stores, topology, trust


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run a tree of OpenFaaS nodes on this machine, and move sessions in any tree.

    \b
    edgectl up --detach              start cloud > city > edge-a, edge-b from ./stack.yml
    edgectl status                   who accepts, how many sessions are where
    edgectl offload edge-a           move a session of edge-a up
    edgectl onload edge-a            bring it home
    edgectl doctor --fix             find states that should have ended, and end them
    edgectl rotate edge-a            give edge-a new keys
    edgectl down                     stop the tree
    """  # noqa: D301  (click wants the control character)


for _command in (
    *run.COMMANDS,
    *operate.COMMANDS,
    *trust.COMMANDS,
    *forks.COMMANDS,
    *stores.COMMANDS,
    doctor.doctor,
    topology.topology,
):
    cli.add_command(_command)
