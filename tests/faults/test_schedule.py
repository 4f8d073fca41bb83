"""The seed says what happens when; nothing else does."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from tests.faults.place import End
from tests.faults.schedule import WEIGHTS, Breakage, Fault, schedule
from tests.faults.script import HEAVY_BYTES, SUBJECTS, Call, actions, calls
from tests.linearizability.history import Kind

FUNCTIONS = {"cloud": ["ledger", "oracle"], "city": ["ledger", "oracle"], "edge-a": ["ledger"]}
LONG = schedule(7, 600, FUNCTIONS)


def test_a_seed_gives_one_schedule_and_a_shorter_run_is_the_beginning_of_it() -> None:
    short = schedule(7, 60, FUNCTIONS)
    assert schedule(7, 600, FUNCTIONS) == LONG
    assert schedule(8, 600, FUNCTIONS) != LONG
    assert LONG[: len(short)] == short
    assert all(fault.at < 60 for fault in short)


def test_every_kind_of_fault_happens_often_in_the_order_of_time_and_no_node_is_spared() -> None:
    assert {fault.kind for fault in LONG} == set(Breakage) == WEIGHTS.keys()
    assert {fault.link.location for fault in LONG} == FUNCTIONS.keys()
    assert sorted(LONG, key=lambda fault: fault.at) == LONG
    assert len(LONG) > 600 / 2


def test_a_broken_link_is_not_broken_again_before_it_is_mended() -> None:
    last: dict[object, Fault] = {}
    for fault in LONG:
        if fault.kind in {Breakage.CUT, Breakage.STALLED}:
            earlier = last.get(fault.link)
            assert earlier is None or earlier.until <= fault.at
            last[fault.link] = fault


def test_what_is_killed_is_what_is_there() -> None:
    functions = {Breakage.FUNCTION_KILLED, Breakage.FUNCTION_PAUSED}
    ends = {Breakage.GATEWAY_KILLED: End.GATEWAY, Breakage.SERVER_KILLED: End.SERVER}
    for fault in LONG:
        expected = FUNCTIONS[fault.link.location] if fault.kind in functions else [""]
        assert fault.function in expected
        assert fault.link.end is ends.get(fault.kind, fault.link.end)


def test_clients_and_movers_do_what_the_seed_says() -> None:
    assert _first_calls(1, 2) == _first_calls(1, 2)
    assert _first_calls(1, 2) != _first_calls(1, 3)
    assert _first_calls(1, 2) != _first_calls(2, 2)
    assert list(islice(actions(1, 0), 50)) == list(islice(actions(1, 0), 50))


def test_no_two_values_are_the_same() -> None:
    names = [call.name for client in range(12) for call in _first_calls(1, client)]
    assert len(set(names)) == len(names)


def test_clients_share_sessions_of_every_home_and_leave_none_out() -> None:
    used = Counter(call.subject for client in range(12) for call in _first_calls(1, client))
    assert used.keys() == set(SUBJECTS)
    assert {subject.home for subject in SUBJECTS} == {"edge-a", "edge-b", "city"}


def test_some_values_are_large_in_heavy_sessions_only() -> None:
    seen = [call for client in range(12) for call in _first_calls(1, client)]
    assert max(call.padding for call in seen if call.subject.is_heavy) > HEAVY_BYTES / 2
    assert max(call.padding for call in seen if not call.subject.is_heavy) < 200
    assert {call.kind for call in seen} == set(Kind)


def _first_calls(seed: int, client: int) -> list[Call]:
    return list(islice(calls(seed, client), 200))
