"""Processes that a handler starts behave as those of any other process."""

from __future__ import annotations

from tests.integration.template.conftest import Starter

POOL = """
import multiprocessing
FORK = multiprocessing.get_context("fork")
def handle(event, context):
    with FORK.Pool(2) as pool:
        return str(pool.map(len, ["a", "bb"]))
"""

CHILDREN = """
import multiprocessing, signal, threading
FORK = multiprocessing.get_context("fork")
def interruptible():
    raise SystemExit(signal.getsignal(signal.SIGINT) is not signal.default_int_handler)
def endless(begun):
    begun.set()
    threading.Event().wait()
def handle(event, context):
    begun = FORK.Event()
    children = [FORK.Process(target=endless, args=(begun,)) for _ in range(20)]
    for child in children:
        child.start()
        begun.wait() if event.path == "/begun" else None
        child.terminate()
        child.join()
    last = FORK.Process(target=interruptible)
    last.start()
    last.join()
    return [child.exitcode for child in (*children, last)]
"""


def test_a_pool_in_a_handler_ends_with_its_block(serving: Starter) -> None:
    process = serving(POOL)
    assert process.call().text == "[1, 2]"
    process.terminate()
    assert process.ended() == 0


def test_a_child_of_a_handler_is_ended_by_signals_however_early_they_come(
    serving: Starter,
) -> None:
    process = serving(CHILDREN)
    for path in ("/begun", "/at-once"):
        assert process.call(path).json() == [-15] * 20 + [0]
    process.terminate()
    process.logged("stopping")
    assert process.ended() == 0
