"""A tree in which one node still runs the release before this one's hand-over.

It signs its calls as all nodes did that had one key, so nobody takes them, nor it those of others.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from edgectl.local.files import NodeFolder, write_private
from edgectl.stack import build, reading
from harness.running import REPOSITORY, edgectl
from harness.waiting import until
from tests.e2e.world import World

BEFORE = "c1e6829"
"""The last commit in which a move has four phases."""
STACKS = ("stack.yml", "tests/e2e/stack.yml")
WAITS = "does not know this node by its credential: a key, a clock or the release differs"


def export(folder: Path) -> Path:
    """Give a folder with the release before."""
    command = ["git", "archive", BEFORE]
    archive = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="fully_trusted")
    return folder


def run_release(world: World, location: str, project: Path) -> None:
    """Let a node run the functions of another release from now on."""
    with chdir(project):  # where faas-cli would be run
        functions = reading.load([*map(Path, STACKS)], os.environ)
    builds = world.folder / f"_build-{project.name}"
    file = NodeFolder(world.folder / location).configuration
    document: dict[str, Any] = json.loads(file.read_text())
    for each in document["functions"]:
        each["folder"] = str(build.lay_out(functions[each["name"]], builds))
    write_private(file, json.dumps(document))
    gateway = world.process(location, "gateway")
    world.kill(location, "gateway")
    until(lambda: world.process(location, "gateway") not in (None, gateway))
    world.await_ready()


@pytest.fixture(scope="module", params=["city", "edge-a"])
def mixed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Give a tree, and the node that runs the release before."""
    folder = tmp_path_factory.mktemp("releases")
    with World.up(folder / "state", *(f"--stack={stack}" for stack in STACKS), "--tick=0") as world:
        world.add("there", "1")
        world.offload("there")
        run_release(world, request.param, export(folder / "before"))
        yield world, request.param


def test_clients_are_served_and_moves_wait(mixed: tuple[World, str]) -> None:
    world, before = mixed
    world.add("here", "1")
    for session, at in (("here", "edge-a"), ("there", "city")):
        for action in (("edge-a", "force-offload"), ("edge-a", "force-onload")):
            answer = world.oracle(*action, session=session)
            assert answer.status_code >= 400
        assert world.where(session) == (
            "offloaded: no" if at == "edge-a" else "offloaded: yes (city)"
        )
        world.add(session, "2")
        assert world.words(session) == ["1", "2"]
    if before == "city":
        answer = world.oracle("edge-a", "force-offload", session="here")
        assert (answer.status_code, WAITS in answer.text) == (503, True)


def test_status_and_the_log_say_that_moves_wait(mixed: tuple[World, str]) -> None:
    world, before = mixed
    shown = edgectl("status", f"--state-dir={world.folder}").stdout
    waiting = [line for line in shown.splitlines() if "moves wait until" in line]
    parents = {"city": ["cloud", "city", "city"], "edge-a": ["city"]}[before]
    assert [line.split("moves wait until ")[1].split()[0] for line in waiting] == parents
    if before == "city":
        world.add("waiting", "1")
        world.oracle("edge-a", "force-offload", session="waiting")
        log = NodeFolder(world.folder / "edge-a").log("force-offload").read_text()
        assert WAITS in log


def test_a_session_moves_as_soon_as_both_ends_have_this_release(mixed: tuple[World, str]) -> None:
    world, before = mixed
    world.add("later", "1")
    run_release(world, before, REPOSITORY)
    assert world.offload("later") == "city"
    assert world.oracle("edge-a", "force-onload", session="there").ok
    assert world.words("there")[0] == "1"
    assert "moves wait" not in edgectl("status", f"--state-dir={world.folder}").stdout
    assert edgectl("doctor", f"--state-dir={world.folder}").returncode == 0
