"""The secrets of a tree, and what is put where when keys are replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgectl import infrastructure, rotating
from edgectl.cli import cli
from edgectl.secrets_folder import SecretsFolder
from edgedb.topology.tree import Topology

FILE = """\
levels: [cloud, city, edge]     # root first
locations:
  cloud:  {gateway: "http://cloud.example.com:8080"}
  city:                                         # the town hall
    parent: cloud
    gateway: http://city.example.com:8080       # by its name
  edge-a: {parent: city, gateway: "http://edge-a.example.com:8080"}
  edge-b: {parent: city, gateway: "http://edge-b.example.com:8080", generation: 4}
"""
ALL = ["cloud", "city", "edge-a", "edge-b"]
MADE = ["edge-topology", "edge-node-key", "edge-oracle-token"]

Run = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give an infrastructure file."""
    (tmp_path / "infrastructure.yml").write_text(FILE)
    return tmp_path / "infrastructure.yml"


@pytest.fixture
def folder(tmp_path: Path) -> SecretsFolder:
    """Give the folder for its secrets."""
    return SecretsFolder(tmp_path / "secrets")


@pytest.fixture
def rotate(file: Path, folder: SecretsFolder) -> Run:
    """Give ``edgectl rotate`` of that tree."""
    where = ["--infrastructure", str(file), "--secrets", str(folder.path)]
    return lambda location: CliRunner().invoke(cli, ["rotate", location, *where])


def make(file: Path, folder: SecretsFolder) -> Result:
    return CliRunner().invoke(cli, ["secrets", str(file), str(folder.path)])


def lines(folder: SecretsFolder, location: str, name: str = "edge-node-key") -> list[str]:
    return (folder.of(location) / name).read_text().splitlines()


def test_every_node_is_given_its_own_and_nobody_else_can_read_them(
    file: Path, folder: SecretsFolder
) -> None:
    done = make(file, folder)
    assert done.exit_code == 0
    path, gateway = folder.of("edge-a") / "edge-node-key", "http://edge-a.example.com:8080"
    command = f"faas-cli secret create edge-node-key --from-file {path} -g {gateway}"
    assert command in done.output.splitlines()
    assert len(done.output.splitlines()) == len(ALL) * len(MADE)
    found = [lines(folder, at, name) for at in ALL for name in MADE[1:]]
    assert all(len(each) == 1 for each in found)
    assert len({each for (each,) in found}) == len(found)
    files = [each for each in folder.path.rglob("*") if each.is_file()]
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}


def test_made_again_they_are_the_same_and_nothing_has_to_be_put_anywhere(
    file: Path, folder: SecretsFolder
) -> None:
    make(file, folder)
    (folder.of("city") / "edge-oracle-token").unlink()
    again = make(file, folder).output
    assert again.split()[:4] == ["faas-cli", "secret", "create", "edge-oracle-token"]
    assert make(file, folder).output == ""


@pytest.mark.parametrize("content", [b"short", b"\xff" * 40, b""])
def test_a_key_that_is_none_is_refused_in_one_line(
    file: Path, folder: SecretsFolder, content: bytes
) -> None:
    folder.path.mkdir()
    (folder.path / "_tree-key").write_bytes(content)
    done = make(file, folder)
    assert (done.exit_code, len(done.output.splitlines())) == (1, 1)
    assert "_tree-key" in done.output
    assert [each.name for each in folder.path.iterdir()] == ["_tree-key"]


def test_a_rotation_is_two_steps_and_changes_the_subtree_and_what_is_above(
    file: Path, folder: SecretsFolder, rotate: Run
) -> None:
    make(file, folder)
    before, others = lines(folder, "edge-a"), lines(folder, "edge-b")
    first = rotate("edge-a")
    assert first.exit_code == 0, first.output
    assert lines(folder, "edge-a")[1:] == before
    second = rotate("edge-a")
    assert lines(folder, "edge-a") != before
    assert len(lines(folder, "edge-a")) == 1
    for done in (first, second):
        changed = [line.split() for line in done.output.splitlines() if line.startswith("faas")]
        assert {(words[3], Path(words[5]).parent.name) for words in changed} == {
            *(("edge-topology", at) for at in ("cloud", "city", "edge-a")),
            *((name, "edge-a") for name in ("edge-node-key", "edge-oracle-token")),
        }
    assert lines(folder, "edge-b") == others
    assert "generation [2, 1]" in first.output
    assert "once more ends the rotation" in first.output
    assert "generation 2\n" in second.output


@pytest.mark.parametrize("location", ALL)
def test_in_the_file_nothing_but_the_generation_changes(
    file: Path, rotate: Run, location: str
) -> None:
    for _ in range(3):
        rotate(location)
    tree = infrastructure.load(file)
    before = Topology.from_json(infrastructure.parsed(file, FILE).to_json())
    (number,) = before[location].generations
    expected = (number + 2, number + 1)
    assert tree == rotating.with_generations(before, {location: expected})
    assert file.read_text().count("#") == FILE.count("#")


@pytest.mark.parametrize("name", ["edge", "south"])
def test_a_renamed_location_is_rotated_by_each_of_its_names(
    file: Path, rotate: Run, name: str
) -> None:
    file.write_text(
        "levels: [cloud, edge]\nlocations:\n  cloud: {gateway: 'http://a'}\n"
        "  south: {parent: cloud, gateway: 'http://b', aliases: [edge]}\n"
    )
    assert rotate(name).exit_code == 0
    assert infrastructure.load(file)["edge"].generations == (2, 1)


def test_a_file_that_cannot_be_changed_is_left_as_it_is(file: Path, rotate: Run) -> None:
    text = (
        "levels: [cloud, city]\nlocations:\n  edge-a: &x {gateway: 'http://a'}\n"
        "  city: {<<: *x, parent: edge-a, gateway: 'http://b'}\n"
    )
    file.write_text(text)
    done = rotate("edge-a")
    assert (done.exit_code, len(done.output.splitlines())) == (1, 1)
    assert "write generation: [2, 1] to edge-a" in done.output
    assert file.read_text() == text


def test_an_unknown_location_is_one_line_and_changes_nothing(file: Path, rotate: Run) -> None:
    done = rotate("edge-z")
    assert (done.exit_code, len(done.output.splitlines())) == (1, 1)
    assert "'edge-z' is not part of the topology" in done.output
    assert file.read_text() == FILE


def test_a_tree_that_is_started_again_goes_on_with_its_generations(folder: SecretsFolder) -> None:
    plain = Topology.from_json(infrastructure.default_tree().to_json())
    folder.write(rotating.with_generations(plain, {"edge-a": (3,), "city": (2, 1)}))
    told = rotating.with_generations(plain, {"edge-b": (7,)})
    kept = rotating.kept(told, folder.topology())
    generations = {place.id: place.generations for place in kept}
    assert generations == {"cloud": (1,), "city": (2, 1), "edge-a": (3,), "edge-b": (7,)}
