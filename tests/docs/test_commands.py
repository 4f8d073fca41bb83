"""What the documents tell to type works, and prints what they say."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from edgectl.cli import cli
from tests.docs.conftest import Tutorial
from tests.docs.markdown import PROJECT, Block, blocks
from tests.docs.shell import Line, lines, matches, steps

BY_THE_FIXTURE = ("make ", "edgectl up", "edgectl down")
NOT_FROM_HERE = {"make", "faas-cli", "docker", "edgectl", "export", "python"}

RUN = [block for block in blocks("console", "bash", "python") if block.marker == "run"]
SHOWN = [block for block in blocks("console", "bash") if block.marker != "run"]
LINES = [line for block in blocks("console", "bash") for line in lines(block)]


def of(program: str) -> pytest.MarkDecorator:
    """Run a test with every line for one program."""
    found = [line for line in LINES if line.program == program]
    return pytest.mark.parametrize("line", found, ids=str)


@pytest.mark.parametrize("document", {block.document: 0 for block in RUN}, ids=lambda d: d.name)
def test_the_commands_of_a_document_work_and_print_what_it_says(
    tutorial: Tutorial, document: Path
) -> None:
    todo = [step for block in RUN if block.document == document for step in steps(block)]
    todo = [step for step in todo if not step.command.startswith(BY_THE_FIXTURE)]
    for outcome in tutorial.run(todo):
        step = outcome.step
        about = f"{step.place}\n$ {step.command}\n{outcome.printed.strip()}"
        assert outcome.status == 0, about
        assert step.expected is None or matches(step.expected, outcome.printed), about


@pytest.mark.parametrize("block", SHOWN, ids=str)
def test_what_is_not_run_is_for_another_time_or_another_machine(block: Block) -> None:
    for line in lines(block):
        is_elsewhere = any(".example.com" in word for word in line.words)
        assert line.program in NOT_FROM_HERE or (line.program == "curl" and is_elsewhere), line


@of("edgectl")
def test_edgectl_knows_the_command_and_its_options(line: Line) -> None:
    command: click.Command = cli
    words = line.words[1:]
    while isinstance(command, click.Group):
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, words)  # reads the words, does nothing


@of("make")
def test_make_has_the_target(line: Line) -> None:
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert line.words[1] in targets


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_is_python(block: Block) -> None:
    compile(block.text, str(block), "exec")


def test_a_file_has_one_content() -> None:
    contents: dict[str, str] = {}
    for block in blocks("python", "yaml"):
        if block.file is not None:
            assert contents.setdefault(block.file, block.text) == block.text, block
