"""What ``edgectl topology diff`` says of two trees, and of the sessions that are away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgectl.cli import cli
from edgectl.infrastructure import load
from edgectl.secrets_folder import SecretsFolder
from tests.support.answering import Call, answering

Diff = Callable[..., Result]
PROBLEM = {"type": "about:blank", "title": "Down", "status": 503, "detail": "Redis is silent"}
HOMES = {"cloud": {"edge-a": 1}, "city": {"edge-a": 12, "edge-b": 2}, "edge-a": {"edge-a": 3}}


@pytest.fixture
def diff(tmp_path: Path) -> Iterator[Diff]:
    """Compare a tree of which all nodes but edge-b answer with what a change makes of it."""

    def answer(call: Call) -> tuple[int, Any]:
        if call.function == "oracle/_/ready":
            return 200, "ready"
        assert call.function == "oracle/homes"
        return (200, HOMES[call.location]) if call.location in HOMES else (503, PROBLEM)

    with answering(answer) as (base, _):
        parents = {"cloud": None, "city": "cloud", "edge-a": "city", "edge-b": "city"}
        locations: dict[str, Any] = {
            place: {"gateway": f"{base}/{place}", **({"parent": parent} if parent else {})}
            for place, parent in parents.items()
        }
        locations["town"] = {"gateway": f"{base}/town", "parent": "cloud"}
        document = {"levels": ["cloud", "city", "edge"], "locations": locations}
        old, new = tmp_path / "old.yml", tmp_path / "new.yml"
        old.write_text(json.dumps(document))
        secrets = SecretsFolder(tmp_path / "secrets")
        secrets.write(load(old))

        def run(change: Callable[[dict[str, Any]], Any], *words: str) -> Result:
            changed = json.loads(json.dumps(locations))
            change(changed)
            new.write_text(json.dumps(document | {"locations": changed}))
            where = ["--secrets", str(secrets.path), *words]
            return CliRunner().invoke(cli, ["topology", "diff", str(old), str(new), *where])

        yield run


def test_the_same_tree_needs_nothing(diff: Diff) -> None:
    done = diff(lambda _: None)
    assert (done.output, done.exit_code) == ("the same tree\n", 0)


def test_a_location_that_moves_is_asked_for_and_its_former_parent_is_to_be_named(
    diff: Diff,
) -> None:
    done = diff(lambda at: at["edge-a"].update(parent="town"))
    assert done.output == (
        "moved edge-a from city to town; sessions: 12 at city, 1 at cloud; "
        "first: say so in the new tree: former: [city]\n"
    )
    assert done.exit_code == 1
    done = diff(lambda at: at["edge-a"].update(parent="town", former=["city"]))
    assert "first" not in done.output
    assert done.exit_code == 0


def test_a_location_that_goes_is_to_be_drained(diff: Diff) -> None:
    done = diff(lambda at: at.pop("edge-a"))
    assert "removed edge-a was below city; sessions: 3 at edge-a, 12 at city, 1 at cloud" in (
        done.output
    )
    assert "first: edgectl drain edge-a" in done.output
    assert done.exit_code == 1


def test_who_does_not_answer_is_named(diff: Diff) -> None:
    done = diff(lambda at: at.pop("edge-b"))
    assert "sessions: 2 at city; not asked: edge-b: Down: Redis is silent" in done.output
    assert "bring back edge-b, or say: edgectl lost LOCATION" in done.output


def test_a_location_that_is_added_or_called_otherwise_needs_nothing(diff: Diff) -> None:
    def change(at: dict[str, Any]) -> None:
        at["edge-c"] = {"parent": "town", "gateway": "http://new"}
        at["south"] = at.pop("edge-a") | {"aliases": ["edge-a"]}

    done = diff(change)
    assert done.output == "added edge-c below town\nrenamed edge-a to south\n"
    assert done.exit_code == 0


def test_a_name_that_was_changed_without_a_word_is_asked_about(diff: Diff) -> None:
    done = diff(lambda at: at.update(south=at.pop("edge-a")), "--json")
    added, removed = json.loads(done.output)
    assert added["first"] == "if that is edge-a, say so: aliases: [edge-a]"
    assert (removed["kind"], removed["away"]) == ("removed", {"edge-a": 3, "city": 12, "cloud": 1})
    assert done.exit_code == 1


def test_without_secrets_who_could_be_asked_is_named_as_silent(diff: Diff) -> None:
    done = diff(lambda at: at.pop("edge-a"), "--secrets", "nowhere")
    assert "not asked: city: " in done.output
