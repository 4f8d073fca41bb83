"""The other examples: counters above a cart, files, and a sensor."""

from __future__ import annotations

import csv
import math
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vega_datasets import local_data  # type: ignore[import-untyped]

from demo.checks import Report, Stopwatch
from demo.nodes import Tree
from edgedb.client import EdgeSession

DAYS = 4
READINGS_A_DAY = 24
LEVELS = ("edge-a", "city", "cloud")

_PATIENCE_S = 20.0


def count_products(tree: Tree, report: Report) -> None:
    """Show that what was bought is counted from where the cart was up to the root."""
    report.scene("Nodes above learn what happens below them")
    expected = {"edge-a": 0 + 1, "city": 1 + 1, "cloud": 1 + 1 + 1, "edge-b": 0}
    watch = Stopwatch()
    found = _eventually(expected, lambda: _counts(tree, "milk"))
    told = ", ".join(f"{count} at {location}" for location, count in expected.items())
    report.check(f"milk, counted: {told}", found == expected, str(watch), found=found)


def _counts(tree: Tree, product: str) -> dict[str, int]:
    rest = f"?product={product}"
    return {at.id: tree.ask(at.id, "products-counter", rest)["count"] for at in tree.topology}


def move_files(tree: Tree, report: Report) -> None:
    """Upload a file at the edge, download it where the session went."""
    report.scene("Files move with their session")
    content = bytes(range(256)) + random.randbytes(2**20)  # noqa: S311 - any bytes will do
    with tree.client("files") as client:
        watch = Stopwatch()
        put = client.put("/function/cdn-upload/logo.png", data=content)
        holds = put.status_code == 201
        report.check("1 MiB of any bytes is uploaded at edge-a", holds, str(watch), found=put.text)
        tree.offload("files")
        watch = Stopwatch()
        got = client.get("/function/cdn-download/logo.png")
        what = "offloaded to city, the file comes from there unchanged"
        holds = got.content == content and bool(got.history)
        report.check(what, holds, str(watch), found=f"{got.status_code} {got.headers}")


@dataclass(frozen=True)
class Reading:
    """One hour's temperature in degrees Fahrenheit."""

    time: datetime
    value: float


def readings() -> list[Reading]:
    """Give the hourly temperatures of the first days of 2010 in Seattle, and one more."""
    with Path(local_data.seattle_temps.filepath).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[: DAYS * READINGS_A_DAY + 1]
    return [
        Reading(datetime.strptime(row["date"], "%Y/%m/%d %H:%M"), float(row["temp"]))
        for row in rows
    ]


def feed_sensor(tree: Tree, report: Report) -> None:
    """Log real readings; each completed day's mean becomes known at every level."""
    report.scene("A sensor logs real temperatures")
    hours = readings()
    watch = Stopwatch()
    with tree.client("roof") as client, report.doing("logging", len(hours)) as note:
        for number, hour in enumerate(hours):
            _log(client, hour)
            _move_at_night(tree, number)
            note()
        logged = client.get("/function/sensor-log").json()
    values = [hour.value for hour in hours]
    what = f"{len(hours)} hours of Seattle logged, the second night at city"
    report.check(what, len(logged["readings"]) == len(hours), str(watch), found=logged)
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    holds = math.isclose(logged["mean"], mean) and math.isclose(logged["deviation"], deviation)
    found = (logged["mean"], logged["deviation"])
    report.check(f"mean {mean:.2f} °F, standard deviation {deviation:.2f} °F", holds, found=found)
    _check_means(tree, report, hours)


def _log(client: EdgeSession, hour: Reading) -> None:
    document = {"time": hour.time.isoformat(), "value": hour.value}
    client.post("/function/sensor-log", json=document).raise_for_status()


def _move_at_night(tree: Tree, number: int) -> None:
    if number == READINGS_A_DAY + 2:
        tree.offload("roof")
    elif number == READINGS_A_DAY + 6:
        tree.onload("roof")


def _check_means(tree: Tree, report: Report, hours: list[Reading]) -> None:
    days: dict[str, list[float]] = {}
    for hour in hours[:-1]:
        days.setdefault(hour.time.date().isoformat(), []).append(hour.value)
    expected = {day: round(statistics.fmean(values), 6) for day, values in days.items()}
    watch = Stopwatch()
    for location in LEVELS:
        found = _eventually(expected, lambda: _means(tree, location))  # noqa: B023
        what = f"{location} has the means of {DAYS} days"
        report.check(what, found == expected, str(watch), found=found)


def _means(tree: Tree, location: str) -> dict[str, float]:
    means = tree.ask(location, "sensor-means")["means"]
    return {mean["day"]: round(mean["mean"], 6) for mean in means}


def _eventually(expected: Any, ask: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Ask until it is as expected, or for 20 s; propagated values take a moment."""
    deadline = time.monotonic() + _PATIENCE_S
    while (found := ask()) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
