"""What is explored: small worlds for the suite, larger ones, and one for each rule to break.

Together: one to three transfers, to the proprietary location and from it, there and back, on through
a third place, two movers of one session at two places and at one; requests with the lock, servers
that restart, machines that lose what was not on their disks, sessions that are removed and created
anew. Loss, crashes, timeouts and reordering always, duplication except where it says "each call
once".
"""

from __future__ import annotations

from dataclasses import replace

from .rules import D, E, P, Rules, S, World

SMALL = {
    "one move": World(3, S, ((S, D),), writes=3),
    "a move from the proprietary location": World(3, P, ((P, D),), writes=2),
    "away from the proprietary location and on": World(3, P, ((P, S), (S, D)), writes=1),
    "away from the proprietary location and home": World(3, P, ((P, D), (D, P)), writes=1),
    "there and back": World(3, S, ((S, D), (D, S)), writes=1),
    "on to another place, then home": World(3, S, ((S, D), (D, P)), writes=1),
    "two movers at one place": World(3, S, ((S, D), (S, D)), writes=1),
    "two movers at two places": World(4, S, ((S, D), (S, E)), writes=1),
    "a mover against one that brings it home": World(3, S, ((S, D), (S, P)), writes=1),
    "there, back and there again": World(3, S, ((S, D), (D, S), (S, D)), writes=0),
    "there and back under a third mover, each call once": World(
        4, S, ((S, D), (D, S), (S, E)), writes=1, duplicates=False
    ),
    "a server that restarts during a move": World(3, S, ((S, D),), writes=1, restarts=1),
    "a machine that loses writes": World(2, P, (), writes=3, restarts=1, losses=2),
    "a machine that loses writes during a move": World(3, S, ((S, D),), writes=1, losses=1),
    "machines that lose writes there and back, each call once": World(
        3, S, ((S, D), (D, S)), writes=1, losses=2, duplicates=False
    ),
    "a session removed and created anew during a move": World(3, S, ((S, D),), writes=2, ends=1),
}
"""Some seconds each, together a minute at most."""

LARGE = {
    "two movers at one place": World(3, S, ((S, D), (S, D)), writes=2),
    "two movers at two places": World(4, S, ((S, D), (S, E)), writes=2),
    "a mover against one that brings it home": World(3, S, ((S, D), (S, P)), writes=2),
    "there, back and there again": World(3, S, ((S, D), (D, S), (S, D)), writes=1),
    "there and back": World(3, S, ((S, D), (D, S)), writes=2),
    "a server that restarts during a move": World(3, S, ((S, D),), writes=2, restarts=1),
    "a machine that loses writes during a move": World(3, S, ((S, D),), writes=2, losses=1),
}
"""Minutes, and some gigabytes of memory: ``python -m tests.model``."""
