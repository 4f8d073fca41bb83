"""The tables of states that end and of attacks name tests that are there, and settings."""

from __future__ import annotations

import ast
import re

import pytest

from edgedb.checking.findings import Kind
from edgedb.settings import Settings
from tests.docs.markdown import PROJECT, table
from tests.docs.test_reference import REQUIRED, Asked

PROTOCOL = PROJECT / "docs" / "protocol.md"
OPERATIONS = PROJECT / "docs" / "operations.md"
STATES = table(PROTOCOL, "<!-- states -->")
ATTACKS = table(PROJECT / "docs" / "security.md", "<!-- attacks -->")


def named_tests(cell: str) -> list[str]:
    return re.findall(r"`(tests/[\w/]+\.py::\w+)`", cell)


@pytest.mark.parametrize("row", STATES, ids=lambda row: row[0])
def test_each_state_has_an_end_a_bound_and_a_test(row: list[str]) -> None:
    assert len(row) == 5
    assert all(row)
    assert named_tests(row[4])


def test_each_thing_that_somebody_cannot_do_is_attacked() -> None:
    assert all(len(row) == 3 and all(row) and named_tests(row[2]) for row in ATTACKS)


@pytest.mark.parametrize(
    "name", sorted({name for row in (*STATES, *ATTACKS) for name in named_tests(row[-1])})
)
def test_a_test_that_is_named_is_there(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert function in defined


def test_the_settings_that_bound_a_state_are_there() -> None:
    environment = Asked(REQUIRED)
    Settings.from_environment(environment)
    named = set(re.findall(r"EDGE_\w+", "".join(cell for row in STATES for cell in row)))
    assert named
    assert named <= environment.names


def test_the_doctors_findings_are_those_of_the_code() -> None:
    stated = [cells[0].strip("`") for cells in table(OPERATIONS, "<!-- findings -->")]
    assert stated == [str(kind) for kind in Kind]
