"""What is explored: small worlds for the suite, larger ones, and one for each rule to break.

Together: one to four transfers, to the proprietary location and from it, there and back, two movers
of one session at two places and at one; up to two requests with the lock and four grants; loss,
crashes, timeouts and reordering always, duplication except where it says "each call once".
"""

from __future__ import annotations

from dataclasses import replace

from .rules import D, E, P, Rules, S, World

SMALL = {
    "one move": World(3, S, ((S, D),), writes=2, grants=3),
    "a move from the proprietary location": World(3, P, ((P, D),), writes=2, grants=3),
    "away from the proprietary location and on": World(3, P, ((P, S), (S, D)), writes=1, grants=3),
    "away from the proprietary location and home": World(
        3, P, ((P, D), (D, P)), writes=2, grants=2
    ),
    "there and back": World(3, S, ((S, D), (D, S)), writes=2, grants=2),
    "on to another place, then home": World(3, S, ((S, D), (D, P)), writes=2, grants=2),
    "two movers at one place": World(3, S, ((S, D), (S, D)), writes=1, grants=2),
    "two movers at two places": World(4, S, ((S, D), (S, E)), writes=1, grants=2),
    "a mover against one that brings it home": World(3, S, ((S, D), (S, P)), writes=1, grants=2),
    "there, back and there again": World(3, S, ((S, D), (D, S), (S, D)), writes=0, grants=3),
    "there and back under a third mover, each call once": World(
        4, S, ((S, D), (D, S), (S, E)), writes=1, grants=3, duplicates=False
    ),
    "a server that forgets its locks during a move": World(
        3, S, ((S, D),), writes=2, grants=1, restarts=1
    ),
    "a server that loses writes": World(2, P, (), writes=4, grants=0, restarts=1, losses=2),
}
"""A few seconds each, together half a minute at most."""

LARGE = {
    "two movers at one place": World(3, S, ((S, D), (S, D)), writes=2, grants=3),
    "two movers at two places": World(4, S, ((S, D), (S, E)), writes=2, grants=3),
    "a mover against one that brings it home": World(3, S, ((S, D), (S, P)), writes=2, grants=3),
    "there, back and there again": World(3, S, ((S, D), (D, S), (S, D)), writes=1, grants=3),
    "there and back under a third mover": World(4, S, ((S, D), (D, S), (S, E)), writes=1, grants=3),
    "on, home, and a third mover": World(3, S, ((S, D), (D, P), (S, P)), writes=1, grants=3),
    "four moves, each call once": World(
        3, S, ((S, D), (D, S), (S, D), (D, P)), writes=1, grants=4, duplicates=False
    ),
}
"""Minutes, and some gigabytes of memory: ``python -m tests.model``."""

_ONE = World(3, S, ((S, D),), writes=1, grants=2)
_BACK = World(3, S, ((S, D), (D, S)), writes=1, grants=2)
_FORGETFUL = World(2, P, (), writes=3, grants=0, restarts=1, losses=1)
_THIRD = World(4, S, ((S, D), (D, S), (S, E)), writes=1, grants=3, duplicates=False)
_EXPOSED_BY = {
    "fresh_grants": _ONE,
    "thaw_ends_grant": _ONE,
    "freeze_waits_for_lock": _ONE,
    "commit_checks_lock": _ONE,
    "forgotten_lock_needs_last_commit": _FORGETFUL,
    "forgotten_lock_needs_no_freeze": replace(_ONE, restarts=1),
    "difference_within_epoch": _THIRD,
    "arrive_checks_epoch": _BACK,
    "arrive_is_repeatable": _ONE,
    "staging_checks_version": _ONE,
    "hand_over_after_prepare": _ONE,
    "activate_after_hand_over": _ONE,
    "activate_checks_arrival": World(3, S, ((S, D), (D, S), (S, D)), writes=0, grants=3),
    "keep_prepared": _ONE,
    "resolve_before_next": World(3, S, ((S, D), (S, D)), writes=1, grants=2),
    "remember_honoured": _ONE,
    "update_checks_epoch": _BACK,
    "outbox_with_activation": _ONE,
    "wait_for_arrival": _ONE,
}
BROKEN = {rule: replace(world, rules=Rules(**{rule: False})) for rule, world in _EXPOSED_BY.items()}
"""For each rule a world that goes wrong without it."""
