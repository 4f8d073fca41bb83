"""Durations as the watchdog reads them from a function's environment."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def parse_duration(text: str) -> float:
    """Give the seconds of ``30``, ``1m30s`` or ``500ms``; raise ValueError for anything else."""
    if text.isascii() and text.isdigit():
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration (seconds, or a number with a unit: 30s, 500ms)")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
