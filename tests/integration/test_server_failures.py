"""A node whose server is gone, silent, full or read-only says so, and serves again by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import OutcomeUnknown, StoreUnavailable
from edgedb.moving.source import offers
from edgedb.readiness import require_ready
from edgedb.response import Response
from edgedb.settings import Settings
from edgedb.store import RETRY_PAUSE_S, SessionStore
from edgedb.wire.choices import Policy
from edgedb.wire.headers import PROBLEM_JSON
from edgedb.wire.packet import SessionPacket
from tests.support.failures import (
    become_replica,
    connected,
    fill,
    is_well,
    mend,
    refuse_to_wait_for_the_disk,
    refuse_writes,
)
from tests.support.scripted import Scripted
from tests.support.servers import Server, server_binaries
from tests.support.tree import ORACLE_TOKEN, Tree

LIMIT_S = 2.0
IMPATIENT_S = 0.1  # a timeout for tests that are not about how long it takes
KEY = {"Idempotency-Key": "k"}


@pytest.fixture(scope="module", params=server_binaries(), ids=lambda path: Path(path).name)
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Server]]:
    """Give a server for each location."""
    with (
        Server(tmp_path_factory.mktemp("city"), request.param) as city,
        Server(tmp_path_factory.mktemp("edge"), request.param) as edge,
    ):
        yield {"city": city, "edge": edge}


@pytest.fixture
def server(servers: dict[str, Server]) -> Iterator[Server]:
    """Give the edge's server, empty now and healthy again afterwards."""
    for each in servers.values():
        with each.client() as client:
            client.flushall()
    yield servers["edge"]
    for each in servers.values():
        if not is_well(each):
            each.restart()
        mend(each)


@pytest.fixture
def tree(server: Server, servers: dict[str, Server]) -> Iterator[Tree]:  # noqa: ARG001
    """Give a tree that does not wait long for its servers, with one session."""
    tree = connected(servers, IMPATIENT_S)
    tree.write("edge", "one", headers=KEY)
    yield tree
    for client in tree.clients.values():
        client.close()


def unavailable(response: Response) -> None:
    """Check that a response is a 503 of the store."""
    headers = dict(response.headers)
    assert (response.status, headers["Content-Type"]) == (503, PROBLEM_JSON), response.body
    assert json.loads(response.body)["type"] == "urn:edgedb:problem:StoreUnavailable"
    assert int(headers["Retry-After"]) >= 1


def unknown(response: Response) -> None:
    """Check that a response is a 504 that nobody repeats without a key."""
    headers = dict(response.headers)
    assert (response.status, headers["Content-Type"]) == (504, PROBLEM_JSON), response.body
    assert json.loads(response.body)["type"] == "urn:edgedb:problem:OutcomeUnknown"
    assert "Retry-After" not in headers


CALLS: dict[str, Callable[[Tree], Response]] = {
    "write": lambda tree: tree.call("edge", query="word=two"),
    "new-session": lambda tree: tree.call("edge", session="new"),
    "replay": lambda tree: tree.call("edge", query="word=one", headers=KEY),
    "read": lambda tree: tree.call("edge", "reader"),
    "test-function": lambda tree: tree.call("edge", "test-function", query="session=s"),
    "force-offload": lambda tree: tree.oracle("edge", "force-offload"),
    "tick": lambda tree: tree.respond("edge", "oracle", edgedb.Request("POST")),
}
BREAKS: dict[str, tuple[Callable[[Server], None], Callable[[Server], None]]] = {
    "killed": (Server.kill, Server.start),
    "paused": (Server.pause, Server.resume),
}
breaks = pytest.mark.parametrize(("harm", "heal"), BREAKS.values(), ids=BREAKS.keys())


