"""Faults where a session is given away: what is copied, hold, hand-over."""

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
        file="edgedb/moving/copying.py",
        before="        if packet.floor > self._began:\n",
        after="        if False:\n",
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
        name="epoch-stays-at-the-source",
        invariant="I4",
        breaks="a pointer has no higher epoch than what it points away from",
        file="edgedb/store/lua/hand_over.lua",
        before="'epoch', int(epoch) + 1,",
        after="'epoch', int(epoch),",
        test="tests/integration/store/test_source.py::"
        "test_a_handed_over_session_is_a_pointer_and_nothing_else",
    ),
    Mutant(
        name="offered-in-another-epoch",
        invariant="I1",
        breaks="a session that has left and come back is given for what it was",
        file="edgedb/store/lua/hand_over.lua",
        before="known_epoch == epoch and (known_stay",
        after="(known_stay",
        test="tests/integration/store/test_source.py::test_what_was_never_offered_has_ended",
    ),
    Mutant(
        name="offered-in-another-stay",
        invariant="I1",
        breaks="a session that left and came back, or was created anew, is taken for "
        "the one offered",
        file="edgedb/store/lua/hand_over.lua",
        before=" and (known_stay or '') == stay and",
        after=" and",
        test="tests/integration/store/test_source.py::test_what_was_never_offered_has_ended",
    ),
    Mutant(
        name="offered-in-another-run",
        invariant="I2",
        breaks="a server that lost writes gives away others that it counted to the same version",
        file="edgedb/store/lua/hand_over.lua",
        before=" and server_run() == run\n",
        after="\n",
        test="tests/integration/store/test_source.py::test_what_was_never_offered_has_ended",
    ),
    Mutant(
        name="page-of-another-stay",
        invariant="I2",
        breaks="a copy is brought up to date with what another session has",
        file="edgedb/store/lua/page.lua",
        before="if asked_run ~= '' and (asked_stay ~= stay or asked_run ~= run) then",
        after="if false then",
        test="tests/integration/store/test_source.py::"
        "test_a_page_is_given_of_the_stay_and_the_run_that_were_offered",
    ),
    Mutant(
        name="given-at-another-version",
        invariant="I2",
        breaks="what was written since the copy is dropped",
        file="edgedb/store/lua/hand_over.lua",
        before="if version > held then return {'changed', version, is_running and 1 or 0} end\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_an_older_version_is_not_given_and_never_will_be",
    ),
    Mutant(
        name="given-while-a-request-runs",
        invariant="I6",
        breaks="the request that runs is refused for a move that could have waited",
        file="edgedb/store/lua/hand_over.lua",
        before="if is_running then\n",
        after="if false then\n",
        test="tests/integration/store/test_source.py::"
        "test_nobody_gets_a_session_while_a_request_runs",
    ),
    Mutant(
        name="given-to-any-transfer",
        invariant="I1",
        breaks="an arrival goes live that another transfer has overtaken",
        file="edgedb/store/lua/hand_over.lua",
        before="if current == destination and handed == transfer then",
        after="if current == destination then",
        test="tests/integration/store/test_source.py::test_what_another_got_has_ended",
    ),
    Mutant(
        name="given-to-two-places",
        invariant="I1",
        breaks="a second destination is told that it has the session too",
        file="edgedb/store/lua/hand_over.lua",
        before="if current == destination and handed == transfer then",
        after="if handed == transfer then",
        test="tests/integration/store/test_source.py::test_what_another_got_has_ended",
    ),
    Mutant(
        name="given-version-is-the-one-asked-for",
        invariant="I2",
        breaks="a destination is told that it has what it never had",
        file="edgedb/store/lua/hand_over.lua",
        before="return {'handed', int(handed_version),",
        after="return {'handed', held,",
        test="tests/integration/store/test_source.py::"
        "test_a_repeated_hand_over_says_so_again_and_changes_nothing",
    ),
    Mutant(
        name="ended-offer-is-honoured",
        invariant="I6",
        breaks="a session leaves though its mover was told that it stays",
        file="edgedb/store/lua/hand_over.lua",
        before="  call('HSET', meta, 'stay', another_stay)\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_where_a_request_does_not_end_what_was_offered_does",
    ),
    Mutant(
        name="unknown-is-ended",
        invariant="I2",
        breaks="a destination drops the last copy of what its source has lost",
        file="edgedb/store/lua/hand_over.lua",
        before="then return {'unknown'} end",
        after="then return {'ended', server_run(), 0} end",
        test="tests/integration/store/test_source.py::test_an_unknown_session_has_not_ended",
    ),
    Mutant(
        name="removed-without-a-trace",
        invariant="I1",
        breaks="a session created in the place of a removed one has its token",
        file="edgedb/store/lua/common.lua",
        before="  if epoch > 0 then\n",
        after="  if false then\n",
        test="tests/integration/store/test_source.py::"
        "test_a_session_that_was_removed_is_not_given_and_the_next_is_another",
    ),
    Mutant(
        name="created-anew-is-unknown",
        invariant="I5",
        breaks="a copy stays prepared for a session that was removed and never committed again",
        file="edgedb/store/lua/hand_over.lua",
        before=" == 0 and int(known_epoch) == 1\n",
        after=" == 0\n",
        test="tests/integration/store/test_source.py::test_nor_is_the_next_before_its_first_commit",
    ),
    Mutant(
        name="one-failure-fails-all",
        invariant="I6",
        breaks="of many sessions none has a fate where one is refused",
        file="edgedb/store/scripts.py",
        before="        return [self.told(each, silence) for each in answers]\n",
        after="        told = [self.told(each, silence) for each in answers]\n"
        "        failed = [each for each in told if isinstance(each, EdgeError)]\n"
        "        return failed[:1] * len(told) or told\n",
        test="tests/integration/store/test_destination.py::test_of_many_each_is_staged_by_itself",
    ),
    Mutant(
        name="held-without-end",
        invariant="I5",
        breaks="who asks again and again for one version keeps all writers waiting",
        file="edgedb/store/lua/hold.lua",
        before="if held and int(version) <= int(held) then return 'no' end\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_a_hold_ends_by_itself_and_nothing_that_comes_late_renews_it",
    ),
    Mutant(
        name="held-for-another-stay",
        invariant="I6",
        breaks="a late call delays a session that has left and come back",
        file="edgedb/store/lua/hold.lua",
        before=" or (known_stay or '') ~= stay then",
        after=" then",
        test="tests/integration/store/test_source.py::test_nothing_is_held_for_another_stay",
    ),
    Mutant(
        name="readers-are-held",
        invariant="I6",
        breaks="readers wait for a move that they do not disturb",
        file="edgedb/store/lua/begin.lua",
        before="if is_writer then\n  if in_force(held_since, held_until, now)",
        after="if in_force(held_since, held_until, now) and not is_writer then return "
        "{'wait', 'held'} end\n"
        "if is_writer then\n"
        "  if in_force(held_since, held_until, now)",
        test="tests/integration/store/test_source.py::"
        "test_writers_wait_while_a_session_is_held_and_readers_do_not",
    ),
    Mutant(
        name="writers-are-not-held",
        invariant="I5",
        breaks="a busy session is never given away",
        file="edgedb/store/lua/begin.lua",
        before="  if in_force(held_since, held_until, now) and locked_by ~= lock then "
        "return {'wait', 'held'} end\n",
        after="",
        test="tests/integration/store/test_source.py::"
        "test_writers_wait_while_a_session_is_held_and_readers_do_not",
    ),
    Mutant(
        name="given-away-in-memory-only",
        invariant="I2",
        breaks="a machine that dies gives the session away and has it still",
        file="edgedb/store/source.py",
        before='partial(self._disk.run_each, "hand_over")',
        after='partial(self._scripts.run_each, "hand_over")',
        test="tests/integration/store/test_durability.py::"
        "test_a_hand_over_is_answered_only_once_it_is_on_disk",
    ),
)
