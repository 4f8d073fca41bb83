"""The operator's commands on a running tree of the real functions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.running import edgectl
from tests.e2e.world import ALL, World
from tests.support.commands import command


def ask(world: World, *words: str) -> Any:
    """Run a command with ``--json`` and read what it prints."""
    [line] = command(world, *words, "--json").stdout.splitlines()
    return json.loads(line)


def test_a_session_is_moved_up_found_and_brought_home(world: World) -> None:
    world.add("a b", "1")
    token = ask(world, "offload", "edge-a", "--session", "a b")
    assert (token["proprietaryLocation"], token["currentLocation"]) == ("edge-a", "city")
    assert ask(world, "where", "a b")["currentLocations"] == ["city"]
    assert world.add("a b", "2")["location"] == "city"
    listed = ask(world, "sessions", "city")["sessions"]
    assert "a b" in [entry["session"] for entry in listed]
    assert [token["session"] for token in ask(world, "onload", "edge-a")] == ["a b"]
    assert ask(world, "where", "a b")["answers"]["edge-a"] == "offloaded: no"


def test_status_tells_who_accepts_and_what_is_where(world: World) -> None:
    world.add("counted", "1")
    assert ask(world, "reject", "city") == {"location": "city", "status": "reject"}
    entries = {entry["location"]: entry for entry in ask(world, "status")}
    assert set(entries) == set(ALL)
    assert entries["city"]["status"] == "reject"
    assert entries["edge-a"]["sessions"] >= 1
    assert entries["edge-a"]["bytes"] > 0
    people = command(world, "status").stdout
    assert f"city reject {entries['city']['sessions']} sessions" in people
    assert ask(world, "accept", "city")["status"] == "accept"


def test_a_tree_may_be_named_by_its_file_and_its_secrets(world: World, tmp_path: Path) -> None:
    file, secrets = tmp_path / "infrastructure.yml", tmp_path / "secrets"
    locations = {
        node["location"]: {"parent": node["parent"], "gateway": node["gateway"]}
        for node in world.summary["nodes"]
    }
    document = {"levels": ["cloud", "city", "edge"], "locations": locations}
    file.write_text(json.dumps(document))
    shutil.copytree(world.folder / "_secrets", secrets)
    named: list[str | Path] = ["--infrastructure", file, "--secrets", secrets]
    entries = json.loads(edgectl("status", *named, "--json").stdout)
    assert all("error" not in entry for entry in entries)
    shutil.copy(secrets / "city" / "edge-oracle-token", secrets / "edge-a")
    done = edgectl("offload", "edge-a", *named, check=False)
    assert done.returncode == 1
    assert "(401)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["where", "nobody's"], "no node knows a session"),
        (["offload", "edge-b", "--session", "nobody's"], "(404)"),
        (["offload", "nowhere"], "'nowhere' is not part of the topology"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_status_1(
    world: World, words: list[str], message: str
) -> None:
    done = command(world, *words, status=1)
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
