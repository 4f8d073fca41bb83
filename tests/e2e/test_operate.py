"""The operator's commands on a running tree of the real functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.edgectl import RunningTree, edgectl, tree

REPOSITORY = Path(__file__).parents[2]
STACKS = [f"--stack={REPOSITORY / name}" for name in ("stack.yml", "examples/stack.yml")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTree]:
    """Run a tree with the functions of the protocol and the examples."""
    with tree(tmp_path_factory.mktemp("operate") / "state", *STACKS) as started:
        yield started


def ask(running: RunningTree, *words: str) -> Any:
    """Run a command with ``--json`` and read what it prints."""
    done = edgectl(*words, "--state-dir", running.folder, "--json")
    assert len(done.stdout.splitlines()) == 1
    return json.loads(done.stdout)


def add_product(running: RunningTree, session: str) -> dict[str, Any]:
    """Create a session at edge-a, or write to it wherever it is."""
    url = f"{running.gateway('edge-a')}/function/shopping-cart?product=tea"
    answer = requests.post(url, headers={"X-session": session}, timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_session_is_moved_up_found_and_brought_home(running: RunningTree) -> None:
    assert add_product(running, "a b")["location"] == "edge-a"
    token = ask(running, "offload", "edge-a", "--session", "a b")
    assert (token["proprietaryLocation"], token["currentLocation"]) == ("edge-a", "city")
    assert ask(running, "where", "a b")["currentLocations"] == ["city"]
    assert [entry["session"] for entry in ask(running, "sessions", "city")["sessions"]] == ["a b"]
    assert add_product(running, "a b")["location"] == "city"
    assert [token["session"] for token in ask(running, "onload", "edge-a")] == ["a b"]
    assert ask(running, "where", "a b")["answers"]["edge-a"] == "offloaded: no"


def test_status_tells_who_accepts_and_what_is_where(running: RunningTree) -> None:
    add_product(running, "counted")
    assert ask(running, "reject", "city") == {"location": "city", "status": "reject"}
    entries = {entry["location"]: entry for entry in ask(running, "status")}
    assert set(entries) == {"cloud", "city", "edge-a", "edge-b"}
    assert entries["city"]["status"] == "reject"
    assert entries["edge-a"]["sessions"] >= 1
    assert entries["edge-a"]["bytes"] > 0
    people = edgectl("status", "--state-dir", running.folder).stdout
    assert "city reject 0 sessions" in people
    assert ask(running, "accept", "city")["status"] == "accept"


def test_a_tree_may_be_named_by_its_file_and_token(running: RunningTree, tmp_path: Path) -> None:
    file, token = tmp_path / "infrastructure.yml", tmp_path / "token"
    locations = {
        node["location"]: {"parent": node["parent"], "gateway": node["gateway"]}
        for node in running.summary["nodes"]
    }
    document = {"levels": ["cloud", "city", "edge"], "locations": locations}
    file.write_text(json.dumps(document))
    token.write_text(running.summary["oracle_token"] + "\n")
    named: list[str | Path] = ["--infrastructure", file, "--oracle-token-file", token]
    entries = json.loads(edgectl("status", *named, "--json").stdout)
    assert all("error" not in entry for entry in entries)
    token.write_text("wrong")
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
    running: RunningTree, words: list[str], message: str
) -> None:
    done = edgectl(*words, "--state-dir", running.folder, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
