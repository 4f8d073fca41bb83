"""A session is written at the edge, moves up, and comes home."""

from __future__ import annotations

import requests

from demo.checks import Report, Stopwatch
from demo.nodes import Tree

_SESSION = "alice"


def show(tree: Tree, report: Report) -> None:
    """Go up one level and home, then up two levels and home."""
    report.scene("A session moves up and comes home")
    _write(tree, report, "milk", at="edge-a")
    _offload(tree, report, "offloaded from edge-a to city", to="city")
    _write(tree, report, "milk", at="city")
    _onload(tree, report, "force-onload brings it home")
    tree.set_status("city", "reject")
    _offload(tree, report, "city rejects, so edge-a's next offload ends at cloud", to="cloud")
    _write(tree, report, "milk", at="cloud")
    _onload(tree, report, "one force-onload brings it home from two levels up")
    tree.set_status("city", "accept")
    products = _write(tree, report, "bread", at="edge-a")
    expected = ["milk", "milk", "milk", "bread"]
    report.check(f"the cart holds {', '.join(expected)}", products == expected, found=products)


def _write(tree: Tree, report: Report, product: str, *, at: str) -> list[str]:
    """Add a product by way of ``edge-a``, which redirects if the session is elsewhere."""
    watch = Stopwatch()
    answer = requests.post(
        tree.url("edge-a", "shopping-cart", f"?product={product}"),
        headers={"X-session": _SESSION},
        timeout=60,
    )
    took, document = str(watch), answer.json()
    redirects = [each.headers["X-session-location"] for each in answer.history]
    what = f"edge-a answers 307, the write goes to {at}" if redirects else f"a write goes to {at}"
    found = (answer.status_code, redirects, document)
    holds = (document["location"], redirects) == (at, [] if at == "edge-a" else [at])
    report.check(what, holds, took, found=found)
    return list(document["products"])


def _offload(tree: Tree, report: Report, what: str, *, to: str) -> None:
    watch = Stopwatch()
    found = tree.offload(_SESSION)
    report.check(what, found == to, str(watch), found=f"it is at {found}")


def _onload(tree: Tree, report: Report, what: str) -> None:
    watch = Stopwatch()
    found = tree.onload(_SESSION)
    report.check(what, found == "edge-a", str(watch), found=f"it is at {found}")
