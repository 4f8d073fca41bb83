"""Moves are interrupted by ``kill -9``; the tree heals by itself."""

from __future__ import annotations

import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from demo.busy import check_writes
from demo.checks import Report, Stopwatch
from demo.nodes import Tree
from edgectl.operating import CallFailed
from harness.waiting import until
from harness.writers import careful_client, writing

FILE_BYTES = 3 * 2**20
"""Copying this takes long enough to be killed in the middle."""

_SESSION = "crash"
_TRIES = 8
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Victim:
    """A process that takes part in a move from ``edge-a`` to ``city``."""

    location: str
    what: str
    role: str


VICTIMS = (
    Victim("edge-a", "migrate-session", "the function that gives the session away"),
    Victim("edge-a", "valkey", "the server of the node it leaves"),
    Victim("city", "offload-session", "the function that takes it over"),
)


def show(tree: Tree, report: Report) -> None:
    """Kill each victim in the middle of a move, while a client writes."""
    report.scene("Moves are interrupted by kill -9, and a client writes on")
    with tree.client(_SESSION) as client:
        client.put("/function/cdn-upload/large", data=random.randbytes(FILE_BYTES))  # noqa: S311
    usual_s = statistics.median(_undisturbed(tree) for _ in range(3))
    writer = careful_client(tree.client(_SESSION), "/function/shopping-cart?product=")
    with writing(writer) as writers:
        for victim in VICTIMS:
            _interrupt(tree, report, victim, usual_s)
    report.line("    (an abandoned move is given up after 10 s; the session is served meanwhile)")
    _check_healed(tree, report)
    check_writes(tree, report, _SESSION, writers)


def _undisturbed(tree: Tree) -> float:
    """Move up and home; give the seconds of the way up."""
    watch = Stopwatch()
    tree.offload(_SESSION)
    took_s = watch.elapsed_s
    tree.onload(_SESSION)
    return took_s


def _interrupt(tree: Tree, report: Report, victim: Victim, usual_s: float) -> None:
    with report.doing(f"kill -9 {victim.what} of {victim.location}, then wait"):
        reason = _kill_in_a_move(tree, victim, usual_s)
        watch = Stopwatch()
        until(lambda: _moves_again(tree), _PATIENCE_S)
        took = str(watch)
        _bring_home(tree)
    what = f"killed {victim.role}: healed"
    report.check(what, bool(reason), took, found="no kill came in the middle of a move")


def _kill_in_a_move(tree: Tree, victim: Victim, usual_s: float) -> str:
    """Kill half-way through a move; give how the move failed, '' if it was always faster."""
    for _ in range(_TRIES):
        with ThreadPoolExecutor(1) as pool:
            move = pool.submit(_failure_of_offload, tree)
            time.sleep(usual_s / 2)
            tree.kill(victim.location, victim.what)
        if reason := move.result():
            return reason
        _bring_home(tree)
    return ""


def _failure_of_offload(tree: Tree) -> str:
    try:
        tree.offload(_SESSION)
    except CallFailed as error:
        return error.message
    return ""


def _moves_again(tree: Tree) -> bool:
    """Tell whether the session is at city now, moved there by this call or the one before."""
    return not _failure_of_offload(tree) or tree.residents(_SESSION) == ["city"]


def _bring_home(tree: Tree) -> None:
    def is_home() -> bool:
        try:
            tree.onload(_SESSION)
        except CallFailed:
            return tree.residents(_SESSION) == ["edge-a"]
        return True

    until(is_home, _PATIENCE_S)


def _check_healed(tree: Tree, report: Report) -> None:
    found = tree.residents(_SESSION)
    report.check(
        "the session is resident at edge-a, and nowhere else", found == ["edge-a"], found=found
    )
    until(lambda: not tree.unfinished(), _PATIENCE_S)
    report.check("no node has anything left of the interrupted moves", holds=True)
