"""The tests of the documents fail where they should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.markdown import PROJECT, Block
from tests.docs.shell import Step, lines, matches, run, steps


def block(language: str, text: str) -> Block:
    return Block(PROJECT / "README.md", 1, "run", language, text)


@pytest.mark.parametrize(
    ("expected", "printed", "is_match"),
    [
        ("a", "a\n", True),
        ("a", "b\n", False),
        ("a", "a\nb\n", False),
        ("", "", True),
        ("", "a\n", False),
        ("a\n...\nd", "a\nb\nc\nd\n", True),
        ("a\n...\nd", "a\nb\nc\n", False),
        ("...", "", True),
        ('{"n": ..., "s": 1}', '{"n": 17, "s": 1}', True),
        ('{"n": ..., "s": 1}', '{"n": 17, "s": 2}', False),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(
    expected: str, printed: str, is_match: bool
) -> None:
    assert matches(expected, printed) is is_match


def test_a_session_is_read_as_commands_and_what_they_print() -> None:
    read = steps(block("console", "$ one \\\n    two\nprinted\n\n$ three\n"))
    assert [(step.command, step.expected) for step in read] == [
        ("one \\\n    two", "printed\n"),
        ("three", ""),
    ]


def test_a_line_is_taken_apart() -> None:
    (line,) = lines(block("bash", "A=1 B='2 3' go \\\n  --fast 'a b' > file\n"))
    assert (line.variables, line.words) == ({"A": "1", "B": "2 3"}, ["go", "--fast", "a b"])


def test_all_steps_run_in_one_shell_and_each_has_its_status(folder: Path) -> None:
    todo = [Step("", "x=kept; cd /"), Step("", "echo $x $PWD; false"), Step("", "echo oh >&2")]
    outcomes = run(todo, folder, {})
    assert [(outcome.printed.strip(), outcome.status) for outcome in outcomes] == [
        ("", 0),
        ("kept /", 1),
        ("oh", 0),
    ]
