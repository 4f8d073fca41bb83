"""What is explored: small worlds for the suite, larger ones, and one for each rule to break.

Together: one to three transfers, to the proprietary location and from it, there and back, on
through a third place, two movers of one session at two places and at one; requests with the lock,
servers that restart, machines that lose what was not on their disks, a store that comes back empty
or as it was at any earlier moment, two stores of one name, one for two locations, sessions that are
removed and created anew, offers that their sources end. Loss, duplication, crashes, timeouts and
reordering always.

Not in them: several stores that are lost before any of them has heard from the others. What only
they knew nobody knows; where a third knows it, the doctor names the fork. Nor a question of an
earlier run that comes after one of a later run: it is not accepted for longer than a credential.
"""

from __future__ import annotations

from dataclasses import replace

from .rules import D, E, P, Rules, S, World

SMALL = {
    "one move": World(3, S, ((S, D),), writes=2),
    "a move from the proprietary location": World(3, P, ((P, D),), writes=2),
    "away from the proprietary location and on": World(3, P, ((P, S), (S, D)), writes=1),
    "away from the proprietary location and home": World(3, P, ((P, D), (D, P)), writes=1),
    "there and back": World(3, S, ((S, D), (D, S)), writes=1),
    "on to another place, then home": World(3, S, ((S, D), (D, P)), writes=1),
    "two movers at one place": World(3, S, ((S, D), (S, D)), writes=1),
    "two movers at two places": World(4, S, ((S, D), (S, E)), writes=1),
    "a mover against one that brings it home": World(3, S, ((S, D), (S, P)), writes=1),
    "there, back and there again": World(3, S, ((S, D), (D, S), (S, D)), writes=0),
    "there and back under a third mover": World(4, S, ((S, D), (D, S), (S, E)), writes=0),
    "a server that restarts during a move": World(3, S, ((S, D),), writes=1, restarts=1),
    "a machine that loses writes": World(2, P, (), writes=3, restarts=1, losses=1),
    "a machine that loses writes during a move": World(3, S, ((S, D),), writes=1, losses=1),
    "a machine that loses writes there and back": World(3, S, ((S, D), (D, S)), writes=0, losses=1),
    "a store that comes back old": World(2, P, ((P, S),), writes=1, rollbacks=1),
    "a store that comes back old and serves alone": World(
        2, P, ((P, S),), writes=1, rollbacks=1, alone=True
    ),
    "a store that comes back old, there and back": World(
        3, S, ((S, D), (D, S)), writes=0, rollbacks=1
    ),
    "a store that comes back old on the way": World(
        3, P, ((P, S), (S, D)), writes=0, rollbacks=1, alone=True
    ),
    "a store that comes back empty": World(2, P, ((P, S),), writes=1, empties=1, alone=True),
    "a store that comes back empty on the way": World(
        3, P, ((P, S), (S, D)), writes=0, empties=1, alone=True
    ),
    "two stores of one name": World(2, P, ((P, S),), writes=1, twins=1, alone=True),
    "one store for two locations": World(3, S, ((S, D),), writes=1, shared=(D, S)),
    "a session removed and created anew during a move": World(3, S, ((S, D),), writes=2, ends=1),
    "an offer that its source ends": World(3, S, ((S, D),), writes=1, stays=1),
    "offers that their sources end, there and back": World(
        3, S, ((S, D), (D, S)), writes=1, stays=1
    ),
}
"""Seconds each, in the suite."""

