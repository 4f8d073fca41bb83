"""A sensor's log: every reading, running statistics, and each completed day's mean.

curl -L -X POST -H 'X-session: roof' -d '{"time": "2010-01-01T00:00", "value": 39.4}' \
    http://127.0.0.1:31114/function/sensor-log
"""

import json
import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import edgedb
from edgedb.errors import BadRequest


@dataclass(frozen=True)
class Statistics:
    """Count, mean and sum of squared deviations, kept up to date reading by reading.

    B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products",
    Technometrics 4(3), 1962: no sums of large squares that would cancel each other.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def plus(self, value: float) -> "Statistics":
        """Take in one more value."""
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        return Statistics(count, mean, self.squares + (value - self.mean) * (value - mean))

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation; None for fewer than two values."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None


class SensorLog(edgedb.Offloadable):
    """``POST {"time": ISO 8601, "value": number}`` appends; ``GET`` answers the readings too."""

    def handle_offload(self, request: edgedb.Request) -> dict[str, object]:
        """Log one reading, or answer the log."""
        about = {"session": request.session_id, "location": request.location}
        if request.method != "POST":
            return about | summary() | {"readings": edgedb.get_list("readings")}
        time, value = reading(request.json())
        edgedb.add_to_list("readings", f"{time.isoformat()} {value!r}")
        keep("all", kept("all").plus(value))
        log_day(time.date().isoformat(), value, request.session_id)
        return about | summary()


def reading(document: Any) -> tuple[datetime, float]:  # noqa: ANN401 - it is JSON
    """Check one reading."""
    try:
        time, value = datetime.fromisoformat(document["time"]), float(document["value"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest('a reading is {"time": ISO 8601, "value": number}') from error
    if not math.isfinite(value):
        raise BadRequest(f"a reading's value is a finite number, not {value}")
    return time, value


def log_day(day: str, value: float, sensor: str) -> None:
    """Count a reading to its day; the first one of a later day completes the day before."""
    current = str(edgedb.get("day") or day)
    if day < current:  # it comes too late for its day's mean
        return
    if day > current:
        mean = {"sensor": sensor, "day": current, **asdict(kept("today"))}
        edgedb.propagate(json.dumps(mean), edgedb.levels()[-1], "sensor-means")
    edgedb.set("day", day)
    keep("today", (kept("today") if day == current else Statistics()).plus(value))


def summary() -> dict[str, object]:
    """Give the statistics of all readings."""
    every = kept("all")
    return {"count": every.count, "mean": every.mean, "deviation": every.deviation}


def kept(name: str) -> Statistics:
    """Give statistics from the session; none yet are of no values."""
    return Statistics(**json.loads(edgedb.get(name) or "{}"))


def keep(name: str, statistics: Statistics) -> None:
    """Put statistics into the session."""
    edgedb.set(name, json.dumps(asdict(statistics)))


handle = SensorLog()
