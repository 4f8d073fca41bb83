"""Durations are read in one way, that of the watchdog, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgectl.errors import InvalidStack
from edgectl.stack.deployment import deploy
from edgectl.stack.reading import Function
from edgedb.errors import ConfigurationError
from edgedb.settings import Settings
from edgedb.times import seconds
from tests.docs.test_reference import REQUIRED, template_settings

TAKEN = [
    ("5", 5),
    ("0", 0),
    ("007", 7),
    ("0s", 0),
    ("500ms", 0.5),
    ("1m30s", 90),
    ("1h2m3.5s", 3723.5),
    ("1.5h", 5400),
    (".5s", 0.5),
    ("1.s", 1),
    ("2us3µs4μs", 9e-6),
    ("1000000ns", 1e-3),
    ("30s1m", 90),
]
REFUSED = [
    *("", "s", "1.5", ".5", ".s", "5 s", " 5s", "5s ", "5x", "5S", "-5s", "+5s", "5s5", "1e3s"),
    *("nan", "inf", "\u0665", "\u0665s", "9" * 19, "9" * 400, "300y", "3000000h"),
]


@pytest.mark.parametrize(("text", "expected"), TAKEN)
def test_whole_seconds_and_numbers_with_units_are_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", REFUSED)
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)


def of_a_node(text: str) -> float:
    return Settings.from_environment({**REQUIRED, "EDGE_LOCK_WAIT": text}).lock_wait


def of_the_template(text: str) -> float:
    return float(template_settings({"write_timeout": text}).drain)


def of_a_stack_file(text: str) -> float:
    here = Path()
    function = Function("f", "l", here, {"exec_timeout": text}, (), {}, {}, None, (), here)
    return deploy(function, here, here, here).exec_timeout_s


@pytest.mark.parametrize("read", [of_a_node, of_the_template, of_a_stack_file])
@pytest.mark.parametrize(("text", "expected"), [each for each in TAKEN if each[1]])
def test_everybody_reads_the_same(read: Callable[[str], float], text: str, expected: float) -> None:
    assert read(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", [*filter(None, REFUSED), "0", "0s"])
def test_a_node_refuses_what_is_none_and_names_the_setting(text: str) -> None:
    with pytest.raises(ConfigurationError, match="EDGE_LOCK_WAIT"):
        of_a_node(text)


@pytest.mark.parametrize("text", REFUSED)
def test_the_templates_process_takes_the_default_as_the_watchdog_does(text: str) -> None:
    assert of_the_template(text) == 30


@pytest.mark.parametrize("text", [*filter(None, REFUSED)])
def test_a_stack_file_with_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidStack, match=r"functions\.f: exec_timeout"):
        of_a_stack_file(text)
