"""Many threads at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable


def at_once(count: int, work: Callable[[int], object]) -> None:
    """Run ``work(0)`` … ``work(count - 1)``, all released together; none may raise."""
    gate, failures = threading.Barrier(count), list[BaseException]()

    def guarded(n: int) -> None:
        gate.wait()
        try:
            work(n)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