@breaks
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_without_its_server_a_node_is_503_and_serves_again_once_it_is_back(
    tree: Tree,
    server: Server,
    call: Callable[[Tree], Response],
    harm: Callable[[Server], None],
    heal: Callable[[Server], None],
) -> None:
    harm(server)
    unavailable(call(tree))
    heal(server)
    tree.clock.advance(tree.node("edge").settings.lock_ttl)  # a paused server may run it late
    assert call(tree).status == 200
    assert "one" in tree.words("edge")


def test_a_silent_server_is_noticed_within_two_seconds() -> None:
    """As long as a step and its repetition may take, whatever the machine does."""
    store = SessionStore.connect(Settings("edge", "f", None, "localhost", 6379))
    of_server = store.client.connection_pool.connection_kwargs
    attempts = of_server["retry"].get_retries() + 1
    assert attempts * (of_server["socket_timeout"] + RETRY_PAUSE_S) < LIMIT_S


@breaks
@pytest.mark.parametrize("moment", ["before-the-request", "while-the-handler-runs"])
def test_the_answer_comes_though_the_server_stays_so(
    servers: dict[str, Server],
    server: Server,
    moment: str,
    harm: Callable[[Server], None],
    heal: Callable[[Server], None],
) -> None:
    tree = connected(servers, Settings.redis_timeout)
    is_early = moment == "before-the-request"
    tree.functions["f"] = Scripted(lambda _: None if is_early else harm(server))
    tree.write("edge", "one")

    if is_early:
        harm(server)
    (unavailable if is_early else unknown)(tree.call("edge", "f"))
    heal(server)


@breaks
@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_a_request_that_loses_its_server_takes_effect_once_when_repeated(
    tree: Tree,
    server: Server,
    fails: bool,
    harm: Callable[[Server], None],
    heal: Callable[[Server], None],
) -> None:
    def script(_: edgedb.Request) -> None:
        edgedb.add_to_list("words", "two")
        if function.runs == 1:
            harm(server)
            if fails:
                raise RuntimeError

    function = Scripted(script)
    tree.functions["f"] = function
    (unavailable if fails else unknown)(tree.call("edge", "f", headers={"Idempotency-Key": "f"}))
    heal(server)
    tree.clock.advance(tree.node("edge").settings.lock_ttl)
    for _ in range(2):
        assert tree.call("edge", "f", headers={"Idempotency-Key": "f"}).status == 200
    assert tree.words("edge") == ["one", "two"]


def add_word(tree: Tree, then: Callable[[], object]) -> Scripted:
    """Deploy a function that adds a word, and lets something happen the first time."""

    def script(_: edgedb.Request) -> None:
        edgedb.add_to_list("words", "two")
        if function.runs == 1:
            then()

    function = Scripted(script)
    tree.functions["f"] = function
    return function


def test_a_client_without_a_key_writes_once_if_it_obeys(tree: Tree, server: Server) -> None:
    add_word(tree, server.pause)
    unknown(tree.call("edge", "f"))  # so it does not repeat it
    server.resume()
    assert tree.words("edge") == ["one", "two"]  # the commit had been sent


def test_what_was_never_sent_is_503_and_may_be_repeated(tree: Tree, server: Server) -> None:
    def cut_off() -> None:
        server.kill()
        tree.clients["edge"].connection_pool.disconnect()

    add_word(tree, cut_off)
    unavailable(tree.call("edge", "f"))
    server.start()
    tree.clock.advance(tree.node("edge").settings.lock_ttl)
    assert tree.call("edge", "f").status == 200
    assert tree.words("edge") == ["one", "two"]


@pytest.mark.parametrize("refuse", [refuse_writes, become_replica])
def test_a_commit_that_is_refused_is_503_and_may_be_repeated(
    tree: Tree, server: Server, refuse: Callable[[Server], None]
) -> None:
    add_word(tree, lambda: refuse(server))
    unavailable(tree.call("edge", "f"))
    mend(server)
    tree.clock.advance(tree.node("edge").settings.lock_ttl)
    assert tree.call("edge", "f").status == 200
    assert tree.words("edge") == ["one", "two"]


