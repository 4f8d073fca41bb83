"""Faults in what a client's request does: begin, read, commit, replies."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="two-requests-at-once",
        invariant="I1",
        breaks="a request takes the lock of one that runs",
        file="edgedb/store/lua/begin.lua",
        before="  local is_anothers = locked_by and not is_held and"
        " in_force(lock_renewed, lock_until, now)\n",
        after="  local is_anothers = false\n",
        test="tests/integration/store/test_requests.py::test_one_request_at_a_time_has_a_session",
    ),
    Mutant(
        name="lock-renewed-without-end",
        invariant="I5",
        breaks="a handler that hangs keeps its session for ever",
        file="edgedb/locks.py",
        before="                if not kept.until.is_over:\n",
        after="                if True:\n",
        test="tests/protocol/test_given_up.py::"
        "test_a_handler_that_outlives_its_time_loses_its_session_and_writes_nothing",
    ),
    Mutant(
        name="turn-kept-without-end",
        invariant="I5",
        breaks="requests of a process wait behind a handler that hangs, though its session is free",
        file="edgedb/locks.py",
        before="        kept.pass_on()\n",
        after="",
        test="tests/protocol/test_given_up.py::"
        "test_who_waits_behind_a_handler_that_is_given_up_gets_its_turn",
    ),
    Mutant(
        name="late-commit-is-applied",
        invariant="I6",
        breaks="a client is told that its request failed, and then it is written",
        file="edgedb/serving.py",
        before="    if until.is_over:\n",
        after="    if False:\n",
        test="tests/protocol/test_given_up.py::"
        "test_a_late_answer_changes_nothing_though_nobody_has_taken_the_session",
    ),
    Mutant(
        name="lock-from-the-future",
        invariant="I5",
        breaks="a session stays locked for as long as the server's clock was set back",
        file="edgedb/store/lua/common.lua",
        before="  return int(since) <= now + CLOCK_STEP_MS and now < int(ends)\n",
        after="  return now < int(ends)\n",
        test="tests/integration/store/test_clocks.py::"
        "test_a_lock_that_was_taken_before_the_clock_was_set_back_is_over",
    ),
    Mutant(
        name="request-runs-while-prepared",
        invariant="I1",
        breaks="the destination makes a second session under the id of one that is about to arrive",
        file="edgedb/store/lua/begin.lua",
        before="if int(prepared) > 0 or grant then return {'wait', 'arriving'} end\n",
        after="if int(prepared) > 0 then source = false end\n",
        test="tests/integration/store/test_destination.py::test_requests_wait_for_a_prepared_arrival",
    ),
    Mutant(
        name="request-runs-while-copying",
        invariant="I1",
        breaks="the destination makes a second session under the id of one that it copies",
        file="edgedb/store/lua/begin.lua",
        before="  if source then return {'redirect', source, proprietary} end"
        " -- on its way here: it still lives there\n",
        after="",
        test="tests/integration/store/test_staging.py::test_what_is_staged_is_not_live",
    ),
    Mutant(
        name="a-session-of-another-home",
        invariant="I1",
        breaks="a client that says which session it means is served another of that name",
        file="edgedb/store/lua/begin.lua",
        before="elseif home ~= '' and (proprietary ~= home or not is_committed) then\n",
        after="elseif home ~= '' and not is_committed then\n",
        test="tests/protocol/test_session_home.py::"
        "test_another_session_of_the_same_name_is_left_alone",
    ),
    Mutant(
        name="a-session-begun-though-it-exists",
        invariant="I1",
        breaks="a client that says that its session exists begins a second one",
        file="edgedb/store/lua/begin.lua",
        before="  if home ~= '' and proprietary ~= home then return {'absent'} end\n",
        after="",
        test="tests/protocol/test_session_home.py::"
        "test_the_session_is_found_from_every_node_and_no_other_is_begun",
    ),
    Mutant(
        name="a-pointer-of-the-home-is-not-followed",
        invariant="I4",
        breaks="a client is sent round and round by pointers that end at a node without its data",
        file="edgedb/homes.py",
        before="        if pointer is None or not node.is_relative(pointer):"
        "  # it is here, or answers others only\n    ",
        after="",
        test="tests/protocol/test_session_home.py::"
        "test_pointers_that_end_at_a_node_that_does_not_know_it_lead_nobody_round",
    ),
    Mutant(
        name="commit-without-its-lock",
        invariant="I1",
        breaks="a request whose lock ran out writes over another one's work",
        file="edgedb/store/lua/commit.lua",
        before="local is_held = locked_by == lock or is_forgotten and last ~= lock",
        after="local is_held = true",
        test="tests/integration/store/test_requests.py::"
        "test_a_request_that_lost_its_lock_changes_nothing",
    ),
    Mutant(
        name="forgotten-lock-is-no-lock",
        invariant="I2",
        breaks="after a restart of the server a request undoes what others wrote since",
        file="edgedb/store/lua/commit.lua",
        before="not locked_by and (last or '') == begun_after",
        after="not locked_by",
        test="tests/integration/store/test_forgotten_locks.py::"
        "test_a_request_whose_lock_was_forgotten_does_not_undo_another",
    ),
    Mutant(
        name="lost-write-was-read",
        invariant="I2",
        breaks="a request that has read what a server lost undoes what others wrote since",
        file="edgedb/store/lua/commit.lua",
        before=" and (last or '') == begun_after\n",
        after="\n",
        test="tests/integration/store/test_forgotten_locks.py::"
        "test_a_request_does_not_undo_another_on_a_server_that_lost_what_the_first_had_read",
    ),
    Mutant(
        name="commit-in-another-epoch",
        invariant="I1",
        breaks="a request commits to a session that has left and come back since it began",
        file="edgedb/store/lua/commit.lua",
        before=" or known_epoch ~= epoch or",
        after=" or",
        test="tests/integration/store/test_requests.py::"
        "test_a_commit_is_for_the_epoch_its_request_began_in",
    ),
    Mutant(
        name="failed-request-is-committed",
        invariant="I6",
        breaks="what a handler wrote before it failed is kept",
        file="edgedb/serving.py",
        before="    except BaseException:\n        node.store.requests.release(run)\n",
        after="    except BaseException:\n"
        "        node.store.requests.commit(run, session.changes())\n",
        test="tests/protocol/test_failing_handlers.py::"
        "test_a_handler_that_fails_changes_nothing_and_frees_the_session",
    ),
    Mutant(
        name="read-across-a-move",
        invariant="I2",
        breaks="a read-only handler finds a session empty that was handed over meanwhile",
        file="edgedb/store/lua/read.lua",
        before="if current ~= here or known_epoch ~= epoch then return false end\n",
        after="last = begun_after\n",
        test="tests/integration/store/test_reading_across_a_move.py::"
        "test_a_reader_never_takes_a_session_that_has_left_for_an_empty_one",
    ),
    Mutant(
        name="read-across-a-commit",
        invariant="I2",
        breaks="a read-only handler sees half of one state and half of the next",
        file="edgedb/store/lua/read.lua",
        before="if is_taken or (not is_held and (last or '') ~= begun_after) then",
        after="if is_taken then",
        test="tests/integration/store/test_requests.py::"
        "test_a_read_without_a_lock_is_refused_once_the_session_has_changed",
    ),
    Mutant(
        name="repeat-runs-again",
        invariant="I3",
        breaks="a request that was answered takes effect again",
        file="edgedb/store/lua/begin.lua",
        before="  if reply and version_of(reply) > now then\n",
        after="  if false then\n",
        test="tests/protocol/test_repeats.py::"
        "test_a_repeat_gets_the_first_answer_and_has_no_effect",
    ),
    Mutant(
        name="reply-to-another-request",
        invariant="I3",
        breaks="a request gets the answer of a different one under the same key",
        file="edgedb/replies.py",
        before="    if first != request_fingerprint:\n",
        after="    if False:\n",
        test="tests/protocol/test_repeats.py::"
        "test_the_same_key_with_another_request_is_422_and_has_no_effect",
    ),
    Mutant(
        name="end-of-a-value-is-not-read",
        invariant="I2",
        breaks="of a large value a handler is given the first piece",
        file="edgedb/store/lua/read.lua",
        before="    goes_on = string.match(piece, '^[SB]')\n",
        after="    goes_on = false\n",
        test="tests/integration/store/test_pieces.py::"
        "test_a_large_session_is_read_with_all_the_pieces_of_a_value",
    ),
    Mutant(
        name="old-pieces-stay",
        invariant="I5",
        breaks="what was a large value takes its place for ever",
        file="edgedb/store/lua/data.lua",
        before="      if before > 0 then drop_pieces(field, 1, valued) end\n",
        after="",
        test="tests/integration/store/test_pieces.py::"
        "test_a_value_written_over_leaves_no_piece_behind",
    ),
    Mutant(
        name="answer-is-not-checked",
        invariant="I6",
        breaks="what a handler wrote is kept though its answer cannot be sent",
        file="edgedb/wire/sendable.py",
        before="    if name.lower() in HOP_BY_HOP:\n",
        after="    if False:\n",
        test="tests/protocol/test_failing_handlers.py::"
        "test_an_answer_that_cannot_be_sent_is_refused_by_name_and_nothing_is_written",
    ),
    Mutant(
        name="request-waits-for-itself",
        invariant="I5",
        breaks="a handler that calls its own session holds it until the call gives up",
        file="edgedb/serving.py",
        before="    if task.callers and ",
        after="    if False and ",
        test="tests/protocol/test_calls_within.py::"
        "test_a_function_that_calls_itself_in_its_own_session_is_told_and_goes_on",
    ),
    Mutant(
        name="key-of-all-clients",
        invariant="I3",
        breaks="a client of a node-local function gets the answer to another's request",
        file="edgedb/replies.py",
        before='        return f"{session}\\n{key}"',
        after="        return key",
        test="tests/protocol/test_repeats.py::"
        "test_two_clients_of_node_local_state_may_choose_the_same_key",
    ),
    Mutant(
        name="value-dropped-by-anybody",
        invariant="I6",
        breaks="a gateway's 400 loses a propagated value",
        file="edgedb/delivery.py",
        before="    return error.answered_as == BadRequest.problem_type()\n",
        after="    return isinstance(error, BadRequest)\n",
        test="tests/protocol/test_delivery.py::test_a_value_is_kept_whatever_stands_between_says",
    ),
    Mutant(
        name="forwarded-twice-without-a-key",
        invariant="I3",
        breaks="a forwarded request whose answer was lost takes effect twice",
        file="edgedb/forwarding.py",
        before="                if self.may_have_run and not self.is_repeatable:\n",
        after="                if False:\n",
        test="tests/protocol/test_forwarding.py::"
        "test_without_a_key_nothing_is_sent_twice_whatever_its_method",
    ),
    Mutant(
        name="forwarded-in-vain",
        invariant="I6",
        breaks="a client is told that nothing was written by a request that nobody knows about",
        file="edgedb/forwarding.py",
        before="                self.may_have_run |= error.is_sent\n",
        after="                self.may_have_run = error.is_sent\n",
        test="tests/protocol/test_forwarding.py::"
        "test_what_may_have_run_is_unknown_though_the_repeat_could_not_be_sent",
    ),
)
