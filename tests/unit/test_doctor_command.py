"""What ``edgectl doctor`` prints, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgectl import infrastructure
from edgectl.cli import cli, render
from edgectl.secrets_folder import SecretsFolder
from edgedb.checking.findings import Finding, Kind
from tests.support.answering import Call, answering

DISCARD = "discard the copy; the session is at its source"
ARRIVING = Finding(Kind.ARRIVING, "s [1]", "nobody goes on copying", "arrival")
DISCARDED = replace(ARRIVING, repaired=True)
STUCK = Finding(Kind.SILENT, "city", "is silent", None, False, "it does not answer")
Run = Callable[..., tuple[Result, list[Call]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give the doctor of two nodes that answer in slices what they are said to have found."""

    def run(found: dict[str, list[Finding]], *words: str) -> tuple[Result, list[Call]]:
        def answer(call: Call) -> tuple[int, Any]:
            if call.location not in found:
                return 500, ""
            findings = [finding.to_json() for finding in found[call.location]]
            if "position" in call.query:
                return 200, {"findings": findings, "next": None}
            return 200, {"findings": findings[:1], "next": "7"}

        with answering(answer) as (base, calls):
            locations: dict[str, dict[str, str]] = {"cloud": {}, "city": {"parent": "cloud"}}
            for location, document in locations.items():
                document["gateway"] = f"{base}/{location}"
            file = tmp_path / "infrastructure.yml"
            file.write_text(json.dumps({"levels": ["cloud", "city"], "locations": locations}))
            secrets = SecretsFolder(tmp_path / "secrets")
            secrets.write(infrastructure.load(file))
            where = ["--infrastructure", str(file), "--secrets", str(secrets.path)]
            return CliRunner().invoke(cli, ["doctor", *where, *words]), calls

    return run


def test_a_healthy_tree_is_exit_code_0(run: Run) -> None:
    done, calls = run({"cloud": [], "city": []})
    assert (done.output, done.exit_code) == ("healthy: cloud, city\n", 0)
    assert {(call.method, call.function) for call in calls} == {("GET", "oracle/findings")}


def test_what_is_found_is_a_line_and_exit_code_1(run: Run) -> None:
    done, _ = run({"cloud": [], "city": [ARRIVING]})
    line = f"city: arriving s [1]: nobody goes on copying; --fix would: {DISCARD}\n"
    assert (done.output, done.exit_code) == (line, 1)


def test_what_is_repaired_is_exit_code_0(run: Run) -> None:
    done, calls = run({"city": [DISCARDED]}, "--fix", "city")
    line = f"city: arriving s [1]: nobody goes on copying; done: {DISCARD}\n"
    assert (done.output, done.exit_code) == (line, 0)
    posts = [(call.location, call.function) for call in calls if call.method == "POST"]
    assert posts == [("city", "oracle/repairs")] * 2  # each after the function was woken


def test_what_could_not_be_repaired_is_exit_code_1(run: Run) -> None:
    done, _ = run({"cloud": [STUCK]}, "--fix", "cloud")
    assert "not repaired: it does not answer" in done.output
    assert done.exit_code == 1


def test_what_was_repaired_in_one_slice_only_is_exit_code_1(run: Run) -> None:
    stuck = replace(ARRIVING, repaired=False, reason="ask again")
    done, _ = run({"city": [stuck, DISCARDED]}, "--fix", "city")
    assert ("not repaired: ask again" in done.output, "done:" in done.output) == (True, True)
    assert done.exit_code == 1


def test_a_node_that_does_not_answer_holds_up_no_other(run: Run) -> None:
    done, _ = run({"city": [ARRIVING]}, "--json")
    found = json.loads(done.output)
    assert [(one["location"], one["kind"]) for one in found] == [
        ("cloud", "silent"),
        ("city", "arriving"),
    ]
    assert found[1] == {"location": "city", **ARRIVING.to_json()}
    assert found[0].keys() == found[1].keys()
    assert done.exit_code == 1


def test_a_healthy_tree_is_an_empty_list(run: Run) -> None:
    done, _ = run({"cloud": [], "city": []}, "--json")
    assert (json.loads(done.output), done.exit_code) == ([], 0)


def test_an_unknown_location_is_an_error_before_any_call(run: Run) -> None:
    done, calls = run({}, "nowhere")
    assert (done.exit_code, calls) == (1, [])
    assert "'nowhere' is not part of the topology" in done.output


def test_on_a_terminal_it_is_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    entries = [{"location": "city", **one.to_json()} for one in (ARRIVING, STUCK)]
    render.findings(["city"], entries)
    printed = capsys.readouterr().out
    assert "┃" in printed
    assert "s [1]" in printed
