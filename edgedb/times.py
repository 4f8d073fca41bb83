"""How times are written: durations as the watchdog reads them, moments as RFC 3339 has them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_LIMIT = 2**63 / 1e9
"""Seconds; Go counts nanoseconds in 63 bits. No wait of Python's may be longer either."""


def milliseconds(duration: float) -> int:
    """Give seconds as whole milliseconds."""
    return round(duration * 1000)


def seconds(text: str) -> float:
    """Give the seconds of ``30``, ``1m30s`` or ``500ms``; raises ValueError for anything else.

    Go takes a sign too, but no duration here is below zero.
    """
    whole = f"{text}s" if re.fullmatch(r"\d+", text, re.ASCII) else text
    parts = _PART.findall(whole)
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not parts or "".join(map("".join, parts)) != whole or total >= _LIMIT:
        raise ValueError(
            f"{text!r:.60} is no duration (whole seconds, or with units: 500ms, 1m30s)"
        )
    return total


def rfc3339(ms: int) -> str:
    """Give a time in milliseconds since 1970 as an RFC 3339 timestamp in UTC."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
