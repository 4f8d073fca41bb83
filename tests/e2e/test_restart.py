"""What ``edgectl up`` finds, and does not find, when it starts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from edgectl.local import ports
from tests.e2e.world import World
from tests.support.edgectl import COMMAND, edgectl, tree, until

REPOSITORY = Path(__file__).parents[2]


def test_a_second_up_serves_the_sessions_and_the_node_local_state_of_the_first(
    tmp_path: Path, session: str
) -> None:
    options = ["--stack=tests/e2e/stack.yml", f"--infrastructure={one_node(tmp_path)}", "--tick=0"]

    def values() -> list[str]:
        return list(world.call("edge-a", "tally").json()["values"])

    with tree(tmp_path / "state", *options) as running:
        world = World(running)
        world.add(session, "1")
        rest = f"/propagate-up-to?levels=edge&to=tally&value={session}"
        assert world.call("edge-a", "notebook", rest, session=session).ok
        until(lambda: values() == [session])
        edgectl("down", "--state-dir", running.folder)
    with tree(tmp_path / "state", *options) as running:
        world = World(running)
        assert world.words(session) == ["1"]
        world.add(session, "2")
        assert world.words(session) == ["1", "2"]
        assert values() == [session]


def one_node(folder: Path) -> Path:
    """Write an infrastructure of no more than ``edge-a``."""
    with ports.listen(0) as free:
        gateway = f"http://127.0.0.1:{ports.port_of(free)}"
    file = folder / "infrastructure.yml"
    file.write_text(f"levels: [edge]\nlocations: {{edge-a: {{gateway: '{gateway}'}}}}\n")
    return file


def test_where_there_is_no_stack_file_up_says_so_in_one_line(tmp_path: Path) -> None:
    command = [*COMMAND, "up", "--detach", "--state-dir", "state"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "stack.yml" in done.stderr
    assert len(done.stderr.splitlines()) == 1
