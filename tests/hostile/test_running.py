"""A tree of processes under hostile clients: it answers, keeps its processes, and its sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import schemathesis

from harness.waiting import until
from tests.hostile.generation import SETTINGS, check, is_for_oracles, schema
from tests.hostile.running import CALLERS, Running, places_of

# but for what declares the other node lost: nothing would move any more
document = schema(["keeper"], ["cloud", "edge-a"]).exclude(path="/function/oracle/lost")
MIB = 2**20


@pytest.fixture(autouse=True)
def _no_process_ends(running: Running) -> Iterator[None]:
    """Whatever a test does, the processes stay the same, and within their memory."""
    before = {process.pid: process.name() for process in running.all_processes()}
    yield
    assert before.items() <= {one.pid: one.name() for one in running.all_processes()}.items()
    assert running.memory() < 300 * MIB


@pytest.fixture(scope="module")
def client() -> Iterator[requests.Session]:
    """Give a client that keeps its connections."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@document.parametrize()
@SETTINGS
def test_every_answer_is_described(
    case: schemathesis.Case,
    running: Running,
    client: requests.Session,
    counted: Counter[str],
) -> None:
    location = places_of(case.operation.path.split("/")[2])
    credentials = running.as_node(CALLERS[location], location)
    response = case.call(
        base_url=running.gateway(location),
        session=client,
        auth=None if is_for_oracles(case) else credentials,
        headers=running.bearer(location) if is_for_oracles(case) else None,
        timeout=30,
        allow_redirects=False,
    )
    counted["generated, of a running tree"] += 1
    check(case, response)


Made = Callable[[], requests.Response]


def at_once(calls: list[Made]) -> Counter[int]:
    """Make calls all at once; counts their statuses."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(lambda call: call().status_code, calls))


@pytest.fixture
def moving(running: Running, request: pytest.FixtureRequest) -> str:
    """Give a session at edge-a with one thing kept."""
    session = f"of {request.node.name}"
    assert running.keep(session).status_code == 200
    return session


def test_of_many_movers_of_one_session_one_moves_it(running: Running, moving: str) -> None:
    def move() -> tuple[int, int]:
        answer = running.oracle("edge-a", "force-offload", session=moving)
        return answer.status_code, answer.json().get("epoch", 0)

    with ThreadPoolExecutor(100) as pool:
        answers = set(pool.map(lambda _: move(), range(100)))
    assert (200, 2) in answers
    assert answers <= {(200, 2), (409, 0), (503, 0)}
    assert running.current(moving) == ["cloud"]


def test_movers_both_ways_and_writers_leave_one_session_with_all_that_was_written(
    running: Running, moving: str
) -> None:
    def write(number: int, location: str) -> Made:
        return lambda: running.keep(moving, location, key=f"{number}")

    movers: list[Made] = [
        lambda: running.oracle("edge-a", "force-offload", session=moving),
        lambda: running.oracle("edge-a", "force-onload", session=moving),
    ]
    writers = [write(n, at) for n in range(20) for at in ("edge-a", "cloud")]
    assert set(at_once(movers * 10 + writers)) <= {200, 307, 404, 409, 503}
    until(lambda: len(running.current(moving)) == 1)
    for number in range(20):  # each is written once, however often it was sent
        until(lambda n=number: written(running, moving, n))  # type: ignore[misc]
    place = running.current(moving)[0]
    server = running.redis(place)
    assert server.llen(f"edge:{{{moving}}}:list:0") == 21
    other = running.redis("cloud" if place == "edge-a" else "edge-a")
    left = [key.decode().rpartition(":")[2] for key in other.scan_iter(f"edge:{{{moving}}}:*")]
    assert set(left) <= {"meta"}


def written(running: Running, session: str, number: int) -> bool:
    """Send a write to where the session is; False where it has just left."""
    places = running.current(session)
    return bool(places) and running.keep(session, places[0], key=f"{number}").status_code == 200


def test_of_many_equal_requests_one_takes_effect(running: Running, moving: str) -> None:
    statuses = at_once([lambda: running.keep(moving, key="the same")] * 100)
    assert set(statuses) <= {200, 503}
    assert running.keep(moving, key="the same").json() == {"kept": 2}


def test_many_ticks_at_once_are_as_good_as_one(running: Running) -> None:
    assert at_once([lambda: running.call("edge-a", "oracle")] * 60) == {200: 60}


def test_nodes_that_ask_each_other_do_not_wait_for_each_other(
    running: Running, moving: str
) -> None:
    """As many questions each way as a process has threads, and more."""
    home = f"{moving} and back"
    running.keep(home)
    for session in (moving, home):
        assert running.oracle("edge-a", "force-offload", session=session).status_code == 200
    assert running.oracle("edge-a", "force-onload", session=home).status_code == 200

    def ask(location: str, session: str) -> Made:
        options = {"method": "GET", "params": {"session": session}}
        return lambda: running.call(location, "test-function", **options)

    statuses = at_once([ask("edge-a", moving), ask("cloud", home)] * 40)
    assert set(statuses) <= {200, 503}  # 502 where a node has waited for EDGE_PEER_TIMEOUT
