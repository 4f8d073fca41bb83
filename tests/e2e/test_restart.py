"""What ``edgectl up`` finds, and does not find, when it starts."""

from __future__ import annotations

from pathlib import Path

from harness.running import edgectl
from harness.waiting import until
from tests.e2e.world import World
from tests.support.stacks import write_infrastructure


def test_a_second_up_serves_the_sessions_and_the_node_local_state_of_the_first(
    tmp_path: Path, session: str
) -> None:
    one_node = write_infrastructure(tmp_path / "infrastructure.yml", "edge-a")
    options = ["--stack=tests/e2e/stack.yml", f"--infrastructure={one_node}", "--tick=0"]

    def values() -> list[str]:
        return list(world.call("edge-a", "tally").json()["values"])

    with World.up(tmp_path / "state", *options) as world:
        world.add(session, "1")
        rest = f"/propagate-up-to?levels=edge&to=tally&value={session}"
        assert world.call("edge-a", "notebook", rest, session=session).ok
        until(lambda: values() == [session])
    with World.up(tmp_path / "state", *options) as world:
        assert world.words(session) == ["1"]
        world.add(session, "2")
        assert world.words(session) == ["1", "2"]
        assert values() == [session]


def test_where_there_is_no_stack_file_up_says_so_in_one_line(tmp_path: Path) -> None:
    done = edgectl("up", "--detach", "--state-dir", "state", check=False, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "stack.yml" in done.stderr
    assert len(done.stderr.splitlines()) == 1