LARGE = {
    "one move": World(3, S, ((S, D),), writes=3),
    "two movers at one place": World(3, S, ((S, D), (S, D)), writes=2),
    "two movers at two places": World(4, S, ((S, D), (S, E)), writes=2),
    "a mover against one that brings it home": World(3, S, ((S, D), (S, P)), writes=2),
    "there, back and there again": World(3, S, ((S, D), (D, S), (S, D)), writes=1),
    "there and back": World(3, S, ((S, D), (D, S)), writes=2),
    "there and back under a third mover": World(4, S, ((S, D), (D, S), (S, E)), writes=1),
    "a server that restarts during a move": World(3, S, ((S, D),), writes=2, restarts=1),
    "a machine that loses writes": World(2, P, (), writes=3, restarts=1, losses=2),
    "a machine that loses writes during a move": World(3, S, ((S, D),), writes=2, losses=1),
    "machines that lose writes there and back": World(3, S, ((S, D), (D, S)), writes=0, losses=2),
    "a session removed and created anew during a move": World(3, S, ((S, D),), writes=3, ends=1),
    "offers that their sources end": World(3, S, ((S, D), (D, S)), writes=1, stays=2),
    "a store that comes back old": World(3, S, ((S, D),), writes=1, rollbacks=1),
    "a store that comes back old and serves alone": World(
        3, S, ((S, D),), writes=1, rollbacks=1, alone=True
    ),
    "a store that comes back old, there and back": World(
        2, P, ((P, S), (S, P)), writes=1, rollbacks=1
    ),
    "a store that comes back old on the way": World(3, P, ((P, S), (S, D)), writes=1, rollbacks=1),
    "a store that comes back old, and servers that restart": World(
        2, P, ((P, S),), writes=1, rollbacks=1, restarts=1
    ),
    "a store that comes back old, under two movers": World(
        3, S, ((S, D), (S, P)), writes=0, rollbacks=1, alone=True
    ),
    "a store that comes back old while others move": World(
        3, S, ((S, D),), writes=0, rollbacks=1, others=1
    ),
    "a store that comes back empty and serves alone": World(
        3, S, ((S, D),), writes=1, empties=1, alone=True
    ),
    "two stores of one name": World(3, S, ((S, D),), writes=1, twins=1, alone=True),
}
"""Up to minutes, and some gigabytes of memory: ``python -m tests.model``."""

WORLD_OF = {
    "commit_checks_lock": "one move",
    "commit_checks_epoch": "a session removed and created anew during a move",
    "forgotten_lock_needs_last_commit": "a machine that loses writes",
    "hand_over_checks_version": "one move",
    "hand_over_checks_run": "a machine that loses writes during a move",
    "hand_over_checks_stay": "there and back",
    "answers_name_transfer": "there, back and there again",
    "hand_over_names_version": "a store that comes back old",
    "activate_checks_own_run": "a store that comes back old",
    "removed_keeps_epoch": "a session removed and created anew during a move",
    "page_checks_offer": "a session removed and created anew during a move",
    "staging_checks_version": "one move",
    "arrive_checks_epoch": "there and back",
    "activate_after_hand_over": "one move",
    "keep_prepared": "one move",
    "resolve_before_next": "two movers at one place",
    "prepare_is_on_disk": "a machine that loses writes during a move",
    "hand_over_is_on_disk": "a machine that loses writes during a move",
    "update_checks_epoch": "there and back",
    "outbox_with_activation": "one move",
    "wait_for_arrival": "one move",
    "claim": "one store for two locations",
    "incarnation_compared": "two stores of one name",
    "prepare_raises_counter": "a store that comes back old",
    "hand_over_raises_counter": "a store that comes back old",
    "counter_is_of_the_pair": "a store that comes back old while others move",
    "waits_for_all": "a store that comes back old, there and back",
    "alone_moves_nothing": "a store that comes back old, under two movers",
    "alone_begins_nothing_anew": "a store that comes back empty and serves alone",
    "hand_over_checks_asker": "a store that comes back old",
    "activate_checks_source": "a store that comes back old",
    "lost_leaves_epoch": "a store that comes back empty",
    "yield_sets_aside": "a store that comes back old and serves alone",
    "ended_sets_aside": "a store that comes back old",
    "other_sets_aside": "a store that comes back old",
}
"""In which world each rule is missed: after some seconds at most."""

BROKEN = {
    rule: replace((LARGE | SMALL)[name], rules=Rules(**{rule: False}))
    for rule, name in WORLD_OF.items()
}
