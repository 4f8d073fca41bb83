"""Faults where a session arrives, and where its proprietary location hears of it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="live-before-it-is-given",
        invariant="I1",
        breaks="the destination serves what the source has still",
        file="edgedb/moving/recovery.py",
        before="    answers = node.peers.hand_over(",
        after="    node.store.destination.activate(arrivals)\n    answers = node.peers.hand_over(",
        test="tests/protocol/test_oracle.py::test_a_tick_discards_what_the_source_took_back",
    ),
    Mutant(
        name="discarded-on-any-error",
        invariant="I2",
        breaks="staged data are dropped though the source may have dropped its own",
        file="edgedb/moving/recovery.py",
        before="    if isinstance(answer, Ended):\n        _drop(",
        after="    if isinstance(answer, EdgeError):\n"
        "        node.store.destination.discard(arrival)\n"
        "    if isinstance(answer, Ended):\n"
        "        _drop(",
        test="tests/protocol/test_doctor.py::test_the_last_copy_of_a_session_is_adopted",
    ),
    Mutant(
        name="not-named-is-given",
        invariant="I2",
        breaks="an answer that does not name a session takes it for given",
        file="edgedb/moving/recovery.py",
        before="    if answer is None or (",
        after="    if answer is None:\n        return Handed(arrival.version)\n    if (",
        test="tests/protocol/test_answers_to_hand_overs.py::"
        "test_what_is_not_final_leaves_the_copy_prepared",
    ),
    Mutant(
        name="any-version-goes-live",
        invariant="I2",
        breaks="another version goes live than the source has given",
        file="edgedb/moving/recovery.py",
        before=" and answer.version != arrival.version):",
        after=" and False):",
        test="tests/protocol/test_answers_to_hand_overs.py::"
        "test_what_is_not_final_leaves_the_copy_prepared",
    ),
    Mutant(
        name="running-is-final",
        invariant="I2",
        breaks="a copy is dropped though what was asked for may be given still",
        file="edgedb/moving/recovery.py",
        before="fate.version > arrival.version:",
        after="fate.version >= arrival.version:",
        test="tests/protocol/test_answers_to_hand_overs.py::"
        "test_what_is_not_final_leaves_the_copy_prepared",
    ),
    Mutant(
        name="changed-is-not-final",
        invariant="I5",
        breaks="a copy that will never be given is kept",
        file="edgedb/moving/recovery.py",
        before="fate.version > arrival.version:",
        after="fate.version < arrival.version:",
        test="tests/protocol/test_answers_to_hand_overs.py::"
        "test_a_higher_version_is_final_for_the_one_that_is_here",
    ),
    Mutant(
        name="ended-of-another-run-is-discarded",
        invariant="I2",
        breaks="the only copy of what a source has lost is dropped",
        file="edgedb/moving/recovery.py",
        before="        if answer.run == arrival.offer.run:\n",
        after="        if True:\n",
        test="tests/protocol/test_answers_to_hand_overs.py::"
        "test_a_copy_that_was_offered_in_another_run_is_set_aside",
    ),
    Mutant(
        name="ended-is-set-aside-always",
        invariant="I5",
        breaks="each move that is given up leaves a copy for a month",
        file="edgedb/moving/recovery.py",
        before="        if answer.run == arrival.offer.run:\n",
        after="        if False:\n",
        test="tests/protocol/test_answers_to_hand_overs.py::"
        "test_a_copy_that_was_offered_in_the_present_run_is_dropped",
    ),
    Mutant(
        name="prepared-is-nothing",
        invariant="I6",
        breaks="a mover is told that nothing has happened, and the next tick moves the session",
        file="edgedb/moving/pull.py",
        before="self._end(move, _unknown(answer))",
        after="self._end(move, answer)",
        test="tests/protocol/test_silence.py::"
        "test_what_a_source_refuses_for_now_a_tick_asks_for_again",
    ),
    Mutant(
        name="prepared-is-discarded",
        invariant="I2",
        breaks="a mover that gives up drops what its source has handed over already",
        file="edgedb/store/lua/discard.lua",
        before=" or int(prepared) ~= tonumber(over) or",
        after=" or",
        test="tests/integration/store/test_destination.py::"
        "test_a_prepared_arrival_is_discarded_only_with_the_version_that_is_over",
    ),
    Mutant(
        name="prepared-though-staged-further",
        invariant="I2",
        breaks="half of a difference is taken for all of it",
        file="edgedb/store/lua/stage.lua",
        before="'prepared', complete, 'version'",
        after="'prepared', complete == '0' and int(prepared) or complete, 'version'",
        test="tests/integration/store/test_destination.py::"
        "test_what_is_staged_further_takes_prepared_back",
    ),
    Mutant(
        name="prepared-in-memory-only",
        invariant="I2",
        breaks="a machine that dies has lost what was given to it",
        file="edgedb/store/destination.py",
        before='self._disk.run_each("stage", steps)',
        after='self._scripts.run_each("stage", steps)',
        test="tests/integration/store/test_durability.py::"
        "test_an_arrival_is_prepared_only_once_it_is_on_disk",
    ),
    Mutant(
        name="prepared-is-no-bar",
        invariant="I2",
        breaks="a second transfer takes the place of what was given to the first",
        file="edgedb/store/lua/stage.lua",
        before="  if open_for then\n",
        after="  if open_for and false then\n",
        test="tests/integration/store/test_destination.py::"
        "test_a_prepared_arrival_is_finished_before_the_next_begins",
    ),
    Mutant(
        name="active-at-another-version",
        invariant="I2",
        breaks="another version goes live than was given",
        file="edgedb/store/lua/activate.lua",
        before=" or prepared ~= given then",
        after=" then",
        test="tests/integration/store/test_destination.py::"
        "test_only_the_version_that_is_prepared_becomes_resident_and_only_once",
    ),
    Mutant(
        name="active-for-another-transfer",
        invariant="I1",
        breaks="the answer to one transfer makes the arrival of another one live",
        file="edgedb/store/lua/activate.lua",
        before="if open_for ~= transfer or int",
        after="if int",
        test="tests/integration/store/test_destination.py::"
        "test_only_the_version_that_is_prepared_becomes_resident_and_only_once",
    ),
    Mutant(
        name="active-in-another-run",
        invariant="I1",
        breaks="an answer is used by a server that has forgotten what it was about",
        file="edgedb/store/lua/activate.lua",
        before="if asked_in ~= server_run() then return 'restarted' end\n",
        after="",
        test="tests/integration/store/test_destination.py::"
        "test_what_was_asked_for_before_the_server_died_is_asked_for_again",
    ),
    Mutant(
        name="stay-is-a-counter",
        invariant="I1",
        breaks="two stays of a session cannot be told apart",
        file="edgedb/store/destination.py",
        before="            secrets.token_hex(8),\n",
        after='            "1",\n',
        test="tests/integration/store/test_destination.py::test_each_stay_has_its_own_id",
    ),
    Mutant(
        name="stranger-is-let-in",
        invariant="I2",
        breaks="two clients' sessions that share an id become one",
        file="edgedb/store/lua/stage.lua",
        before="if current and known_proprietary ~= proprietary then",
        after="if false then",
        test="tests/integration/store/test_destination.py::"
        "test_what_contradicts_the_nodes_own_knowledge_does_not_arrive",
    ),
    Mutant(
        name="arrives-with-an-old-epoch",
        invariant="I1",
        breaks="a late offer makes a session arrive that has been here since",
        file="edgedb/store/lua/stage.lua",
        before="if int(known_epoch) > tonumber(epoch) then",
        after="if false then",
        test="tests/integration/store/test_destination.py::"
        "test_what_contradicts_the_nodes_own_knowledge_does_not_arrive",
    ),
    Mutant(
        name="packets-in-any-order",
        invariant="I2",
        breaks="a packet that is staged late puts older values over newer ones",
        file="edgedb/store/lua/stage.lua",
        before="if int(packets) ~= packet - 1 then return {'gone'} end\n",
        after="",
        test="tests/integration/store/test_staging.py::"
        "test_packets_are_staged_in_their_order_and_a_late_repetition_changes_nothing",
    ),
    Mutant(
        name="nobody-tidies-up",
        invariant="I5",
        breaks="what a dead mover has staged is never discarded",
        file="edgedb/moving/recovery.py",
        before="            node.store.destination.discard(arrival, is_idle=True)\n",
        after="            pass\n",
        test="tests/protocol/test_moving.py::test_what_a_dead_mover_left_is_gone_after_its_time",
    ),
    Mutant(
        name="gaps-in-lists",
        invariant="I2",
        breaks="of a large list only the newer end arrives",
        file="edgedb/moving/copying.py",
        before="            for gap in gaps:\n                self._fill(gap)\n            if",
        after="            if",
        test="tests/protocol/test_gaps_in_lists.py::"
        "test_a_large_list_whose_end_is_newer_than_a_page_of_other_data_arrives_whole",
    ),
    Mutant(
        name="nobody-finishes",
        invariant="I5",
        breaks="an arrival that was prepared when its mover died is served nowhere",
        file="edgedb/moving/recovery.py",
        before="            settled += _settle(node, arrival)\n",
        after="            settled += 1\n",
        test="tests/protocol/test_oracle.py::test_a_tick_finishes_what_was_left_unfinished",
    ),
    Mutant(
        name="active-twice",
        invariant="I2",
        breaks="a repeated activation puts an old token and version over newer data",
        file="edgedb/store/lua/activate.lua",
        before="call('DEL', meta, arrival)\n",
        after="call('DEL', meta)\n",
        test="tests/integration/store/test_destination.py::"
        "test_only_the_version_that_is_prepared_becomes_resident_and_only_once",
    ),
    Mutant(
        name="update-with-a-lower-epoch",
        invariant="I4",
        breaks="a late update leads clients back to where the session was",
        file="edgedb/store/lua/update.lua",
        before="if int(known_epoch) >= epoch then return {'stale', known_epoch} end\n",
        after="",
        test="tests/integration/store/test_update.py::"
        "test_an_update_is_accepted_with_a_higher_epoch_or_if_nothing_is_new",
    ),
    Mutant(
        name="update-of-a-resident",
        invariant="I2",
        breaks="a session is led away from the only place that has its data",
        file="edgedb/store/lua/update.lua",
        before="if current == here then\n",
        after="if false then\n",
        test="tests/integration/store/test_update.py::"
        "test_an_update_never_moves_a_resident_nor_makes_a_session",
    ),
    Mutant(
        name="proprietary-is-not-told",
        invariant="I4",
        breaks="the proprietary location never learns of a move that it took no part in",
        file="edgedb/store/destination.py",
        before='"" if is_told else msgspec.json.encode(Update(home, token)),',
        after='"",',
        test="tests/integration/store/test_destination.py::"
        "test_a_proprietary_that_took_no_part_in_the_move_is_told",
    ),
    Mutant(
        name="outbox-forgets-the-silent",
        invariant="I4",
        breaks="an update that was not answered is never sent again",
        file="edgedb/delivery.py",
        before="        return _is_expired(entry)\n",
        after="        return True\n",
        test="tests/protocol/test_delivery.py::"
        "test_an_update_is_kept_until_the_proprietary_answers_to_the_point",
    ),
    Mutant(
        name="outbox-forgets-the-refused",
        invariant="I4",
        breaks="an update that was refused for a passing reason is never sent again",
        file="edgedb/delivery.py",
        before="        return _is_refused(entry.message, error) or _is_expired(entry)\n",
        after="        return True\n",
        test="tests/protocol/test_updates_not_taken.py::"
        "test_an_update_that_was_not_taken_is_sent_again",
    ),
    Mutant(
        name="old-pieces-are-staged",
        invariant="I5",
        breaks="what was a large value when the copy began takes its place for ever",
        file="edgedb/store/lua/data.lua",
        before="      if before > 0 then drop_pieces(field, 1, valued) end\n",
        after="",
        test="tests/integration/store/test_pieces.py::"
        "test_a_copy_brought_up_to_date_has_no_piece_of_what_was_there_before",
    ),
    Mutant(
        name="disk-answers-for-a-lost-connection",
        invariant="I2",
        breaks="a step counts as on disk because a new connection has nothing to wait for",
        file="edgedb/store/durability.py",
        before='            pipe.execute_command("EVAL", sync.text, *written)\n',
        after="            pipe.ping()\n",
        test="tests/integration/store/test_durability.py::"
        "test_a_connection_lost_while_the_disk_is_awaited_is_no_answer",
    ),
)
