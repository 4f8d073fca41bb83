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
)
