"""Faults in what a silent or refusing server is taken to have done."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="silence-is-nothing",
        invariant="I6",
        breaks="a client is told that nothing was written, repeats it, and doubles the write",
        file="edgedb/store/scripts.py",
        before="StoreUnavailable if name in HARMLESS else OutcomeUnknown",
        after="StoreUnavailable",
        test="tests/protocol/test_silence.py::"
        "test_a_client_that_obeys_writes_once_where_the_answer_to_the_commit_is_lost",
    ),
    Mutant(
        name="refused-repetition-is-nothing",
        invariant="I6",
        breaks="a commit that a server may have applied is refused because its repetition was",
        file="edgedb/store/refusals.py",
        before="        return self.unanswered > 0 or ",
        after="        return ",
        test="tests/integration/test_server_failures.py::"
        "test_a_commit_that_is_refused_once_an_answer_was_lost_is_unknown",
    ),
    Mutant(
        name="overtaken-commit-is-nothing",
        invariant="I6",
        breaks="a commit that was applied is called lost: another came before its repetition",
        file="edgedb/store/scripts.py",
        before="        if asking.unanswered and answer == unsure:\n",
        after="        if False:\n",
        test="tests/integration/test_server_failures.py::"
        "test_a_commit_that_has_lost_its_session_once_an_answer_was_lost_is_unknown",
    ),
    Mutant(
        name="who-waits-is-told-nothing-true",
        invariant="I6",
        breaks="requests that have not run wait for a silent server, one after the other",
        file="edgedb/locks.py",
        before="        except (StoreUnavailable, OutcomeUnknown) as error:\n",
        after="        except StoreUnavailable as error:\n",
        test="tests/unit/test_locks.py::"
        "test_whom_the_store_fails_fails_those_who_wait_and_have_done_nothing",
    ),
    Mutant(
        name="disk-is-not-asked-first",
        invariant="I5",
        breaks="a move begins that can never be said to be on disk",
        file="edgedb/store/durability.py",
        before="        if self._is_awaited:\n",
        after="        if False:\n",
        test="tests/integration/store/test_durability.py::"
        "test_where_nobody_can_say_what_is_on_disk_a_move_is_refused_before_anything_rests_on_it",
    ),
    Mutant(
        name="ready-though-refused",
        invariant="I6",
        breaks="a function is ready whose every request will be refused",
        file="edgedb/store/__init__.py",
        before='        self._scripts.run_apart("probe", keys.PROBES)\n',
        after="        self.client.ping()\n",
        test="tests/integration/store/test_refusals.py::"
        "test_a_refusal_says_what_it_is_what_to_do_and_whether_to_try_again",
    ),
)
