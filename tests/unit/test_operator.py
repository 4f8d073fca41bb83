"""The operator's calls go to gateways, and problems come back as one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from edgectl.local import ports
from edgectl.operating import CallFailed, Operator
from edgedb.errors import UnknownLocation
from edgedb.topology.tree import Topology
from edgedb.wire import openfaas
from edgedb.wire.choices import OffloadStatus
from tests.support.answering import Call, answering

LOAD = {"status": "accept", "sessions": 1, "bytes": 20, "arrivals": 0, "outbox": 0}
LOAD |= {"used": 2_000_000, "maxmemory": 4_000_000}
TOKEN = {
    "session": "s",
    "proprietaryLocation": "edge",
    "currentLocation": "cloud",
    "function": "cart",
    "epoch": 2,
}
PROBLEM = {"type": "about:blank", "title": "Not found", "status": 404, "detail": "no such session"}


@pytest.fixture
def asleep() -> Counter[str]:
    """Say how many calls of a function the platform answers, because it has no process yet."""
    return Counter()


def answer(call: Call) -> tuple[int, Any]:
    match call.function, call.query.get("session", ""):
        case ("oracle", _):
            return 200, {"location": call.location, **LOAD}
        case ("oracle/sessions", _):
            return 200, {"sessions": [{**TOKEN, "bytes": 20, "lastAccess": "2026-01-02T03:04:05Z"}]}
        case ("test-function", "a b/ü"):
            return 200, "offloaded: no" if call.location == "cloud" else "offloaded: yes (cloud)"
        case ("force-offload", ""):
            return 200, TOKEN
        case ("force-onload", _):
            return 200, [TOKEN]
        case ("set-offload-status", _):
            return 200, {"location": call.location, "status": "reject"}
        case ("force-offload", "crash"):
            return 500, ""
        case (function, _) if function.endswith("/_/ready"):
            return 200, "ready"
        case _:
            return 404, PROBLEM


@pytest.fixture
def served(asleep: Counter[str]) -> Iterator[tuple[str, list[Call]]]:
    """Serve all locations; gives where, and the calls that will be made."""

    def answered(call: Call) -> tuple[int, Any]:
        name = call.function.partition("/")[0]
        if asleep[name] == 0:
            return answer(call)
        asleep[name] -= 1
        return 500, f"Can't reach service for: {name}."

    with answering(answered) as found:
        yield found


@pytest.fixture
def seen(served: tuple[str, list[Call]]) -> list[Call]:
    """Give the calls that will be made."""
    return served[1]


@pytest.fixture
def operator(served: tuple[str, list[Call]]) -> Iterator[Operator]:
    """Give the operator of a tree of which one leaf does not run."""
    base, _ = served
    with ports.reserve() as nobody:
        locations = {
            "cloud": {"gateway": f"{base}/cloud"},
            "edge": {"parent": "cloud", "gateway": f"{base}/edge"},
            "dark": {"parent": "cloud", "gateway": f"http://127.0.0.1:{ports.port_of(nobody)}"},
        }
        document = {"levels": ["cloud", "edge"], "locations": locations}
        yield Operator(Topology.from_json(document), lambda _: ["word", "old word"])


def test_status_names_every_node_even_one_that_does_not_answer(operator: Operator) -> None:
    cloud, edge, dark = operator.status()
    assert cloud == {
        "location": "cloud",
        "level": "cloud",
        "parent": None,
        "gateway": operator.topology["cloud"].gateway,
        **LOAD,
    }
    assert (edge["location"], edge["parent"]) == ("edge", "cloud")
    assert dark["error"].startswith("dark: no answer from oracle (")


def test_moves_carry_the_token_and_what_was_asked_for(operator: Operator, seen: list[Call]) -> None:
    assert operator.offload("edge", {"session": None, "policy": "random"}) == TOKEN
    assert operator.onload("edge", {"session": "s", "count": 2}) == [TOKEN]
    rejects = operator.set_status("edge", OffloadStatus.REJECT)
    assert rejects == {"location": "edge", "status": "reject"}
    assert [call for call in seen if not call.function.endswith("/_/ready")] == [
        Call("POST", "/edge/function/force-offload?policy=random", "Bearer word"),
        Call("POST", "/edge/function/force-onload?session=s&count=2", "Bearer word"),
        Call("POST", "/edge/function/set-offload-status?status=reject", "Bearer word"),
    ]


def test_a_node_that_has_not_the_current_token_yet_is_told_the_one_before() -> None:
    def answer(call: Call) -> tuple[int, Any]:
        is_known = call.credentials == "Bearer old word"
        return (200, LOAD) if is_known else (401, PROBLEM)

    with answering(answer) as (base, calls):
        document = {"levels": ["cloud"], "locations": {"cloud": {"gateway": base}}}
        tree = Topology.from_json(document)
        assert Operator(tree, lambda _: ["word", "old word"]).load("cloud") == LOAD
        assert [call.credentials for call in calls] == ["Bearer word", "Bearer old word"]
        with pytest.raises(CallFailed, match=r"\(401\)"):
            Operator(tree, lambda _: ["word", "no word"]).load("cloud")


def test_sessions_are_listed(operator: Operator) -> None:
    assert [entry["session"] for entry in operator.sessions("cloud", {"limit": 5})] == ["s"]


def test_where_asks_every_node_and_needs_no_credentials(
    operator: Operator, seen: list[Call]
) -> None:
    assert operator.where("a b/ü").to_json() == {
        "session": "a b/ü",
        "currentLocations": ["cloud"],
        "answers": {"cloud": "offloaded: no", "edge": "offloaded: yes (cloud)"},
    }
    assert {call.credentials for call in seen} == {None}


def test_a_session_that_nobody_knows_may_be_where_nobody_answers(operator: Operator) -> None:
    with pytest.raises(CallFailed, match="no node knows a session 'x'; dark: no answer from"):
        operator.where("x")


@pytest.mark.parametrize(
    ("location", "session", "message"),
    [
        ("edge", "x", r"edge: Not found: no such session \(404\)"),
        (
            *("edge", "crash"),
            "edge: force-offload has no process, or has lost it: the platform answered 500,"
            " without a body",
        ),
        ("dark", "x", r"dark: no answer from force-offload \(.*refused"),
    ],
)
def test_a_problem_is_one_line(
    operator: Operator, location: str, session: str, message: str
) -> None:
    with pytest.raises(CallFailed, match=message) as caught:
        operator.offload(location, {"session": session})
    assert "\n" not in caught.value.message


def test_a_function_that_is_asleep_is_woken(
    operator: Operator, seen: list[Call], asleep: Counter[str]
) -> None:
    asleep.update({"oracle": 3, "test-function": 3, "force-offload": 3})
    assert "error" not in operator.status()[0]
    assert [entry["session"] for entry in operator.sessions("cloud", {})] == ["s"]
    assert operator.where("a b/ü").current_locations == ["cloud"]
    assert operator.offload("edge", {"session": None}) == TOKEN
    assert [call.function for call in seen].count("force-offload") == 1


def test_a_function_that_does_not_wake_up_is_named(
    operator: Operator, asleep: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openfaas, "WAKING_S", 0.2)
    asleep["oracle"] = 1000
    with pytest.raises(CallFailed, match=r"cloud: oracle/sessions has no process.*Can't reach"):
        operator.sessions("cloud", {})


def test_what_acts_is_not_sent_to_a_function_that_may_have_begun(
    operator: Operator, seen: list[Call]
) -> None:
    with pytest.raises(CallFailed, match="has lost it"):
        operator.offload("edge", {"session": "crash"})
    assert [call.function for call in seen].count("force-offload") == 1


def test_an_unknown_location_is_an_error_before_any_call(
    operator: Operator, seen: list[object]
) -> None:
    with pytest.raises(UnknownLocation, match="'nowhere'"):
        operator.offload("nowhere", {})
    assert not seen
