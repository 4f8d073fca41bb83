"""Faults where a session is given away: what is copied, freeze, thaw, hand-over."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="deletions-are-not-sent",
        invariant="I2",
        breaks="what a client has deleted is there again after the move",
        file="edgedb/store/lua/page.lua",
        before="found_in(versions), found_in(gone)",
        after="found_in(versions), {}",
        test="tests/integration/store/test_pages.py::"
        "test_since_a_version_deletions_are_sent_too_unless_undone",
    ),
    Mutant(
        name="forgotten-deletions-do-not-matter",
        invariant="I2",
        breaks="a copy goes on though its source has forgotten what was deleted meanwhile",
        file="edgedb/store/lua/page.lua",
        before="if began > 0 and int(floor) > began then",
        after="if false then",
        test="tests/protocol/test_copying.py::"
        "test_a_copy_begins_anew_when_its_source_has_forgotten_deletions",
    ),
    Mutant(
        name="replies-stay-behind",
        invariant="I3",
        breaks="a request that was answered before the move takes effect again after it",
        file="edgedb/store/changes.py",
        before="replies=tuple(StoredReply(text(key), blob) for key, blob in _grouped(replies, 2)),",
        after="replies=(),",
        test="tests/protocol/test_repeats.py::"
        "test_a_repeat_gets_the_first_answer_wherever_the_session_has_moved",
    ),
    Mutant(
        name="freeze-does-not-wait",
        invariant="I2",
        breaks="the running request commits after the last difference was sent",
        file="edgedb/store/lua/freeze.lua",
        before="if is_locked(meta, now) then return {'locked'} end\nunlock(meta)\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_a_freeze_lets_the_running_request_end_and_no_other_begin",
    ),
    Mutant(
        name="difference-read-before-the-freeze",
        invariant="I2",
        breaks="what a request writes after the difference was read stays behind",
        file="edgedb/moving/source.py",
        before="    if packet.version != frozen.version:\n        packet = read()\n",
        after="",
        test="tests/protocol/test_copying.py::test_what_is_written_just_before_the_freeze_is_sent",
    ),
    Mutant(
        name="commit-after-the-lock-ran-out",
        invariant="I2",
        breaks="a late request commits to a session that was frozen without it",
        file="edgedb/store/lua/freeze.lua",
        before="unlock(meta)\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_a_request_whose_lock_is_over_when_its_session_is_frozen_is_too_late",
    ),
    Mutant(
        name="freeze-in-another-epoch",
        invariant="I6",
        breaks="a late freeze stops a session that has left and come back since",
        file="edgedb/store/lua/freeze.lua",
        before="if known_epoch ~= epoch then return {'refused'} end\n",
        after="",
        test="tests/integration/store/test_source.py::test_a_freeze_is_for_the_epoch_of_its_token",
    ),
    Mutant(
        name="freeze-for-two-transfers",
        invariant="I1",
        breaks="two destinations hold grants for one session",
        file="edgedb/store/lua/freeze.lua",
        before="  if frozen_for ~= transfer then return {'busy'} end\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_a_session_is_frozen_for_one_transfer_at_a_time",
    ),
    Mutant(
        name="frozen-again-after-thaw",
        invariant="I2",
        breaks="a late repetition of the freeze begins a transfer again that was given up",
        file="edgedb/store/lua/common.lua",
        before="  if transfer then call('HSET', meta, 'thawed', transfer) end\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_a_thawed_session_serves_and_its_grant_is_dead_for_ever",
    ),
    Mutant(
        name="grant-outlives-thaw",
        invariant="I2",
        breaks="the grant of a transfer that was thawed is good while the next one waits",
        file="edgedb/store/lua/common.lua",
        before="'frozen_until', 'grant')",
        after="'frozen_until')",
        test="tests/integration/store/test_grants.py::"
        "test_a_dead_grant_is_dead_while_the_next_transfer_waits_for_a_request",
    ),
    Mutant(
        name="thaw-by-anybody",
        invariant="I6",
        breaks="the end of one transfer ends another one's freeze",
        file="edgedb/store/lua/thaw.lua",
        before=" and frozen_for == transfer then",
        after=" then",
        test="tests/integration/store/test_source.py::"
        "test_a_thaw_for_another_transfer_ends_nothing",
    ),
    Mutant(
        name="hand-over-without-grant",
        invariant="I2",
        breaks="data are dropped for whoever asks, before anybody has them",
        file="edgedb/store/lua/hand_over.lua",
        before="if granted ~= grant then return 'refused' end\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_a_grant_that_was_not_given_moves_nothing",
    ),
    Mutant(
        name="hand-over-after-the-freeze",
        invariant="I2",
        breaks="a session that has served since its freeze ran out is given away as it was",
        file="edgedb/store/lua/hand_over.lua",
        before="if not is_frozen(meta, clock(now)) then\n",
        after="if false then\n",
        test="tests/integration/store/test_source.py::"
        "test_a_freeze_that_is_over_its_time_is_over_even_if_nobody_has_noticed",
    ),
    Mutant(
        name="any-grant-was-honoured",
        invariant="I1",
        breaks="a destination that was refused is told that it has the session",
        file="edgedb/store/lua/hand_over.lua",
        before="current == destination and handed == grant and 'ok' or 'refused'",
        after="'ok'",
        test="tests/integration/store/test_source.py::"
        "test_a_grant_that_was_not_given_moves_nothing",
    ),
    Mutant(
        name="grant-honoured-for-two",
        invariant="I1",
        breaks="a second destination is told that it has the session too",
        file="edgedb/store/lua/hand_over.lua",
        before="return current == destination and handed",
        after="return handed",
        test="tests/hostile/test_trust.py::test_a_grant_is_honoured_for_one_place_only",
    ),
    Mutant(
        name="epoch-stays-at-the-source",
        invariant="I4",
        breaks="a pointer has no higher epoch than what it points away from",
        file="edgedb/store/lua/hand_over.lua",
        before="'epoch', int(epoch) + 1,",
        after="'epoch', int(epoch),",
        test="tests/integration/store/test_source.py::"
        "test_a_handed_over_session_is_a_pointer_and_nothing_else",
    ),
)
