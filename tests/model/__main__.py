"""``python -m tests.model``: explore the large worlds and print what was seen."""

from __future__ import annotations

import argparse
import sys
import time

from .scenarios import LARGE
from .search import explore


def main() -> int:
    """Explore one world after the other; 1 if any of them has a fault."""
    argparse.ArgumentParser(prog="python -m tests.model", description=__doc__).parse_args()
    faults = 0
    for name, world in LARGE.items():
        started = time.monotonic()
        report = explore(world)
        faults += report.found is not None
        print(f"{name}: {report} ({time.monotonic() - started:.0f} s)", flush=True)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
