"""``edgectl doctor`` on a running tree: through gateways, at nodes whose Redis was damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from edgectl.cli import cli
from harness.running import REPOSITORY, RunningTree
from tests.support.commands import command
from tests.support.stacks import SHOP, write_examples


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTree]:
    """Run a tree that never ticks, so only the doctor ends what is left over.

    Its nodes wait less for each other than usual: one of them will be silent.
    """
    folder = tmp_path_factory.mktemp("doctor")
    stack = folder / "stack.yml"
    text = (REPOSITORY / "stack.yml").read_text()
    stack.write_text(text.replace("EDGE_MAX_BODY:", "EDGE_PEER_TIMEOUT: 5s\n    EDGE_MAX_BODY:"))
    examples = write_examples(folder / "examples.yml", *SHOP)
    options = ("--tick=0", f"--stack={stack}", f"--stack={examples}")
    with RunningTree.up(folder / "state", *options) as started:
        yield started


def doctor(running: RunningTree, *words: str, status: int = 0) -> list[Any]:
    """Run the doctor, which ends with that exit status; gives what it found, sorted."""
    done = command(running, "doctor", *words, "--json", status=status)
    assert done.stderr == ""
    return sorted(
        (one["location"], f"{one['kind']} {one['subject']}", one["repaired"])
        for one in json.loads(done.stdout)
    )


def add_product(running: RunningTree, session: str) -> dict[str, Any]:
    options = {"session": session, "allow_redirects": True}
    answer = running.call("edge-a", "shopping-cart", "?product=tea", **options)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_what_is_damaged_is_found_explained_repaired_and_healthy_again(
    running: RunningTree,
) -> None:
    for session in ("stays", "moves"):
        add_product(running, session)
    command(running, "offload", "edge-a", "--session", "moves")
    assert doctor(running) == []

    with running.redis("edge-a") as edge, running.redis("city") as city:
        edge.zrem("edge:residents:by-size", "stays")
        city.hincrby("edge:node", "bytes", 1000)
        city.set("edge:{gone}:scalars", "x")
    sizes = ("edge-a", "indexes edge:residents:by-size")
    damages = [("city", "orphaned gone"), ("city", "indexes edge:node"), sizes]
    sums = ("edge-a", "indexes edge:node")  # nothing is wrong but the index
    found = doctor(running, status=1)
    assert found == sorted((*what, None) for what in [*damages, sums])
    assert doctor(running, "cloud", "edge-b") == []

    people = command(running, "doctor", status=1).stdout
    line = "edge-a: indexes edge:residents:by-size: does not say what is so of stays; --fix would: "
    assert line in people

    assert doctor(running, "--fix") == sorted((*what, True) for what in damages)
    assert doctor(running) == []
    assert add_product(running, "stays")["products"] == ["tea", "tea"]
    assert add_product(running, "moves")["location"] == "city"


def forks(running: RunningTree, *words: str) -> list[tuple[str, str]]:
    """Give where the doctor finds forks, and of which sessions; whatever else is on its way."""
    where = ["--json", "--state-dir", str(running.folder)]
    found = json.loads(CliRunner().invoke(cli, ["doctor", *words, *where]).stdout)
    return sorted((one["location"], one["subject"]) for one in found if one["kind"] == "forked")


def test_a_fork_is_named_ended_as_the_operator_says_and_nothing_of_it_is_lost(
    running: RunningTree,
) -> None:
    for session in ("forked", "safe"):
        add_product(running, session)
    command(running, "offload", "edge-a", "--session", "forked")
    with running.redis("edge-a") as edge:
        edge.delete("edge:{forked}:meta")  # the store has forgotten where it is
    assert add_product(running, "forked")["location"] == "edge-a"
    assert forks(running, "--fix") == [("city", "forked"), ("edge-a", "forked")]
    onload = command(running, "onload", "edge-a", "--session", "forked", status=1)
    assert "ask edgectl doctor" in onload.output

    command(running, "resolve", "forked", "--keep", "city")
    assert forks(running) == []
    assert add_product(running, "forked")["location"] == "city"
    asides = json.loads(command(running, "aside", "list", "--json").stdout)["aside"]
    (aside,) = [each for each in asides if each["session"] == "forked"]
    assert aside["location"] == "edge-a"
    shown = command(running, "aside", "show", "edge-a", aside["id"]).stdout
    assert "tea" in shown
    command(running, "aside", "restore", "edge-a", aside["id"], "--as", "back")
    assert add_product(running, "back")["products"] == ["tea", "tea"]
    assert forks(running) == []


def test_a_node_that_is_down_is_a_finding_and_the_others_are_examined(running: RunningTree) -> None:
    add_product(running, "s")
    command(running, "offload", "edge-a", "--session", "s")
    gateway = running.process("city", "gateway")
    assert gateway is not None
    gateway.suspend()
    try:
        with running.redis("edge-b") as edge:
            edge.hincrby("edge:node", "bytes", 5)
        repaired = doctor(running, "--fix", "edge-b")
        assert repaired == [("edge-b", "indexes edge:node", True)]
        silent = doctor(running, "--fix", "edge-a", status=1)
        assert silent == [("edge-a", "silent city", False)]
    finally:
        gateway.resume()
    assert doctor(running) == []
