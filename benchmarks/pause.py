"""How long a client that writes back to back waits for a move."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

import redis

from benchmarks import load
from benchmarks.context import Context
from benchmarks.load import Window
from benchmarks.medians import median, percentile
from benchmarks.moves import Move
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.plan import Reply
from benchmarks.sessions import Contents, fill, size_name
from benchmarks.trees import Tree

NAME = "pause"

_SHAPE = "few large values"
_MOVES_AT_A_TIME = 4
_QUIET_S = 0.3
_SYNC_MS = 5
_EDGE_S = 0.02
_CALM_S = 0.2  # of it, at its end; a client meets the last move after its beginning

_METHOD = f"""\
One client sends one get + one set after the other to a session that holds {_SHAPE} as well, and
follows redirects. Meanwhile the session goes up to city and home again, with {_QUIET_S} s between
two moves. The pause of a move is the longest time between two acknowledged writes around it, less
the median of all such times. *Without a move*: the same of the {_CALM_S} s before it, which shows
what the machine itself adds. *A server's sync*: those of edge-a and city that take {_SYNC_MS} ms
or more (`LATENCY HISTORY aof-fsync-always`, the longest of each second). The two sizes take turns,
{_MOVES_AT_A_TIME} moves each."""


def run(context: Context) -> Outcome:
    """Move a small and a large session under a client, in turns."""
    tree, scale = context.tree, context.scale
    sizes = {size_name(size): size for size in scale.pause_sizes}
    for name, size in sizes.items():
        fill(tree, "edge-a", _session(name), Contents.of(_SHAPE, size))
    servers = [tree.redis(location) for location in ("edge-a", "city")]
    for server in servers:
        server.config_set("latency-monitor-threshold", _SYNC_MS)
    watched = context.interleaved(
        {name: partial(_watch, tree, _session(name)) for name in sizes},
        scale.pause_moves // _MOVES_AT_A_TIME,
    )
    pauses = {name: [ms for each in w for ms in each.pauses_ms] for name, w in watched.items()}
    hand_overs = {
        name: [ms for each in w for ms in each.hand_over_ms] for name, w in watched.items()
    }
    quiet = {name: [ms for each in w for ms in each.quiet_ms] for name, w in watched.items()}
    syncs = [float(ms) for server in servers for _, ms in _long_syncs(server)]
    ahead = sum(each.before_hand_over for each in watched[list(sizes)[-1]])
    small, large = pauses
    return Outcome(
        name=NAME,
        title="The pause of a move",
        method=_METHOD,
        rows=[
            *_rows(pauses, hand_overs, quiet),
            Row.of(f"moves of {large} whose pause is not at the hand-over", "", [ahead]),
            Row.of(f"a server's sync, of {_SYNC_MS} ms and more", "ms", syncs or [0.0]),
        ],
        claims=list(_claims(pauses, small, large)),
        samples=pauses,
        failures=[error for w in watched.values() for each in w for error in each.window.errors],
    )


class Watched:
    """What a client saw of some moves; times in milliseconds."""

    def __init__(self, window: Window, moves: Sequence[Move]) -> None:
        self.window = window
        gaps = list(gaps_between(window.replies))
        usual = median([end - begin for begin, end in gaps])
        self.pauses_ms = [
            1000 * (longest_gap(gaps, move.began, move.ended) - usual) for move in moves
        ]
        ends = {reply.ended for reply in window.replies if reply.redirects}
        self.before_hand_over = sum(
            longest(gaps, move.began, move.ended)[1] not in ends for move in moves
        )
        self.hand_over_ms = [
            1000 * (end - begin - usual)
            for (begin, end), reply in zip(gaps, window.replies[1:], strict=True)
            if reply.redirects
        ]
        self.quiet_ms = [
            1000 * (longest_gap(gaps, move.began - _CALM_S, move.began - _EDGE_S) - usual)
            for move in moves
        ]


def gaps_between(replies: Sequence[Reply]) -> Iterator[tuple[float, float]]:
    """Give the times between acknowledged writes, each by its two ends."""
    yield from pairwise(reply.ended for reply in replies)


def longest_gap(gaps: Sequence[tuple[float, float]], began: float, ended: float) -> float:
    """Give the longest of the gaps that touch a stretch of time, seconds."""
    begin, end = longest(gaps, began, ended)
    return end - begin


def longest(gaps: Sequence[tuple[float, float]], began: float, ended: float) -> tuple[float, float]:
    """Give that gap, by its two ends."""
    touching = (gap for gap in gaps if gap[1] >= began and gap[0] <= ended)
    return max(touching, key=lambda gap: gap[1] - gap[0])


def _long_syncs(server: redis.Redis) -> list[tuple[int, int]]:
    """Give when the server's file was synced for long, and the milliseconds."""
    found: list[tuple[int, int]] = server.execute_command(  # type: ignore[no-untyped-call]
        "LATENCY HISTORY", "aof-fsync-always"
    )
    return found


def _session(name: str) -> str:
    return f"paused-{name}".replace(" ", "-")


def _watch(tree: Tree, session: str) -> Watched:
    moves = []
    with load.sending([tree.plan("edge-a", "pair", session)]) as clients:
        for _ in range(_MOVES_AT_A_TIME // 2):
            for move in (tree.operator.offload, tree.operator.onload):
                time.sleep(_QUIET_S)
                moves.append(move("edge-a", session))
        time.sleep(_QUIET_S)
    return Watched(clients.window, moves)


def _rows(
    pauses: dict[str, list[float]],
    hand_overs: dict[str, list[float]],
    quiet: dict[str, list[float]],
) -> Iterator[Row]:
    for name in pauses:
        yield Row.of(f"pause of a move, {name}", "ms", pauses[name])
        yield Row.of(f"the time to the redirected write alone, {name}", "ms", hand_overs[name])
        yield Row.of(f"without a move, {name}", "ms", quiet[name])
    small, large = pauses
    yield Row.against(f"pause, {large} against {small}", "ms", pauses[large], pauses[small])


def _claims(pauses: dict[str, list[float]], small: str, large: str) -> Iterator[Claim]:
    ratio = median(pauses[large]) / median(pauses[small])
    yield Claim("pause.ratio", ratio, f"medians, {large} against {small}")
    longest = max(pauses, key=lambda name: median(pauses[name]))
    yield Claim("pause.median", median(pauses[longest]), longest)
    worst = max(pauses, key=lambda name: percentile(pauses[name], 99))
    yield Claim("pause.p99", percentile(pauses[worst], 99), f"{worst}, {len(pauses[worst])} moves")
