"""A session moves up and home while clients write into it without pause."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from demo.checks import Report, Stopwatch, seconds
from demo.nodes import Tree
from harness.writers import Writers, plain_client, writing

CLIENTS = 3

_SESSION = "busy"


def show(tree: Tree, report: Report, round_trips: int) -> None:
    """Make round trips to city, every fifth to cloud; clients must not notice."""
    report.scene(f"{CLIENTS} clients write without pause while the session moves")
    url = tree.url("edge-a", "shopping-cart", "?product=")
    clients = [plain_client(_SESSION, url) for _ in range(CLIENTS)]
    with writing(*clients) as writers, report.doing("moving", round_trips) as note:
        times = [took for number in range(round_trips) for took in _round_trip(tree, number, note)]
    told = f"median {seconds(statistics.median(times))}, max {seconds(max(times))}"
    report.check(f"{len(times)} moves up and home: {told}", holds=True)
    check_writes(tree, report, _SESSION, writers)


def _round_trip(tree: Tree, number: int, note: Callable[[], None]) -> list[float]:
    """Move up and home; give the seconds of both."""
    is_long = number % 5 == 4
    if is_long:
        tree.set_status("city", "reject")
    watch = Stopwatch()
    tree.offload(_SESSION)
    up_s = watch.elapsed_s
    if is_long:
        tree.set_status("city", "accept")
    watch = Stopwatch()
    tree.onload(_SESSION)
    note()
    return [up_s, watch.elapsed_s]


def check_writes(tree: Tree, report: Report, session: str, writers: Writers) -> None:
    """Compare what was acknowledged with what is in the cart."""
    with tree.client(session) as client:
        products = client.get("/function/shopping-cart").json()["products"]
    slowest = max(writer.slowest_s for writer in writers)
    count = len(writers.acknowledged)
    told = f"{count / writers.seconds:.0f} a second, the slowest {seconds(slowest)}"
    report.check(f"{count} writes: {told}", holds=True)
    report.check("errors seen by clients: 0", not writers.errors, found=writers.errors[:5])
    damage = writers.damage(products)
    report.check("writes lost, doubled or out of order: 0", not damage, found=damage[:20])