def lose_next_answer(tree: Tree, then: Callable[[], object]) -> None:
    """Let the next answer of the edge's server be lost, and something happen before it is asked."""
    client: Any = tree.clients["edge"]
    parse = client.parse_response

    def lose(*words: Any, **options: Any) -> Any:
        client.parse_response = parse
        with suppress(redis.ResponseError):
            parse(*words, **options)
        then()
        raise redis.TimeoutError("Timeout reading from socket")

    client.parse_response = lose


def test_a_commit_whose_first_answer_is_lost_is_acknowledged_and_applied_once(tree: Tree) -> None:
    add_word(tree, lambda: lose_next_answer(tree, lambda: None))
    assert tree.call("edge", "f").status == 200
    assert tree.words("edge") == ["one", "two"]


def test_a_commit_that_is_refused_once_an_answer_was_lost_is_unknown(
    tree: Tree, server: Server
) -> None:
    def lose_and_refuse() -> None:
        refuse_writes(server)
        lose_next_answer(tree, lambda: None)

    add_word(tree, lose_and_refuse)
    unknown(tree.call("edge", "f"))


def test_a_commit_that_has_lost_its_session_once_an_answer_was_lost_is_unknown(tree: Tree) -> None:
    add_word(tree, lambda: lose_next_answer(tree, lambda: tree.write("edge", "three")))
    unknown(tree.call("edge", "f", headers={"Idempotency-Key": "f"}))
    assert tree.call("edge", "f", headers={"Idempotency-Key": "f"}).status == 200
    assert tree.words("edge") == ["one", "two", "three"]


def test_a_server_that_restarts_while_a_handler_runs_is_not_even_noticed(
    tree: Tree, server: Server
) -> None:
    def script(_: edgedb.Request) -> None:
        server.restart()
        edgedb.add_to_list("words", "two")

    tree.functions["f"] = Scripted(script)
    assert tree.call("edge", "f").status == 200
    assert tree.words("edge") == ["one", "two"]


def test_nothing_acknowledged_is_missing_after_the_server_was_killed(
    tree: Tree, server: Server
) -> None:
    for n in range(20):
        assert tree.write("edge", str(n)).status == 200
    server.restart()
    assert tree.words("edge") == ["one", *map(str, range(20))]


@pytest.mark.parametrize("refuse", [refuse_writes, become_replica])
def test_a_server_that_takes_no_writes_is_503_until_it_does(
    tree: Tree, server: Server, refuse: Callable[[Server], None]
) -> None:
    refuse(server)
    unavailable(tree.call("edge", query="word=two"))
    unavailable(tree.call("edge", session="new"))
    assert tree.words("edge") == ["one"]
    mend(server)
    assert tree.write("edge", "three").status == 200
    assert tree.words("edge") == ["one", "three"]


def test_a_full_server_is_507_for_writes_and_serves_everything_else(
    tree: Tree, server: Server
) -> None:
    fill(server)
    for response in (tree.call("edge", query="word=two"), tree.call("edge", session="new")):
        assert response.status == 507
        assert int(dict(response.headers)["Retry-After"]) >= 1
    assert tree.words("edge") == ["one"]
    assert tree.call("edge", query="word=one", headers=KEY).status == 200
    tree.functions["idle"] = Scripted(lambda _: "nothing written")
    assert tree.call("edge", "idle").status == 200
    mend(server)
    assert tree.write("edge", "three").status == 200


@pytest.mark.parametrize("query", ["session=s", "", *(f"policy={each}" for each in Policy)])
def test_a_full_node_can_still_give_a_session_away_and_lead_to_it(
    tree: Tree, server: Server, query: str
) -> None:
    fill(server)
    assert tree.oracle("edge", "force-offload", query).status == 200
    assert tree.call("edge").status == 307
    assert tree.write("edge", "two").status == 200
    assert (tree.words("edge"), tree.leftovers()) == (["one", "two"], {})


