"""Faults in what the doctor does: what it believes, what it touches."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="adopted-unasked",
        invariant="I1",
        breaks="a copy becomes a second session beside the one that lives on elsewhere",
        file="edgedb/checking/repairs.py",
        before="    other = holder(node, arrival.token)\n",
        after="    other = None\n",
        test="tests/protocol/test_doctor.py::"
        "test_a_copy_is_not_adopted_where_the_session_lives_on_elsewhere",
    ),
    Mutant(
        name="owned-data-set-aside",
        invariant="I2",
        breaks="what a session or an arrival owns by now is taken from it",
        file="edgedb/store/lua/set_aside.lua",
        before="  local is_lost = not is_owned or",
        after="  local is_lost = number == '' or not is_owned or",
        test="tests/integration/store/test_inspection.py::test_what_is_in_order_is_not_mended",
    ),
    Mutant(
        name="another-pointer-mended",
        invariant="I4",
        breaks="a pointer that was right by now leads back to where the session was",
        file="edgedb/store/lua/repoint.lua",
        before=" or epoch ~= found_epoch then",
        after=" then",
        test="tests/integration/store/test_inspection.py::"
        "test_only_the_pointer_that_was_found_is_changed",
    ),
    Mutant(
        name="indexed-before-it-is-there",
        invariant="I6",
        breaks="a session whose first request leaves nothing behind stays in the indexes",
        file="edgedb/store/lua/reindex.lua",
        before=" and int(version) > 0 then",
        after=" then",
        test="tests/integration/store/test_inspection.py::"
        "test_a_new_session_is_not_indexed_before_its_first_commit",
    ),
    Mutant(
        name="adopted-of-who-may-come-back",
        invariant="I2",
        breaks="a copy is served though its source, whose volume was mounted late, has gone on",
        file="edgedb/checking/tracing.py",
        before="    if not node.store.inspection.is_lost(location):\n",
        after="    if False:\n",
        test="tests/protocol/test_doctor.py::test_the_last_copy_of_a_session_is_adopted",
    ),
    Mutant(
        name="a-ghost-is-said-to-have-moved",
        invariant="I6",
        breaks="a move is reported of a session that is in two places",
        file="edgedb/moving/recovery.py",
        before="fates[session] = forked(token, source) if is_there else token",
        after="fates[session] = token",
        test="tests/protocol/test_forks.py::test_nothing_says_that_a_ghost_has_moved",
    ),
    Mutant(
        name="ceded-to-an-earlier-owner",
        invariant="I1",
        breaks="a session that has come back is set aside for where it was before",
        file="edgedb/store/lua/cede.lua",
        before="if not is_wanted then return 'later' end\n",
        after="",
        test="tests/integration/store/test_aside.py::test_what_is_no_older_is_not_ceded",
    ),
    Mutant(
        name="restored-over-another",
        invariant="I2",
        breaks="a session is overwritten by one that was set aside",
        file="edgedb/store/lua/restore.lua",
        before="  return 'taken'\n",
        after="",
        test="tests/integration/store/test_aside.py::test_nothing_is_overwritten",
    ),
    Mutant(
        name="forks-unseen-while-they-move",
        invariant="I6",
        breaks="a session that moves while the doctor looks is called forked",
        file="edgedb/checking/places.py",
        before="        if known == token:\n",
        after="        if known is not None:\n",
        test="tests/protocol/test_forks.py::test_what_moves_while_it_is_looked_at_is_no_fork",
    ),
)
