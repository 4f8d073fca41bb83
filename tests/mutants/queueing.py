"""Faults in how requests wait: in which order, in how many places, for how long."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="ticket-is-ignored",
        invariant="I5",
        breaks="a session is served to whoever asks most often, others wait until they are refused",
        file="edgedb/store/lua/begin.lua",
        before="    if is_anothers or before > 0 then\n",
        after="    if is_anothers then\n",
        test="tests/integration/store/test_tickets.py::"
        "test_a_free_session_is_given_to_who_came_first",
    ),
    Mutant(
        name="ticket-of-who-gave-up",
        invariant="I6",
        breaks="a request that was refused keeps others waiting",
        file="edgedb/serving.py",
        before="    except Unavailable:\n        node.store.requests.release(attempt)\n",
        after="    except Unavailable:\n",
        test="tests/protocol/test_waiting.py::test_who_gave_up_is_waited_for_by_nobody",
    ),
    Mutant(
        name="waiting-without-a-place",
        invariant="I5",
        breaks="the requests of one busy session hold all threads",
        file="edgedb/locks.py",
        before="                place.take()\n",
        after="",
        test="tests/protocol/test_waiting.py::"
        "test_who_finds_no_place_to_wait_is_refused_at_once_and_nothing_has_happened",
    ),
    Mutant(
        name="settled-by-all-who-wait",
        invariant="I5",
        breaks="an arrival whose source is silent holds its waiters longer than they may wait",
        file="edgedb/serving.py",
        before='node.once(f"settling-{task.session}", lambda: _settle(node, task.session))\n',
        after="_settle(node, task.session)\n",
        test="tests/protocol/test_waiting.py::"
        "test_a_silent_source_is_asked_once_and_holds_nobody_longer_than_they_may_wait",
    ),
)
