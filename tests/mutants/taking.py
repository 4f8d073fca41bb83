"""Faults where a session arrives, and where its proprietary location hears of it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="handed-over-before-prepared",
        invariant="I2",
        breaks="the source drops its data while the destination may still give up",
        file="edgedb/moving/pull.py",
        before="        packet = copy.run()\n",
        after="        packet = copy.run()\n"
        "        source, grant = token.current_location, packet.grant or ''\n"
        "        node.peers.hand_over(source, token.session, transfer, grant)\n",
        test="tests/protocol/test_refused_moves.py::"
        "test_a_session_that_turns_out_to_be_somebody_elses_is_not_taken",
    ),
    Mutant(
        name="active-before-the-hand-over",
        invariant="I1",
        breaks="the destination serves what the source has taken back",
        file="edgedb/moving/recovery.py",
        before="    try:\n        node.peers.hand_over(",
        after="    node.store.destination.activate(\n"
        "        arrival, arrival.token.moved_to(node.location)\n"
        "    )\n"
        "    try:\n        node.peers.hand_over(",
        test="tests/protocol/test_oracle.py::test_a_tick_discards_what_the_source_took_back",
    ),
    Mutant(
        name="discarded-on-any-error",
        invariant="I2",
        breaks="staged data are dropped though the source may have dropped its own",
        file="edgedb/moving/recovery.py",
        before="    except GrantRefused:\n        node.store.destination.discard(",
        after="    except EdgeError:\n        node.store.destination.discard(",
        test="tests/protocol/test_oracle.py::"
        "test_a_tick_finishes_what_was_left_unfinished[lose_answer]",
    ),
    Mutant(
        name="prepared-is-nothing",
        invariant="I6",
        breaks="a mover is told that nothing has happened, and the next tick moves the session",
        file="edgedb/moving/pull.py",
        before="            moved = _finished(node, arrival)\n",
        after="            moved = finish(node, arrival)\n",
        test="tests/protocol/test_silence.py::"
        "test_what_a_source_refuses_for_now_a_tick_asks_for_again",
    ),
    Mutant(
        name="prepared-is-discarded",
        invariant="I2",
        breaks="a mover that gives up drops what its source has handed over already",
        file="edgedb/store/lua/discard.lua",
        before="if phase == 'prepared' and grant ~= refused_grant then return 'gone' end\n",
        after="",
        test="tests/integration/store/test_destination.py::"
        "test_a_prepared_arrival_is_discarded_only_with_the_grant_that_was_refused",
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
        name="nobody-tidies-up",
        invariant="I5",
        breaks="what a dead mover has staged is never discarded",
        file="edgedb/moving/recovery.py",
        before="            if node.store.destination.discard_idle(arrival.session, "
        "arrival.transfer):\n",
        after="            if False:\n",
        test="tests/protocol/test_moving.py::test_what_a_dead_mover_left_is_gone_after_its_time",
    ),
    Mutant(
        name="packets-in-any-order",
        invariant="I2",
        breaks="a packet that is staged late puts older values over newer ones",
        file="edgedb/store/lua/stage.lua",
        before="if int(packets) ~= packet - 1 then return 'gone' end\n",
        after="",
        test="tests/integration/store/test_staging.py::"
        "test_packets_are_staged_in_their_order_and_a_late_repetition_changes_nothing",
    ),
    Mutant(
        name="gaps-in-lists",
        invariant="I2",
        breaks="of a large list only the newer end arrives",
        file="edgedb/moving/copying.py",
        before="        for gap in gaps:\n",
        after="        for gap in gaps[:0]:\n",
        test="tests/protocol/test_gaps_in_lists.py::"
        "test_a_large_list_whose_end_is_newer_than_a_page_of_other_data_arrives_whole",
    ),
    Mutant(
        name="prepared-with-packets-missing",
        invariant="I2",
        breaks="half a session is taken for all of it",
        file="edgedb/store/lua/prepare.lua",
        before=" or staged_packets ~= packets then",
        after=" then",
        test="tests/integration/store/test_destination.py::"
        "test_an_arrival_is_prepared_once_and_for_one_grant",
    ),
    Mutant(
        name="active-twice",
        invariant="I2",
        breaks="a repeated activation puts an old token and version over newer data",
        file="edgedb/store/lua/activate.lua",
        before="call('DEL', meta, arrival)\n",
        after="call('DEL', meta)\n",
        test="tests/integration/store/test_destination.py::"
        "test_only_what_is_prepared_becomes_resident_and_only_once",
    ),
    Mutant(
        name="active-for-another-grant",
        invariant="I1",
        breaks="the answer to one transfer makes the arrival of another one live",
        file="edgedb/store/lua/activate.lua",
        before="if open_for ~= transfer or phase ~= 'prepared' or granted ~= grant then",
        after="if phase ~= 'prepared' then",
        test="tests/integration/store/test_destination.py::"
        "test_only_what_is_prepared_becomes_resident_and_only_once",
    ),
    Mutant(
        name="stranger-is-let-in",
        invariant="I2",
        breaks="two clients' sessions that share an id become one",
        file="edgedb/store/lua/arrive.lua",
        before="if known_proprietary and known_proprietary ~= proprietary then\n",
        after="if false then\n",
        test="tests/integration/store/test_destination.py::"
        "test_what_contradicts_the_nodes_own_knowledge_does_not_arrive",
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
        before="if current == here then return {'resident'} end\n",
        after="",
        test="tests/integration/store/test_update.py::"
        "test_an_update_never_moves_a_resident_nor_makes_a_session",
    ),
    Mutant(
        name="proprietary-is-not-told",
        invariant="I4",
        breaks="the proprietary location never learns of a move that it took no part in",
        file="edgedb/store/destination.py",
        before='"" if is_told else json.dumps(Update(home, token).to_json()),',
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
        file="edgedb/store/lua/common.lua",
        before=" - drop_pieces(field, 1)",
        after="",
        test="tests/integration/store/test_pieces.py::"
        "test_a_copy_brought_up_to_date_has_no_piece_of_what_was_there_before",
    ),
    Mutant(
        name="disk-answers-for-a-lost-connection",
        invariant="I2",
        breaks="a step counts as on disk because a new connection has nothing to wait for",
        file="edgedb/store/durability.py",
        before='            pipe.execute_command("EVAL", sync.text, 1, keys.STATUS)\n',
        after="            pipe.ping()\n",
        test="tests/integration/store/test_durability.py::"
        "test_a_connection_lost_while_the_disk_is_awaited_is_no_answer",
    ),
)
