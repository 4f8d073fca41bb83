"""Commands that need no tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgectl import infrastructure
from edgectl.cli import cli
from edgedb.topology.tree import Topology
from edgedb.wire.choices import Policy

FILE = """
levels: [cloud, edge]
locations:
  cloud: {gateway: "http://cloud:8080"}
  edge-a: {parent: cloud, gateway: "http://edge-a:8080/"}
  edge-b: {parent: cloud, gateway: "http://edge-b:8080"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a valid infrastructure file."""
    path = tmp_path / "infrastructure.yml"
    path.write_text(FILE)
    return path


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command line in this process."""
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words])


@pytest.mark.parametrize("command", ["offload", "sessions"])
@pytest.mark.parametrize("policy", Policy)
def test_every_policy_of_the_api_is_an_option(command: str, policy: Policy) -> None:
    context = cli.commands[command].make_context(command, ["edge-a", f"--policy={policy}"])
    assert context.params["policy"] == policy


def test_check_counts_a_valid_tree(run: Callable[..., Result], file: Path) -> None:
    assert run("topology", "check", file).output == (
        f"{file} is a tree of 3 locations on 2 levels under cloud, with 2 leaves\n"
    )
    done = run("topology", "check", file, "--json")
    assert json.loads(done.output) == {
        "valid": True,
        "locations": 3,
        "levels": 2,
        "leaves": 2,
        "root": "cloud",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILE + "  edge-c: {parent: fog, gateway: 'http://c'}", "edge-c.parent: there is no"),
        (FILE.replace("http://cloud:8080", "cloud:8080"), "cloud.gateway must be an http"),
        ("levels: [", "while parsing"),
        ("", "the topology must be a mapping"),
    ],
)
def test_check_names_file_key_and_value(
    run: Callable[..., Result], file: Path, text: str, message: str
) -> None:
    file.write_text(text)
    done = run("topology", "check", file)
    assert done.exit_code == 1
    assert f"Error: {file}: {message}" in done.output


def test_a_missing_file_is_an_error(run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("topology", "check", tmp_path / "gone.yml")
    assert (done.exit_code, "No such file" in done.output) == (1, True)


def test_show_prints_a_tree_for_people(run: Callable[..., Result], file: Path) -> None:
    lines = run("topology", "show", file).output.splitlines()
    assert [line.strip() for line in lines] == [
        "cloud cloud http://cloud:8080",
        "├── edge-a edge http://edge-a:8080",
        "└── edge-b edge http://edge-b:8080",
    ]


def test_show_prints_the_secret_of_a_location(run: Callable[..., Result], file: Path) -> None:
    view = Topology.from_json(
        json.loads(run("topology", "show", file, "--location", "edge-a").output)
    )
    assert view == infrastructure.load(file).view_of("edge-a")
    assert "edge-b" not in view
    done = run("topology", "show", file, "--location", "edge-z")
    assert (done.exit_code, "'edge-z' is not part" in done.output) == (1, True)


def test_commands_on_no_tree_say_so(run: Callable[..., Result], tmp_path: Path) -> None:
    for words in (["status"], ["where", "s"], ["offload", "edge-a"], ["down"]):
        done = run(*words, "--state-dir", tmp_path)
        assert done.exit_code == 1
        assert f"no tree is running in {tmp_path}" in done.output


def test_another_tree_needs_its_tokens(run: Callable[..., Result], file: Path) -> None:
    done = run("sessions", "edge-a", "--infrastructure", file, "--secrets", file.parent / "none")
    assert done.exit_code == 1
    assert "edge-a: " in done.output
    assert "none/edge-a/edge-oracle-token: No such file" in done.output


@pytest.mark.parametrize("command", ["", "up", "down", "status", "where", "topology show"])
def test_every_command_has_help(run: Callable[..., Result], command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.output


@pytest.mark.parametrize("value", ["key", "=file", "key=", "../key=file"])
def test_a_secret_is_a_name_and_a_file(run: Callable[..., Result], value: str) -> None:
    done = run("up", "--secret", value)
    assert (done.exit_code, "is not NAME=FILE" in done.output) == (2, True)
