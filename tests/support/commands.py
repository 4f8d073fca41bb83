"""Commands of ``edgectl`` in this process: to start one of its own takes half a second."""

from __future__ import annotations

from click.testing import CliRunner, Result

from edgectl.cli import cli
from harness.running import RunningTree


def command(tree: RunningTree, *words: str, status: int = 0) -> Result:
    """Run a command on a tree; it must end with that exit status."""
    done = CliRunner().invoke(cli, [*words, "--state-dir", str(tree.folder)])
    assert done.exit_code == status, done.output
    return done
