"""What ``edgectl doctor`` prints, and its exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgectl.cli import cli, operate, render
from edgectl.operating import CallFailed, Operator
from edgedb.checking.findings import Finding, Kind
from edgedb.topology.tree import Topology

THAW = "thaw it; it is served either way"
FROZEN = Finding(Kind.FROZEN, "s [1]", "its freeze is over", "transfer")
THAWED = replace(FROZEN, repaired=True)
STUCK = Finding(Kind.SILENT, "city", "is silent", None, False, "it does not answer")
DOCUMENT = {
    "levels": ["cloud", "city"],
    "locations": {
        "cloud": {"gateway": "http://cloud"},
        "city": {"parent": "cloud", "gateway": "http://city"},
    },
}


class Nodes(Operator):
    """Answers in slices, instead of gateways."""

    def __init__(self, found: dict[str, list[Finding]]) -> None:
        super().__init__(Topology.from_json(DOCUMENT), "token")
        self.found = found
        self.calls: list[tuple[str, str, str]] = []

    def _call(self, method: str, location: str, function: str, query: Any) -> Any:
        self.calls.append((method, location, function))
        if location not in self.found:
            raise CallFailed(f"{location}: no answer")
        findings = [finding.to_json() for finding in self.found[location]]
        if query["position"] is None:
            return {"findings": findings[:1], "next": "7"}
        return {"findings": findings, "next": None}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(found: dict[str, list[Finding]], *words: str) -> tuple[Result, Nodes]:
        nodes = Nodes(found)
        monkeypatch.setattr(operate, "_of_state", lambda _: nodes)
        return CliRunner().invoke(cli, ["doctor", *words]), nodes

    return run


def test_a_healthy_tree_is_exit_code_0(run: Any) -> None:
    done, nodes = run({"cloud": [], "city": []})
    assert (done.output, done.exit_code) == ("healthy: cloud, city\n", 0)
    assert {call[::2] for call in nodes.calls} == {("GET", "oracle/findings")}


def test_what_is_found_is_a_line_and_exit_code_1(run: Any) -> None:
    done, _ = run({"cloud": [], "city": [FROZEN]})
    line = f"city: frozen s [1]: its freeze is over; --fix would: {THAW}\n"
    assert (done.output, done.exit_code) == (line, 1)


def test_what_is_repaired_is_exit_code_0(run: Any) -> None:
    done, nodes = run({"city": [THAWED]}, "--fix", "city")
    line = f"city: frozen s [1]: its freeze is over; done: {THAW}\n"
    assert (done.output, done.exit_code) == (line, 0)
    assert nodes.calls == [("POST", "city", "oracle/repairs")] * 2


def test_what_could_not_be_repaired_is_exit_code_1(run: Any) -> None:
    done, _ = run({"cloud": [STUCK]}, "--fix", "cloud")
    assert "not repaired: it does not answer" in done.output
    assert done.exit_code == 1


def test_what_was_repaired_in_one_slice_only_is_exit_code_1(run: Any) -> None:
    stuck = replace(FROZEN, repaired=False, reason="ask again")
    done, _ = run({"city": [stuck, THAWED]}, "--fix", "city")
    assert ("not repaired: ask again" in done.output, "done:" in done.output) == (True, True)
    assert done.exit_code == 1


def test_a_node_that_does_not_answer_holds_up_no_other(run: Any) -> None:
    done, _ = run({"city": [FROZEN]}, "--json")
    found = json.loads(done.output)
    assert [(one["location"], one["kind"]) for one in found] == [
        ("cloud", "silent"),
        ("city", "frozen"),
    ]
    assert found[1] == {"location": "city", **FROZEN.to_json()}
    assert found[0].keys() == found[1].keys()
    assert done.exit_code == 1


def test_a_healthy_tree_is_an_empty_list(run: Any) -> None:
    done, _ = run({"cloud": [], "city": []}, "--json")
    assert (json.loads(done.output), done.exit_code) == ([], 0)


def test_an_unknown_location_is_an_error_before_any_call(run: Any) -> None:
    done, nodes = run({}, "nowhere")
    assert (done.exit_code, nodes.calls) == (1, [])
    assert "'nowhere' is not part of the topology" in done.output


def test_on_a_terminal_it_is_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    entries = [{"location": "city", **one.to_json()} for one in (FROZEN, STUCK)]
    render.findings(["city"], entries)
    printed = capsys.readouterr().out
    assert "┃" in printed
    assert "s [1]" in printed
