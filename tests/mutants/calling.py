"""Faults in who is told what, and in what is asked again."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        name="call-repeated-while-at-work",
        invariant="I6",
        breaks="a move that is under way is asked for again, and its caller told of the second",
        file="edgedb/wire/openfaas.py",
        before="_WITHOUT_PROCESS = frozenset({429, 500, 503})",
        after="_WITHOUT_PROCESS = frozenset({429, 500, 502, 503, 504})",
        test="tests/protocol/test_waking.py::"
        "test_a_move_that_may_be_under_way_is_not_asked_for_again",
    ),
    Mutant(
        name="unknown-repeated-without-a-key",
        invariant="I3",
        breaks="a write whose answer was lost is made twice",
        file="edgedb/client/session.py",
        before="if not (call.has_key or had_no_effect(outcome)):",
        after="if not (call.has_key or had_no_effect(outcome) or True):",
        test="tests/unit/client/test_outcomes.py::"
        "test_without_a_key_what_may_have_happened_is_not_repeated",
    ),
    Mutant(
        name="unconfirmed-gateway-is-told",
        invariant="I6",
        breaks="credentials go wherever a redirect says that the session is",
        file="edgedb/client/gateways.py",
        before='        raise UnconfirmedGateway(f"{place}',
        after="        return target.removesuffix(rest)\n"
        '        raise UnconfirmedGateway(f"{place}',
        test="tests/unit/client/test_redirects.py::"
        "test_where_no_node_confirms_that_the_session_is_nobody_is_told",
    ),
)