def test_a_full_node_can_be_told_to_reject_and_keeps_ticking(tree: Tree, server: Server) -> None:
    fill(server)
    assert tree.oracle("edge", "set-offload-status", "status=reject").status == 200
    assert tree.respond("edge", "oracle", edgedb.Request("POST")).status == 200


def test_a_full_destination_takes_nothing_and_the_source_serves_on(
    tree: Tree, servers: dict[str, Server]
) -> None:
    fill(servers["city"])
    assert tree.oracle("edge", "force-offload", "session=s").status == 507
    assert tree.write("edge", "two").status == 200
    assert (tree.residents(), tree.leftovers()) == (["edge"], {})


@breaks
@pytest.mark.parametrize("reads", [False, True], ids=["before-it-is-read", "before-it-is-given"])
def test_a_move_whose_source_loses_its_server_leaves_the_session_where_it_was(
    tree: Tree,
    server: Server,
    reads: bool,
    harm: Callable[[Server], None],
    heal: Callable[[Server], None],
) -> None:
    packet = offered(tree) if reads else offered(tree).without_content()
    harm(server)
    fate = tree.node("edge").peers.offload_session("city", [packet])["s"]
    assert isinstance(fate, OutcomeUnknown if reads else StoreUnavailable)
    heal(server)
    assert tree.write("edge", "two").status == 200
    tree.tick_all()
    assert (tree.residents(), tree.leftovers()) == (["edge"], {})
    assert tree.words("edge") == ["one", "two"]


def test_a_copy_of_a_source_that_started_anew_is_set_aside_until_somebody_has_looked(
    tree: Tree, server: Server
) -> None:
    packet = offered(tree)
    server.kill()
    tree.node("edge").peers.offload_session("city", [packet])
    server.start()
    tree.tick_all()
    assert tree.residents() == ["edge"]
    kept = [key.decode() for key in tree.clients["city"].scan_iter("edge-aside:*")]
    assert any(key.endswith(":{s}:lists") for key in kept)


def offered(tree: Tree) -> SessionPacket:
    """Give what the edge offers."""
    packet = offers(tree.node("edge"), ["s"])["s"]
    assert isinstance(packet, SessionPacket)
    return packet


@pytest.mark.parametrize("location", ["edge", "city"])
def test_a_move_that_is_to_be_on_disk_is_refused_where_a_server_cannot_say_so(
    server: Server, servers: dict[str, Server], location: str
) -> None:
    assert server
    tree = connected(servers, IMPATIENT_S, fsync_moves=True)
    tree.write("edge", "one")
    refuse_to_wait_for_the_disk(servers[location])
    answer = tree.oracle("edge", "force-offload", "session=s")
    assert json.loads(answer.body)["type"] == "urn:edgedb:problem:ConfigurationError"
    assert tree.write("edge", "two").status == 200
    tree.tick_all()
    assert (tree.residents(), tree.leftovers()) == (["edge"], {})
    assert tree.words("edge") == ["one", "two"]


def test_how_a_node_is_says_what_its_server_refuses(tree: Tree, server: Server) -> None:
    asked = edgedb.Request("GET", headers=Headers({"Authorization": f"Bearer {ORACLE_TOKEN}"}))
    assert tree.respond("edge", "oracle", asked).status == 200
    become_replica(server)
    answer = tree.respond("edge", "oracle", asked)
    unavailable(answer)
    assert "is a replica and takes no writes" in json.loads(answer.body)["detail"]


@breaks
def test_readiness_is_the_servers(
    tree: Tree, server: Server, harm: Callable[[Server], None], heal: Callable[[Server], None]
) -> None:
    require_ready(tree.node("edge"))
    harm(server)
    with pytest.raises(StoreUnavailable):
        require_ready(tree.node("edge"))
    heal(server)
    require_ready(tree.node("edge"))
