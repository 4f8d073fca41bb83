"""The commands for ``faas-cli``, which cannot be run here, name what there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgectl import infrastructure
from edgectl.stack import reading
from edgectl.stack.reading import Function
from edgedb.topology.tree import Topology
from tests.docs.markdown import PROJECT, blocks, code, table
from tests.docs.shell import Line, lines

COMMON = {"-f", "--regex", "--filter"}
OPTIONS = {
    "build": COMMON,
    "push": COMMON,
    "deploy": COMMON | {"-g", "-e", "--secret"},
    "new": {"--lang"},
    "template pull": set[str](),
    "secret create": {"-g", "--from-file"},
    "secret update": {"-g", "--from-file"},
    "logs": {"-g"},
}
"""What is used of faas-cli 0.18; each option has a value."""

KINDS = {"root": "cloud", "in between": "city", "leaf": "edge-a"}


@dataclass(frozen=True)
class Call:
    """One command."""

    place: str
    variables: Mapping[str, str]
    command: str
    arguments: list[str]
    options: Mapping[str, str]

    @classmethod
    def of(cls, line: Line) -> Call:
        """Take a line apart."""
        words = line.words[1:]
        depth = 2 if words[0] in {"secret", "template"} else 1
        rest = iter(words[depth:])
        options, arguments = {}, []
        for word in rest:
            if word.startswith("-"):
                options[word] = next(rest)
            else:
                arguments.append(word)
        return cls(line.place, line.variables, " ".join(words[:depth]), arguments, options)

    def __str__(self) -> str:
        """Give a name for a test."""
        return f"{self.place} {self.command}"


CALLS = [
    Call.of(line)
    for block in blocks("console", "bash")
    for line in lines(block)
    if line.program == "faas-cli"
]


def those(*commands: str) -> pytest.MarkDecorator:
    """Run a test with every call of these commands."""
    found = [call for call in CALLS if call.command in commands]
    return pytest.mark.parametrize("call", found, ids=str)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder with the files that the documents make."""
    made = tmp_path_factory.mktemp("files")
    for block in blocks("yaml"):
        if block.file is not None:
            (made / block.file).write_text(block.text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def tree(folder: Path) -> Topology:
    return infrastructure.load(folder / "infrastructure.yml")


def functions(file: str, folder: Path = PROJECT) -> dict[str, Function]:
    """Read a stack file of the repository, or one that a document makes."""
    path = PROJECT / file
    return reading.load([path if path.exists() else folder / file], {})


def choices() -> dict[str, str]:
    """Give the regular expression for each kind of node, '' for all."""
    rows = table(PROJECT / "docs" / "operations.md", "by name:\n")
    return {KINDS[row[0]]: code(row[2]).removeprefix("--regex ").strip("'") for row in rows}


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_command_is_one_of_faas_cli(call: Call) -> None:
    assert call.options.keys() <= OPTIONS[call.command]


@those("build", "push", "deploy")
def test_a_stack_file_is_there_and_the_choice_matches(call: Call, folder: Path) -> None:
    names = functions(call.options["-f"], folder)
    assert any(re.search(call.options.get("--regex", ""), name) for name in names)


@those("secret create", "secret update")
def test_a_secret_is_one_that_functions_want(call: Call) -> None:
    wanted = {name for each in functions("stack.yml").values() for name in each.secrets}
    assert call.arguments[0] in wanted
    assert Path(call.options["--from-file"]).name == call.arguments[0]


@those("logs")
def test_the_function_whose_log_is_read_exists(call: Call) -> None:
    assert call.arguments[0] in functions("stack.yml") | functions("examples/stack.yml")


@those("deploy", "secret create", "secret update", "logs")
def test_gateway_and_variables_are_those_of_one_location(call: Call, tree: Topology) -> None:
    location = next(place for place in tree if place.gateway == call.options["-g"])
    parent = tree.parent(location.id)
    if call.command == "deploy":
        assert call.variables["LOCATION_ID"] == location.id
        assert call.variables["PARENT_HOST"] == (parent.gateway if parent else "")
    if call.arguments == ["edge-topology"]:
        assert Path(call.options["--from-file"]).parent.name == location.id


@pytest.mark.parametrize("location", KINDS.values())
def test_the_choice_for_a_kind_of_node_is_what_its_label_says(
    location: str, tree: Topology
) -> None:
    chosen = {name for name in functions("stack.yml") if re.search(choices()[location], name)}
    labelled = functions("stack.yml").items()
    assert chosen == {name for name, each in labelled if each.is_deployed_at(location, tree)}


@those("deploy")
def test_a_deployment_makes_the_choice_for_its_location(call: Call) -> None:
    is_full = call.options["-f"] == "stack.yml"
    choice = choices()[call.variables["LOCATION_ID"]] if is_full else ""
    assert call.options.get("--regex", "") == choice
