"""Durations are read as the watchdog reads them."""

from __future__ import annotations

import pytest

from edgectl.stack.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5), ("0", 0), ("500ms", 0.5), ("1m30s", 90), ("1.5h", 5400), (".5s", 0.5)],
)
def test_seconds_and_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "1.5", "5 s", "5x", "-5s", "5s5", "\u0665"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)
