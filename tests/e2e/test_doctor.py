"""``edgectl doctor`` on a running tree: through gateways, at nodes whose Redis was damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.running import REPOSITORY, RunningTree, edgectl
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


def doctor(running: RunningTree, *words: str) -> tuple[int, Any]:
    """Run the doctor; gives its exit code and what it found."""
    done = edgectl("doctor", *words, "--json", "--state-dir", running.folder, check=False)
    assert done.stderr == ""
    return done.returncode, [
        (one["location"], f"{one['kind']} {one['subject']}", one["repaired"])
        for one in json.loads(done.stdout)
    ]


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
    edgectl("offload", "edge-a", "--session", "moves", "--state-dir", running.folder)
    assert doctor(running) == (0, [])

    with running.redis("edge-a") as edge, running.redis("city") as city:
        edge.zrem("edge:residents:by-size", "stays")
        city.hincrby("edge:node", "bytes", 1000)
        city.set("edge:{gone}:scalars", "x")
    sizes = ("edge-a", "indexes edge:residents:by-size")
    damages = [("city", "orphaned gone"), ("city", "indexes edge:node"), sizes]
    sums = ("edge-a", "indexes edge:node")  # nothing is wrong but the index
    code, found = doctor(running)
    assert (code, sorted(found)) == (1, sorted((*what, None) for what in [*damages, sums]))
    assert doctor(running, "cloud", "edge-b") == (0, [])

    people = edgectl("doctor", "--state-dir", running.folder, check=False).stdout
    line = "edge-a: indexes edge:residents:by-size: does not say what is so of stays; --fix would: "
    assert line in people

    code, found = doctor(running, "--fix")
    assert (code, sorted(found)) == (0, sorted((*what, True) for what in damages))
    assert doctor(running) == (0, [])
    assert add_product(running, "stays")["products"] == ["tea", "tea"]
    assert add_product(running, "moves")["location"] == "city"


def test_a_node_that_is_down_is_a_finding_and_the_others_are_examined(running: RunningTree) -> None:
    add_product(running, "s")
    edgectl("offload", "edge-a", "--session", "s", "--state-dir", running.folder)
    gateway = running.process("city", "gateway")
    assert gateway is not None
    gateway.suspend()
    try:
        with running.redis("edge-b") as edge:
            edge.hincrby("edge:node", "bytes", 5)
        code, found = doctor(running, "--fix", "edge-b")
        assert (code, found) == (0, [("edge-b", "indexes edge:node", True)])
        code, found = doctor(running, "--fix", "edge-a")
        assert (code, found) == (1, [("edge-a", "silent city", False)])
    finally:
        gateway.resume()
    assert doctor(running) == (0, [])
