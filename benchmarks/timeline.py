"""One client through an offload and home again: its response times, one by one."""

from __future__ import annotations

import time

from benchmarks import load
from benchmarks.context import Context
from benchmarks.outcome import Outcome, Row
from benchmarks.sessions import Contents, fill, size_name

NAME = "timeline"

_QUIET_S = 1.0
_SHAPE = "few large values"


def run(context: Context) -> Outcome:
    """Move a large session up and home while a client writes to it."""
    tree, size = context.tree, context.scale.timeline_size
    fill(tree, "edge-a", NAME, Contents.of(_SHAPE, size))
    moves = []
    with load.sending([tree.plan("edge-a", "pair", NAME)]) as clients:
        for number, move in enumerate((tree.operator.offload, tree.operator.onload)):
            time.sleep(_QUIET_S)
            context.progress(number / 2, "moving")
            moves.append(move("edge-a", NAME))
        time.sleep(_QUIET_S)
    window = clients.window
    return Outcome(
        name=NAME,
        title="A client through an offload",
        method=f"One client writes back to back to a session of {size_name(size)} ({_SHAPE}) "
        "while it is offloaded from edge-a to city and brought home.",
        rows=[Row.of("response time", "ms", window.latencies_ms)],
        samples={
            "sent_s": [reply.sent - window.began for reply in window.replies],
            "response_ms": window.latencies_ms,
            "redirects": [reply.redirects for reply in window.replies],
            "moves_s": [t - window.began for move in moves for t in (move.began, move.ended)],
        },
        failures=window.errors,
    )
