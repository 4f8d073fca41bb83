"""Faults in who is believed to be whom."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="key-of-both-directions",
        invariant="I6",
        breaks="a call that a node has made is sent back to it as one of the other's",
        file="edgedb/peers/keys.py",
        before='_derived(key, "call", caller, called)',
        after='_derived(key, "call", *sorted((caller, called)))',
        test="tests/unit/test_keys.py::test_every_call_has_a_key_of_its_own_for_each_direction",
    ),
    Mutant(
        name="headers-not-signed",
        invariant="I6",
        breaks="a captured call names the sessions of another location",
        file="edgedb/peers/credentials.py",
        before="body, *self.signed)",
        after="body)",
        test="tests/hostile/test_attacks.py::test_a_captured_call_is_good_for_nothing_else",
    ),
    Mutant(
        name="credential-for-ever",
        invariant="I6",
        breaks="a call that was captured is made again whenever somebody likes",
        file="edgedb/peers/credentials.py",
        before="    if not -LEEWAY_S <= age <= LIFE_S + LEEWAY_S:\n",
        after="    if False:\n",
        test="tests/unit/test_auth.py::test_a_credential_is_over_after_a_minute_and_the_leeway",
    ),
    Mutant(
        name="one-key-is-tried",
        invariant="I5",
        breaks="a node that is told of new keys before another is refused by it",
        file="edgedb/peers/signing.py",
        before="    while left := ",
        after="    if left := ",
        test="tests/protocol/test_rotation.py::test_whatever_nodes_are_told_first_no_call_fails",
    ),
    Mutant(
        name="secret-is-read-once",
        invariant="I5",
        breaks="a key that is replaced stays in use until each function is deployed again",
        file="edgedb/secret_file.py",
        before="        if last is None or stamp not in {(), last[0]}:\n",
        after="        if last is None:\n",
        test="tests/unit/test_secret_file.py::"
        "test_a_secret_is_read_again_when_its_file_was_replaced_or_written",
    ),
    Mutant(
        name="any-epoch-is-taken",
        invariant="I5",
        breaks="one session of a leaf keeps those of the others from being brought home",
        file="edgedb/moving/copying.py",
        before="TAKEN_LIMIT = VERSION_LIMIT // 2\n",
        after="TAKEN_LIMIT = VERSION_LIMIT\n",
        test="tests/hostile/test_lasting_harm.py::"
        "test_a_number_that_nobody_could_read_soon_is_not_taken_from_a_node_below",
    ),
)
