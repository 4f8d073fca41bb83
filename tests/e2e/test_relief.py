"""A node that is filled relieves itself over the gateways, whoever of its sessions cannot leave."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harness.waiting import until
from tests.e2e.world import World
from tests.support.commands import command

STRANGERS = [f"x{number}" for number in range(8)]
OTHERS = [f"s{number}" for number in range(12)]
MARKS = {"EDGE_OFFLOAD_ABOVE": "60000", "EDGE_OFFLOAD_BELOW": "20000"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start a tree whose oracles nobody calls but its nodes; edge-a knows its marks."""
    folder = tmp_path_factory.mktemp("relief")
    options = ("--tick=0", "--stack=stack.yml", "--stack=tests/e2e/stack.yml")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in MARKS.items():
            patch.setenv(name, value)
        with World.up(folder / "state", *options) as started:
            started.await_ready()
            assert started.call("edge-a", "oracle").status_code == 200
            yield started


def test_what_is_too_much_leaves_by_itself_and_what_cannot_is_reported(filled: World) -> None:
    for name in STRANGERS:  # a client that nobody knows uses the same ids at two nodes
        filled.add(name, "1", at="edge-b")
        filled.offload(name, at="edge-b")
        filled.call("edge-a", "notebook", "/add", session=name, params=large(6000))
    for name in OTHERS:
        filled.call("edge-a", "notebook", "/add", session=name, params=large(2000))

    def has_been_relieved() -> bool:
        """Write on, as long as anybody is there."""
        filled.call("edge-a", "notebook", "/add", session="s0", params=large(1))
        return filled.load("edge-a")["sessions"] == len(STRANGERS)

    until(has_been_relieved)
    assert all(filled.where(name, "city") == "offloaded: no" for name in OTHERS)
    status = json.loads(command(filled, "status", "--json").stdout)
    assert {entry["location"]: entry["stuck"] for entry in status}["edge-a"] == len(STRANGERS)
    assert f"{len(STRANGERS)} cannot leave" in command(filled, "status").stdout
    findings = json.loads(command(filled, "doctor", "edge-a", "--json", status=1).stdout)
    found = sorted((one["kind"], one["subject"]) for one in findings)
    assert found == [("stuck", name) for name in STRANGERS]
    assert all("is resident at city already" in one["found"] for one in findings)
    filled.add("new", "1")
    assert filled.oracle("edge-a", "force-offload").json()["session"] == "new"


def large(size: int) -> dict[str, str]:
    """Give the parameters of an element of so many bytes."""
    return {"key": "words", "value": "x" * size}
